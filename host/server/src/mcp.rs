//! The Model Context Protocol: over HTTP at `/mcp`, and over standard input and output.
//!
//! Contract: every tool that serves is `{skill}__{tool}`, in the same order whoever asks; skill folders are served as text. A
//! caller sees and runs what its token lets it, and no message can approve, grant or load anything. Both eras of the protocol are
//! spoken: with a handshake and sessions (2025-11-25 and before), and without (2026-07-28). Whatever one client holds on to is
//! bounded: sessions, tasks, lines, bodies. A message that is none is answered as the protocol says, and ends nothing.
//! Price: what a run costs, one task of the executor and two copies of input and output.

mod announce;
mod call;
mod changes;
mod handler;
mod http;
mod outcome;
mod sessions;
mod skills;
mod stdio;
mod tasks;
mod tools;
mod who;
mod wire;

use std::time::Duration;

use rmcp::ErrorData;
use skillhost_access::Tokens;
use skillhost_lifecycle::{Host, McpConfig};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

pub(crate) use self::http::{Http, routes};
use self::skills::Skills;
pub use self::stdio::stdio;
use self::tasks::Tasks;
use crate::calls::Calls;

/// How long a question waits for a host that is still absorbing its folder: less than clients wait for an answer. After that it
/// is answered with what serves by then, and `list_changed` tells of the rest.
const SETTLING: Duration = Duration::from_secs(20);

/// Entries of a list on one page. Few clients ask for a second one, so the usual host fits the first.
const PAGE: usize = 250;

/// What all connections share.
pub(crate) struct Mcp {
    host: Host,
    /// None where nobody needs one.
    tokens: Option<Tokens>,
    config: McpConfig,
    tasks: Tasks,
    skills: Skills,
    /// There once the folder is absorbed, or was waited for.
    settled: OnceCell<()>,
    calls: Calls,
    /// Cancelled when no more calls are taken.
    stopping: CancellationToken,
}

impl Mcp {
    fn new(host: Host, config: McpConfig, calls: Calls, stopping: CancellationToken) -> Self {
        Self {
            host,
            tokens: None,
            config,
            tasks: Tasks::default(),
            skills: Skills::default(),
            settled: OnceCell::new(),
            calls,
            stopping,
        }
    }

    /// Comes back when what lies in the folder serves, or was waited for long enough.
    async fn settled(&self) {
        let wait = || async { drop(tokio::time::timeout(SETTLING, self.host.absorbed()).await) };
        self.settled.get_or_init(wait).await;
    }
}

/// One page of `all`, which is sorted by `name`, and where the next one begins.
fn page<T>(
    all: Vec<T>,
    cursor: Option<&str>,
    name: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>), ErrorData> {
    // A cursor is the last name of the page before it, so that a list may change between two pages.
    let after = match cursor {
        Some(cursor) if all.iter().any(|item| name(item) == cursor) => Some(cursor),
        Some(_) => return Err(ErrorData::invalid_params("the list is another one since; ask without `cursor`", None)),
        None => None,
    };
    let mut rest = all.into_iter().filter(|item| after.is_none_or(|after| name(item) > after));
    let page: Vec<T> = rest.by_ref().take(PAGE).collect();
    let next = rest.next().and_then(|_| page.last()).map(|last| name(last).to_owned());
    Ok((page, next))
}
