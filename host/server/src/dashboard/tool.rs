//! `POST /skills/SKILL/tools/TOOL`: a tool run from its form.

use axum::extract::Path;
use axum::response::{Redirect, Response};
use skillhost_access::Role;
use skillhost_lifecycle::RunRequest;
use skillhost_types::{Caller, LimitsPatch, SkillName};

use super::fault::Fault;
use super::form::{Form, read};
use super::posted::Posted;
use super::skill::{Outcome, show};
use crate::shared::State;

/// `GET` of the same, which a reload or a bookmark asks for: the form is on the skill's page.
pub(super) async fn form(Path((skill, tool)): Path<(String, String)>) -> Result<Redirect, Fault> {
    let (skill, tool) = (named(&skill)?, named(&tool)?);
    Ok(Redirect::to(&format!("/skills/{skill}#tool-{tool}")))
}

fn named(name: &str) -> Result<SkillName, Fault> {
    SkillName::new(name).map_err(|_| Fault::not_found("There is no such skill or tool."))
}

/// Runs it and shows what came of it beside the form. Whoever goes away cancels it, which is recorded.
pub(super) async fn run(
    shared: State,
    Path((skill, tool)): Path<(String, String)>,
    Posted { session, fields }: Posted,
) -> Result<Response, Fault> {
    session.need(Role::Caller)?;
    let app = shared.app()?;
    let host = &app.host;
    let missing = || Fault::not_found("This tool is not there any more. The skill's page shows what there is.");
    let generation = host.skill(&skill).ok_or_else(missing)?;
    let schema = generation.tool(&tool).ok_or_else(missing)?.input_schema();
    let input = match read(schema, &fields) {
        Ok(input) => input,
        Err(misfits) => {
            let outcome = Outcome::new(&tool, Form::new(&tool, schema, Some((&fields, &misfits))), None);
            return show(app, &session, &skill, Some(outcome)).await;
        }
    };
    let request = RunRequest {
        skill: skill.clone(),
        tool: Some(tool.clone()),
        input,
        caller: Caller::Http(session.identity.name.clone()),
        tenant: session.identity.tenants.runs_as(),
        limits: LimitsPatch::default(),
        progress: None,
        cancel: None,
    };
    let record = shared.calls.run(host, request).await;
    let outcome = Outcome::new(&tool, Form::new(&tool, schema, Some((&fields, &[]))), Some(record));
    show(app, &session, &skill, Some(outcome)).await
}
