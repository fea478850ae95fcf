//! Where connections come in.
//!
//! Contract: whoever connects costs what is bounded here, whatever is sent or not sent. At most `http.connections` are open at
//! once, and who comes later waits in the system's queue. A head is small and there within `http.header_timeout`, which is also
//! how long a connection may have nothing to do; a reader that takes nothing is given up. Beyond this machine nobody is let in
//! while there is no token. While the host stops, those who come are still told so. Price: a task and some 10 KiB for each
//! connection.

mod accept;
mod activity;
mod again;
mod connection;
mod peer;
#[cfg(test)]
mod tests;
mod tls;
mod unix;
mod untaken;
mod watched;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use skillhost_access::{AccessError, Tokens};
use skillhost_lifecycle::{Config, Listen};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::calls::Calls;
use crate::listener::accept::{Door, Listener};
use crate::routes::routes;
use crate::shared::Shared;

#[cfg(test)]
pub(crate) use peer::Here;
pub(crate) use peer::Peer;
pub(crate) use peer::{Connected, Proxies};

/// How long the last answers may take once what ran was broken off: they are short, and written to whoever still listens.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address and a port, in the clear.
    Tcp(SocketAddr),
    /// An address and a port, under TLS.
    Tls(SocketAddr),
    /// A socket in the file system, in the clear: only its owner may open it, and needs a token all the same.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Tls(address) => write!(f, "https://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {listen}: {error}; choose another with `--listen` or `listen` in config.yaml")]
    Bind {
        /// Which.
        listen: String,
        /// Why.
        error: std::io::Error,
    },
    /// Everybody could come in.
    #[error(
        "does not listen on {listen}, which other machines reach, while there is no token; \
         make one with `skillhost token add NAME --role admin --tenant '*'`"
    )]
    NoTokens {
        /// Where it was to listen.
        listen: String,
    },
    /// Whether there are tokens is not known.
    #[error(transparent)]
    Tokens(#[from] AccessError),
    /// The certificate or the key cannot be used.
    #[error("`http.tls.{key}`, {}, cannot be used: {error}; {remedy}", path.display())]
    Tls {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
        /// What it is to be.
        remedy: &'static str,
    },
    /// A name or a network in the configuration is none.
    #[error("`http.{key}` holds `{given}`, which is {wanted}")]
    Config {
        /// The key of the configuration.
        key: &'static str,
        /// What it holds.
        given: String,
        /// What is wrong with it.
        wanted: &'static str,
    },
}

pub(crate) struct Serving {
    address: Address,
    accepting: JoinHandle<()>,
    /// The connections from before the host began to stop.
    open: TaskTracker,
    /// Removed from the file system with this.
    _socket: Option<unix::Socket>,
}

impl Serving {
    pub(crate) async fn start(config: &Config, shared: Arc<Shared>) -> Result<Self, ServeError> {
        Self::with(config, &shared, routes(shared.clone())).await
    }

    async fn with(config: &Config, shared: &Shared, router: Router) -> Result<Self, ServeError> {
        let (listener, socket) = match &config.listen {
            Listen::Tcp(listen) => (tcp(listen, config).await?, None),
            Listen::Unix(path) => {
                let failed = |error| ServeError::Bind { listen: config.listen.to_string(), error };
                let (listener, socket) = unix::listen(path).map_err(failed)?;
                (Listener::Unix(listener, path.clone()), Some(socket))
            }
        };
        let address =
            listener.address().map_err(|error| ServeError::Bind { listen: config.listen.to_string(), error })?;
        let open = shared.open.clone();
        let door = Door::new(shared, router, open.clone());
        let accepting = tokio::spawn(accept::accept(listener, Arc::new(door), shared.http.connections));
        Ok(Self { address, accepting, open, _socket: socket })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Waits for `grace` until the connections from before are done with and so are `calls`, then breaks these off and gives the
    /// connections a last moment.
    pub(crate) async fn drain(self, grace: Duration, calls: &Calls) {
        self.open.close();
        let done = async { (self.open.wait().await, calls.ended().await) };
        if tokio::time::timeout(grace, done).await.is_err() {
            tracing::warn!("what runs did not come to its end within `http.grace`; it is broken off");
            calls.break_off();
            // Who does not even take the last answer goes without.
            drop(tokio::time::timeout(LAST_ANSWERS, self.open.wait()).await);
        }
        calls.break_off();
        self.accepting.abort();
        drop(self.accepting.await);
    }
}

async fn tcp(listen: &str, config: &Config) -> Result<Listener, ServeError> {
    let failed = |error| ServeError::Bind { listen: listen.to_owned(), error };
    let acceptor = config.http.tls.as_ref().map(tls::acceptor).transpose()?;
    let addresses: Vec<_> = tokio::net::lookup_host(listen).await.map_err(failed)?.collect();
    if addresses.iter().any(|address| !address.ip().is_loopback()) {
        if !any_token(&config.data_dir)? {
            return Err(ServeError::NoTokens { listen: listen.to_owned() });
        }
        if acceptor.is_none() {
            tracing::warn!(
                "{listen} can be reached from other machines, and tokens cross the network in the clear; \
                 set `http.tls`, or put a proxy with TLS in front"
            );
        }
    }
    let listener = TcpListener::bind(addresses.as_slice()).await.map_err(failed)?;
    Ok(match acceptor {
        Some(acceptor) => Listener::Tls(listener, acceptor),
        None => Listener::Tcp(listener),
    })
}

/// Blocks while it reads, which is before anybody could wait.
fn any_token(data_dir: &Path) -> Result<bool, AccessError> {
    Ok(!Tokens::open(data_dir)?.is_empty()?)
}
