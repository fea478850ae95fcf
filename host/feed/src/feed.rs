//! What all clients of a feed share: where events come from, places, figures, and the end.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::config::FeedConfig;
use crate::connections::{Connections, Full, Place};
use crate::hub::Hub;
use crate::session::Entrance;

/// The live feed of a host: what its clients share. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

struct Shared {
    hub: Hub,
    config: FeedConfig,
    connections: Connections,
    present: TaskTracker,
    closing: CancellationToken,
    counts: Counts,
}

/// Since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) events: AtomicU64,
    pub(crate) suppressed: AtomicU64,
    pub(crate) slow: AtomicU64,
}

/// How the feed fares, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Clients that are connected now.
    pub connections: usize,
    /// Event messages that were sent since the start.
    pub events: u64,
    /// Events that clients were told of in summaries only.
    pub suppressed: u64,
    /// Clients that were closed because they took nothing, or fell behind.
    pub closed_slow: u64,
}

impl Feed {
    /// A feed of what `hub` learns.
    pub fn new(hub: Hub, config: FeedConfig) -> Self {
        let (connections, present) = (Connections::new(config.per_address), TaskTracker::new());
        let (closing, counts) = (CancellationToken::new(), Counts::default());
        Self { shared: Arc::new(Shared { hub, config, connections, present, closing, counts }) }
    }

    /// What the feed is fed from; other parts of the host listen to it as well.
    pub fn hub(&self) -> &Hub {
        &self.shared.hub
    }

    pub(crate) fn config(&self) -> &FeedConfig {
        &self.shared.config
    }

    /// Takes a place for a connection from `peer`, before its upgrade, to be [served](crate::serve) in. `peer` is who the
    /// connection comes from; what a header says only if a proxy wrote it that the operator named.
    pub fn admit(&self, peer: IpAddr, entrance: &Entrance) -> Result<Place, Full> {
        self.shared.connections.admit(peer, entrance.is_known())
    }

    /// How the feed fares.
    pub fn counters(&self) -> Counters {
        let Counts { events, suppressed, slow } = &self.shared.counts;
        Counters {
            connections: self.shared.present.len(),
            events: events.load(Ordering::Relaxed),
            suppressed: suppressed.load(Ordering::Relaxed),
            closed_slow: slow.load(Ordering::Relaxed),
        }
    }

    /// Closes all connections, and those that come later, with code 1001; waits until they are closed, which is a matter of two
    /// seconds at the most.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.present.close();
        self.shared.present.wait().await;
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    pub(crate) fn enter(&self) -> TaskTrackerToken {
        self.shared.present.token()
    }

    pub(crate) async fn closing(&self) {
        self.shared.closing.cancelled().await;
    }
}
