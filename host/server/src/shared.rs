//! What all handlers share.

use std::sync::{Arc, OnceLock};

use skillhost_access::Tokens;
use skillhost_feed::{Feed, FeedConfig, Hub};
use skillhost_lifecycle::{Config, Host, HttpConfig, McpConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Answers;
use crate::dashboard::Sessions;
use crate::guard::Site;
use crate::listener::{Proxies, ServeError};
use crate::mcp;
use crate::problem::Problem;
use crate::requests::{Adopt, Requests};
use crate::stats::Stats;

/// The state of every route, there from the first connection on.
pub(crate) struct Shared {
    /// Largest body, in bytes.
    pub(crate) max_body: usize,
    pub(crate) http: HttpConfig,
    pub(crate) mcp: McpConfig,
    pub(crate) feed: FeedConfig,
    /// What was asked of it.
    pub(crate) requests: Requests,
    /// How a request's span gets into the trace of whoever sent it.
    pub(crate) adopt: OnceLock<Adopt>,
    /// The connections from before the host began to stop.
    pub(crate) open: TaskTracker,
    /// What the host is called.
    pub(crate) site: Site,
    /// Whose word on a request's origin counts.
    pub(crate) proxies: Proxies,
    /// Cancelled when no more calls are taken; what has no end of its own ends then.
    pub(crate) stopping: CancellationToken,
    /// Cancelled when what still runs is to be broken off, `http.grace` later. The tokens of runs are children of it.
    pub(crate) ending: CancellationToken,
    /// Runs for which nobody waits any more.
    pub(crate) runs: TaskTracker,
    app: OnceLock<App>,
}

/// What is there once the host is open. Each part is cheap to clone.
pub(crate) struct App {
    pub(crate) host: Host,
    pub(crate) tokens: Tokens,
    pub(crate) stats: Stats,
    pub(crate) feed: Feed,
    pub(crate) mcp: mcp::Http,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) answers: Arc<Answers>,
}

impl App {
    pub(crate) fn new(
        host: Host,
        tokens: Tokens,
        shared: &Shared,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let answers = Arc::new(Answers::open(&host.config().data_dir)?);
        let hub = Hub::start(host.events())?;
        let stats = Stats::start(host.events().clone(), &hub, shared.stopping.clone());
        let mcp = mcp::Http::new(host.clone(), tokens.clone(), shared);
        Ok(Self { host, tokens, stats, feed: Feed::new(hub, shared.feed), mcp, sessions: Arc::default(), answers })
    }
}

impl Shared {
    pub(crate) fn new(config: &Config) -> Result<Self, ServeError> {
        let skillhost_lifecycle::FeedConfig { rate, replay, per_address, send_timeout } = config.feed;
        Ok(Self {
            max_body: usize::try_from(config.max_body.0).unwrap_or(usize::MAX),
            http: config.http.clone(),
            mcp: config.mcp.clone(),
            feed: FeedConfig { rate, replay, per_address, send_timeout },
            requests: Requests::default(),
            adopt: OnceLock::new(),
            open: TaskTracker::new(),
            site: Site::new(&config.http)?,
            proxies: Proxies::new(&config.http.proxies)?,
            stopping: CancellationToken::new(),
            ending: CancellationToken::new(),
            runs: TaskTracker::new(),
            app: OnceLock::new(),
        })
    }

    pub(crate) fn open(&self, app: App) {
        // Whoever opens does it once.
        let _ = self.app.set(app);
    }

    /// The host, unless it is not open yet or stops.
    pub(crate) fn app(&self) -> Result<&App, Problem> {
        if self.stopping.is_cancelled() {
            return Err(Problem::unavailable("the host is stopping; it takes no more calls"));
        }
        self.app.get().ok_or_else(Problem::starting)
    }

    /// The host, also while it stops.
    pub(crate) fn opened(&self) -> Option<&App> {
        self.app.get()
    }
}

/// The state that routes are given.
pub(crate) type State = axum::extract::State<Arc<Shared>>;
