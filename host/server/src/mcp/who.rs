//! Who sends a message.
//!
//! Contract: the holder of the token it came with, or the person who started this process, who is a caller and never more. What a
//! client calls itself is shown and gives nothing.

use std::sync::Arc;

use http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::Extensions;
use skillhost_access::{Identity, Role};
use skillhost_types::{Caller, Tenant};

/// Longest name of a client that is kept, in characters: enough to know it by.
const LONGEST_NAME: usize = 64;

/// Who sends a message, and what that gives.
#[derive(Clone)]
pub(super) struct Who {
    /// The token's holder; none: the person who started this process.
    pub(super) identity: Option<Identity>,
    /// Under which address the client reaches this host; none: under none.
    pub(super) address: Option<Arc<str>>,
}

impl Who {
    /// The person who started this process: a caller, and never more.
    pub(super) fn local() -> Self {
        Self { identity: None, address: None }
    }

    /// Whoever sent the message with these extensions: what the request it came in was let in with.
    pub(super) fn of(extensions: &Extensions) -> Result<Self, ErrorData> {
        let who = extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Self>()).cloned();
        who.ok_or_else(|| ErrorData::internal_error("the message came without its sender", None))
    }

    /// May it run tools?
    pub(super) fn may_call(&self) -> bool {
        self.identity.as_ref().is_none_or(|identity| identity.role >= Role::Caller)
    }

    /// Whose its runs are.
    pub(super) fn tenant(&self) -> Tenant {
        self.identity.as_ref().map(|identity| identity.tenants.runs_as()).unwrap_or_default()
    }

    /// As whom its runs are written down: under its token's name, since what a client says of itself is anybody's word. Where there
    /// is no token there is nothing else.
    pub(super) fn caller(&self, client: Option<String>) -> Caller {
        let name = match &self.identity {
            Some(identity) => identity.name.clone(),
            None => client.map_or_else(|| "stdio".into(), |name| shown(&name).into()),
        };
        Caller::Mcp(name)
    }
}

/// A client's name for itself, safe to show.
fn shown(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(LONGEST_NAME).collect()
}
