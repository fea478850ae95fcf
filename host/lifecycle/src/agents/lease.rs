//! Which of several hosts an agent lives on that takes each message once.
//!
//! Contract: at most one host holds the lease of an agent, as far as their clocks run equally fast; it is held on the blackboard, so
//! hosts that share one agree. A holder that dies is followed by another within [`TTL`]; what is published meanwhile reaches nobody.
//! Price: a compare-and-swap every [`RENEW`].

use std::sync::Arc;
use std::time::Duration;

use skillhost_blackboard::{Backend, Blackboard, BoardError, Health, Key, Ttl};
use tokio::time::Instant;

use super::inbox::Owner;

/// How long a lease holds without being renewed: three renewals may fail.
const TTL: Duration = Duration::from_secs(5);
/// Between two renewals, or two tries to get it.
pub(crate) const RENEW: Duration = Duration::from_millis(1_500);
/// How much earlier than the board the holder itself counts it as lost.
const MARGIN: Duration = Duration::from_millis(500);

pub(crate) struct Lease {
    board: Arc<dyn Blackboard>,
    owner: Owner,
    key: Key,
    /// Who holds it: this life of the agent and no other.
    holder: String,
    until: Option<Instant>,
    /// The board that gave it: a lease is good only where it was taken, and only as long as that was not lost.
    given_by: (Backend, u64),
}

impl Lease {
    pub(crate) fn new(board: Arc<dyn Blackboard>, owner: Owner, holder: String) -> Result<Self, BoardError> {
        let key = Key::of_the_host(&format!("lease:agent:{}", owner.agent))?;
        let given_by = state(&*board);
        Ok(Self { board, owner, key, holder, until: None, given_by })
    }

    pub(crate) fn is_held(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until) && !self.is_void()
    }

    /// Did the board change hands since? Then it is taken anew before anything else.
    pub(crate) fn is_void(&self) -> bool {
        state(&*self.board) != self.given_by
    }

    /// Renews it, or takes it if nobody holds it.
    pub(crate) async fn renew(&mut self) {
        let from = Instant::now();
        let given_by = state(&*self.board);
        let swap = async |expected: Option<&str>| {
            let ttl = Ttl::For(TTL);
            self.board.compare_and_swap(&self.owner.tenant, &self.key, expected, self.holder.clone(), ttl).await
        };
        let swapped = match swap(Some(&self.holder)).await {
            Ok(false) => swap(None).await,
            other => other,
        };
        match swapped {
            Ok(true) => (self.until, self.given_by) = (Some(from + TTL - MARGIN), given_by),
            Ok(false) => (self.until, self.given_by) = (None, given_by),
            // It may have been renewed or not: it holds as long as it did before.
            Err(error) => tracing::debug!(agent = %self.owner.agent, %error, "the lease was not renewed"),
        }
    }

    /// Lets another host have it at once.
    pub(crate) async fn give_up(&mut self) {
        if self.until.take().is_none() {
            return;
        }
        let (tenant, key) = (&self.owner.tenant, &self.key);
        let gone = Ttl::For(Duration::from_millis(1));
        let given = self.board.compare_and_swap(tenant, key, Some(&self.holder), String::new(), gone).await;
        if let Err(error) = given {
            tracing::debug!(agent = %self.owner.agent, %error, "the lease runs out by itself");
        }
    }
}

fn state(board: &dyn Blackboard) -> (Backend, u64) {
    let Health { backend, losses, .. } = board.health();
    (backend, losses)
}
