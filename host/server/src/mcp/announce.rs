//! That something waits for a person, told to the person behind a client.
//!
//! Contract: it tells; whatever comes back decides nothing. Who decides does so on the dashboard or the command line.

use std::time::Duration;

use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitationCapability, ElicitationSchema, InputRequest, InputRequests,
    InputRequiredResult,
};
use skillhost_lifecycle::{Approval, ApprovalState};

use super::Mcp;
use super::call::Call;
use super::tools::Era;
use super::who::Who;

/// How long a call waits for a person to take note: as long as it takes to read a line and to press a key. After that it is
/// answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the one question is called.
const KEY: &str = "approval";

/// How somebody hears of it.
pub(super) enum Announced {
    /// By the answer itself; the client calls again then.
    Ask(InputRequiredResult),
    /// They were told.
    Told,
}

/// Tells that `skill` waits, if it does, the client can tell people, and it was not told for this call before.
pub(super) async fn announce(mcp: &Mcp, who: &Who, skill: &str, call: &Call<'_>) -> Option<Announced> {
    if call.params.input_responses.is_some() || call.params.request_state.is_some() {
        return None;
    }
    let elicitation = call.context.client_capabilities()?.elicitation?;
    let approval = waiting(mcp, skill).await?;
    let params = params(&approval, who, &elicitation)?;
    if call.era == Era::Stateless {
        let asked = InputRequests::from([(KEY.to_owned(), InputRequest::Elicitation(ElicitRequest::new(params)))]);
        return Some(Announced::Ask(InputRequiredResult::from_input_requests(asked)));
    }
    let told = call.context.peer.create_elicitation_with_timeout(params, Some(PATIENCE));
    tokio::select! {
        told = told => if let Err(error) = told {
            tracing::debug!(%error, "nobody took note of what waits");
        },
        () = call.context.ct.cancelled() => {}
    }
    Some(Announced::Told)
}

async fn waiting(mcp: &Mcp, skill: &str) -> Option<Approval> {
    let host = mcp.host.clone();
    let list = tokio::task::spawn_blocking(move || host.approvals(false)).await;
    let waits = |approval: &Approval| approval.skill == skill && approval.state == ApprovalState::Proposed;
    list.ok()?.inspect_err(|error| tracing::warn!(%error, "cannot see what waits")).ok()?.into_iter().find(waits)
}

fn params(approval: &Approval, who: &Who, can: &ElicitationCapability) -> Option<ElicitRequestParams> {
    let Approval { id, skill, new, .. } = approval;
    let asks: Vec<_> = new.iter().map(|grant| format!("`{grant}`")).collect();
    let asks = if asks.is_empty() { "its approval".to_owned() } else { asks.join(", ") };
    let message = format!(
        "The skill `{skill}` waits for a person: it asks for {asks}. Decide on the dashboard, or with `skillhost approve {id}` \
         or `skillhost reject {id}`; nothing that is answered here decides."
    );
    match (&can.url, &who.address) {
        (Some(_), Some(address)) => Some(ElicitRequestParams::UrlElicitationParams {
            meta: None,
            message,
            url: format!("{address}/approvals#{id}"),
            elicitation_id: id.clone(),
        }),
        // A client that says neither knows forms.
        _ if can.form.is_some() || can.url.is_none() => Some(ElicitRequestParams::FormElicitationParams {
            meta: None,
            message,
            requested_schema: ElicitationSchema::builder().build().ok()?,
        }),
        _ => None,
    }
}
