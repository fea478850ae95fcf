//! What people and programs reach over HTTP: the API, the Model Context Protocol, the live feed and the dashboard.
//!
//! Contract: it translates and decides nothing; who may do what is said by the token, what a skill may do by the host. It
//! listens before the host is open, so that `/health` answers at once; everything else says what it waits for until then.
//! Whatever comes in is bounded: heads, bodies, times, connections. Price: per call a look at the token and two copies of the
//! body.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test may fail loudly"
    )
)]

mod access;
mod api;
mod calls;
mod dashboard;
mod deciding;
mod feed;
mod guard;
mod health;
mod listener;
mod log;
mod mcp;
mod metrics;
mod problem;
mod requests;
mod routes;
mod shared;
mod stats;

use std::sync::Arc;

use skillhost_access::Tokens;
use skillhost_lifecycle::{Config, Host};

pub use listener::{Address, ServeError};
pub use mcp::stdio;

use crate::listener::Serving;
use crate::shared::{App, Shared};

/// A server that listens.
pub struct Server {
    shared: Arc<Shared>,
    serving: Serving,
}

impl Server {
    /// Listens where `config` says, beyond this machine only if there are tokens. Until [`Self::open`], it answers `/health` and says of everything else that it starts.
    pub async fn start(config: &Config) -> Result<Self, ServeError> {
        let shared = Arc::new(Shared::new(config)?);
        let serving = Serving::start(config, shared.clone()).await?;
        Ok(Self { shared, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        self.serving.address()
    }

    /// Lets callers in to `host`. Needs a runtime. Blocks while it opens what the server itself keeps in the data directory.
    pub fn open(&self, host: Host, tokens: Tokens) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.shared.open(App::new(host, tokens, &self.shared)?);
        Ok(())
    }

    /// Has `adopt` put the spans of requests into the traces that their `traceparent` names.
    pub fn adopt_traces(&self, adopt: fn(&tracing::Span, &str)) {
        // Whoever starts it says so once.
        let _ = self.shared.adopt.set(adopt);
    }

    /// Takes no more calls, waits as long as configured for those that run, and breaks off what is left.
    pub async fn stop(self) {
        self.shared.stopping.cancel();
        if let Some(app) = self.shared.opened() {
            app.feed.close().await;
        }
        let Shared { http, calls, .. } = &*self.shared;
        self.serving.drain(http.grace, calls).await;
        // What was broken off is written down all the same.
        calls.ended().await;
    }
}
