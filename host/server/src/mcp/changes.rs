//! `list_changed`: that something else serves.
//!
//! Contract: told once for all that changes within [`TOGETHER`], to whoever asked, as long as its token is good. Price: a task
//! per client that listens.

use std::future::pending;
use std::time::Duration;

use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::who::Who;

/// How long nothing changes until what changed is told, so that a folder is told of once and not file by file.
const QUIET: Duration = Duration::from_millis(50);

/// How long it is waited for that.
const LONGEST: Duration = Duration::from_secs(1);

/// How often it is looked whether a token is still good, as for the live feed.
const RECHECK: Duration = Duration::from_secs(2);

impl Mcp {
    /// Comes back when whoever listens is to hear no more: its token is good no longer, or the host stops.
    pub(super) async fn over(&self, who: &Who) {
        let revoked = async {
            let (Some(tokens), Some(identity)) = (&self.tokens, &who.identity) else { return pending().await };
            // A table that cannot be read for a moment revokes nobody.
            while tokens.still(identity).map_or(true, |now| now.as_ref() == Some(identity)) {
                sleep(RECHECK).await;
            }
        };
        tokio::select! {
            () = revoked => {}
            () = self.stopping.cancelled() => {}
        }
    }

    /// Waits until something else serves, and then until that is all for now.
    async fn changed(&self, changes: &mut watch::Receiver<()>) {
        // The host lives as long as this.
        if changes.changed().await.is_err() {
            return pending().await;
        }
        self.settled().await;
        let quiet = async { while let Ok(Ok(())) = timeout(QUIET, changes.changed()).await {} };
        // Quiet or not, it is time to tell.
        let _ = timeout(LONGEST, quiet).await;
        changes.mark_unchanged();
    }

    /// Tells `peer` of changes until `ended`.
    pub(super) async fn tell_of_changes(&self, peer: Peer<RoleServer>, who: Who, ended: CancellationToken) {
        let mut changes = self.host.changes();
        let tell = async {
            loop {
                self.changed(&mut changes).await;
                if peer.notify_tool_list_changed().await.is_err() || peer.notify_resource_list_changed().await.is_err()
                {
                    return;
                }
            }
        };
        tokio::select! {
            () = tell => {}
            () = self.over(&who) => {}
            () = ended.cancelled() => {}
        }
    }

    /// Tells a subscriber of what it subscribed to, until it leaves or is to hear no more.
    pub(super) async fn tell_subscriber(&self, subscription: &SubscriptionContext, who: &Who) {
        let mut changes = self.host.changes();
        let accepted = subscription.accepted();
        let (tools, resources) =
            (accepted.tools_list_changed == Some(true), accepted.resources_list_changed == Some(true));
        let tell = async {
            loop {
                self.changed(&mut changes).await;
                let sink = subscription.sink();
                let told = (!tools || sink.notify_tool_list_changed().await.is_ok())
                    && (!resources || sink.notify_resource_list_changed().await.is_ok());
                if !told {
                    return;
                }
            }
        };
        tokio::select! {
            () = tell => {}
            () = self.over(who) => {}
            () = subscription.cancelled() => {}
        }
    }
}
