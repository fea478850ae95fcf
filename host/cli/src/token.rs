//! `token`: who may call over HTTP.

use std::process::ExitCode;

use serde_json::json;
use skillhost_access::{AccessError, Role, Tenants, TokenInfo, Tokens};
use skillhost_types::{Source as _, System};

use crate::args::{AboutTokens, AddToken, Common, RevokeToken, Token};
use crate::fail::Fail;
use crate::{print, session};

pub(crate) fn token(common: &Common, asked: &Token) -> Result<ExitCode, Fail> {
    // A running host looks into the same database at each request, so it need not be asked.
    let tokens = Tokens::open(&session::config(common)?.data_dir)?;
    match &asked.about {
        AboutTokens::Add(add) => self::add(common, &tokens, add),
        AboutTokens::List => list(common, &tokens),
        AboutTokens::Revoke(revoke) => self::revoke(common, &tokens, revoke),
    }
}

fn add(common: &Common, tokens: &Tokens, add: &AddToken) -> Result<ExitCode, Fail> {
    let AddToken { name, role, tenant } = add;
    let token = tokens.add(name, *role, tenant.clone(), System.now())?;
    if common.json {
        print::json(&token.expose());
    } else {
        print::raw(token.expose());
    }
    if !common.quiet {
        print::note(&format!("this is the only time that it is shown; {name} has the {}", reach(*role, tenant)));
    }
    Ok(ExitCode::SUCCESS)
}

fn reach(role: Role, tenant: &Tenants) -> String {
    match tenant {
        Tenants::All => format!("role {role} for all tenants"),
        Tenants::One(tenant) => format!("role {role} for tenant {tenant}"),
    }
}

fn list(common: &Common, tokens: &Tokens) -> Result<ExitCode, Fail> {
    let list = tokens.list()?;
    if common.json {
        print::json(&list);
        return Ok(ExitCode::SUCCESS);
    }
    if list.is_empty() {
        print::note(
            "no tokens; `skillhost up` makes the first, or: skillhost token add NAME --role admin --tenant '*'",
        );
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = list.into_iter().map(row).collect();
    print::table(&["NAME", "ROLE", "TENANT", "CREATED"], &rows, |_, _| None);
    Ok(ExitCode::SUCCESS)
}

fn row(token: TokenInfo) -> Vec<String> {
    let TokenInfo { name, role, tenant, created_at } = token;
    vec![name, role.to_string(), tenant.to_string(), created_at.to_string()]
}

fn revoke(common: &Common, tokens: &Tokens, revoke: &RevokeToken) -> Result<ExitCode, Fail> {
    let name = &revoke.name;
    if !tokens.revoke(name)? {
        return Err(Fail::not_found(format!(
            "there is no token `{}`; `skillhost token list` shows them",
            name.escape_default()
        )));
    }
    if common.json {
        print::json(&json!({"revoked": name}));
    } else if !common.quiet {
        print::line(&format!("revoked {name}"));
    }
    Ok(ExitCode::SUCCESS)
}

impl From<AccessError> for Fail {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Name { .. } | AccessError::Taken { .. } => Self::usage(error),
            AccessError::Random(_) | AccessError::File { .. } | AccessError::Store(_) => Self::internal(error),
        }
    }
}
