//! What all handlers share.
//!
//! Contract: there from the first connection on; what needs the host is there once it is open, and until then whoever asks is
//! told that it starts.

use std::sync::{Arc, OnceLock};

use skillhost_access::Tokens;
use skillhost_feed::{Feed, FeedConfig, Hub};
use skillhost_lifecycle::{Config, Host, HttpConfig, McpConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Answers;
use crate::calls::Calls;
use crate::dashboard::Sessions;
use crate::guard::Site;
use crate::listener::{Proxies, ServeError};
use crate::log::Log;
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
    /// What runs.
    pub(crate) calls: Calls,
    app: OnceLock<App>,
}

/// What is there once the host is open. Each part is cheap to clone.
pub(crate) struct App {
    pub(crate) host: Host,
    pub(crate) log: Log,
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
        let sessions = Arc::new(Sessions::new(&host.events().epoch()?));
        let (log, feed) = (Log::new(host.events().clone()), Feed::new(hub, shared.feed));
        Ok(Self { host, log, tokens, stats, feed, mcp, sessions, answers })
    }
}

impl Shared {
    pub(crate) fn new(config: &Config) -> Result<Self, ServeError> {
        let skillhost_lifecycle::FeedConfig { rate, replay, per_address, send_timeout } = config.feed;
        let stopping = CancellationToken::new();
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
            calls: Calls::new(stopping.clone()),
            stopping,
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
