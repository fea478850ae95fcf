//! `list_changed`: that something else serves.

use std::time::Duration;

use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use skillhost_lifecycle::Host;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::who::Who;

/// What changes together is told once, and nobody waits for it noticeably.
const TOGETHER: Duration = Duration::from_millis(50);

/// The changes of what serves, as one client hears of them.
struct Changes {
    changes: watch::Receiver<()>,
    ended: CancellationToken,
}

impl Changes {
    fn of(host: &Host, ended: CancellationToken) -> Self {
        Self { changes: host.changes(), ended }
    }

    /// Waits for the next one. Says whether there was one, and not the end.
    async fn next(&mut self) -> bool {
        tokio::select! {
            changed = self.changes.changed() => if changed.is_err() { return false },
            () = self.ended.cancelled() => return false,
        }
        tokio::time::sleep(TOGETHER).await;
        self.changes.borrow_and_update();
        true
    }
}

impl Mcp {
    /// Is whoever began to listen still let in?
    fn still(&self, who: &Who) -> bool {
        let (Some(tokens), Some(identity)) = (&self.tokens, &who.identity) else { return true };
        tokens.still(identity).is_ok_and(|identity| identity.is_some())
    }

    /// Tells `peer` of changes until `ended`.
    pub(super) async fn tell_of_changes(&self, peer: Peer<RoleServer>, who: Who, ended: CancellationToken) {
        let mut changes = Changes::of(&self.host, ended);
        while changes.next().await && self.still(&who) {
            if peer.notify_tool_list_changed().await.is_err() || peer.notify_resource_list_changed().await.is_err() {
                return;
            }
        }
    }

    /// Tells a subscriber of what it subscribed to, until it leaves or the host stops.
    pub(super) async fn tell_subscriber(&self, subscription: &SubscriptionContext, who: &Who) {
        let ended = self.stopping.child_token();
        let mut changes = Changes::of(&self.host, ended);
        let accepted = subscription.accepted();
        let (tools, resources) =
            (accepted.tools_list_changed == Some(true), accepted.resources_list_changed == Some(true));
        loop {
            tokio::select! {
                changed = changes.next() => if !changed || !self.still(who) { return },
                () = subscription.cancelled() => return,
            }
            let sink = subscription.sink();
            let told = (!tools || sink.notify_tool_list_changed().await.is_ok())
                && (!resources || sink.notify_resource_list_changed().await.is_ok());
            if !told {
                return;
            }
        }
    }
}
