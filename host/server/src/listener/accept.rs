//! Takes connections, as many at once as there is room for.
//!
//! Contract: at most `http.connections` are open, of which one address has its share; who comes later waits in the system's
//! queue, and who has too many is hung up on. An accept that fails ends nothing. Price: a task for each connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use skillhost_feed::{Share, Shares};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::listener::again::again;
use crate::listener::peer::{Connected, Here};
use crate::listener::untaken::Untaken;
use crate::listener::watched::{Place, Watched};
use crate::listener::{Address, Proxies, connection};
use crate::shared::Shared;

/// Largest head of a request, and what is read at once, in bytes. Browsers and proxies hold to 8 to 16 KiB. Hyper's own bound
/// on the count of headers, 100, is kept: setting it costs an allocation per request.
const HEAD: usize = 32 << 10;

/// What a stream of HTTP/2 keeps that its reader did not take yet, in bytes.
const UNTAKEN: usize = 64 << 10;

/// Requests at once on one connection of HTTP/2: a page with all that belongs to it, or a script's calls.
const STREAMS: u32 = 64;

/// How often somebody silent on HTTP/2 is asked for a sign of life, and how long that may take.
const PING: Duration = Duration::from_secs(20);

/// After how long a failed accept is tried again: out of files, most likely, and some are given back soon.
const AGAIN: Duration = Duration::from_millis(50);

/// One of so many parts of all connections is what an address may have, so that nobody alone keeps all others out.
const PART: usize = 4;

/// What every address may have: a browser and some scripts.
const FEW: usize = 64;

/// What connections come from.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Tls(TcpListener, TlsAcceptor),
    Unix(UnixListener, PathBuf),
}

/// What all connections share.
pub(crate) struct Door {
    pub(crate) router: Router,
    pub(crate) http: auto::Builder<TokioExecutor>,
    /// How long a connection may have nothing to do, and a handshake may take.
    pub(crate) idle: Duration,
    pub(crate) stopping: CancellationToken,
    pub(super) untaken: Untaken,
    shares: Shares,
    proxies: Proxies,
    open: TaskTracker,
}

impl Door {
    pub(crate) fn new(shared: &Shared, router: Router, open: TaskTracker) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // Answers are short: one copy costs less than telling the system of several places.
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(shared.http.header_timeout)
            .max_buf_size(HEAD)
            .writev(false);
        // Floods of resets are bounded by hyper.
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD as u32)
            .max_send_buf_size(UNTAKEN)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING);
        let (stopping, proxies) = (shared.stopping.clone(), shared.proxies.clone());
        let connections = shared.http.connections;
        let shares = Shares::new((connections / PART).max(FEW), connections);
        let untaken = Untaken::default();
        Self { router, http, idle: shared.http.header_timeout, stopping, untaken, shares, proxies, open }
    }
}

/// Takes connections until it is aborted, which ends them as well.
pub(crate) async fn accept(listener: Listener, door: Arc<Door>, connections: usize) {
    let room = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
    let mut served = JoinSet::new();
    loop {
        if room.available_permits() == 0 {
            tracing::warn!("all {connections} connections of `http.connections` are taken; who comes now waits");
        }
        // It is never closed.
        let Ok(place) = room.clone().acquire_owned().await else { return };
        if let Err(error) = listener.take(place, &door, &mut served).await {
            tracing::debug!(%error, "somebody could not connect");
            if !is_theirs(&error) {
                // Our own want, of files most likely: asking at once finds the same.
                tokio::time::sleep(AGAIN).await;
            }
        }
        while served.try_join_next().is_some() {}
    }
}

/// Is it the other side that failed, so that the next may fare better at once?
fn is_theirs(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | NotConnected)
}

impl Listener {
    pub(crate) fn address(&self) -> io::Result<Address> {
        Ok(match self {
            Self::Tcp(listener) => Address::Tcp(listener.local_addr()?),
            Self::Tls(listener, _) => Address::Tls(listener.local_addr()?),
            Self::Unix(_, path) => Address::Unix(path.clone()),
        })
    }

    /// Waits for the next connection and has it served.
    async fn take(&self, place: OwnedSemaphorePermit, door: &Arc<Door>, served: &mut JoinSet<()>) -> io::Result<()> {
        let door = door.clone();
        match self {
            Self::Tcp(listener) => {
                let (stream, connected) = tcp(listener).await?;
                let share = door.share(connected.peer)?;
                let stream = door.watched(stream, (place, share));
                served.spawn(again(async move { connection::serve(stream, connected, &door).await }));
            }
            Self::Tls(listener, acceptor) => {
                let (stream, connected) = tcp(listener).await?;
                let share = door.share(connected.peer)?;
                let (stream, acceptor) = (door.watched(stream, (place, share)), acceptor.clone());
                served.spawn(again(async move {
                    match tokio::time::timeout(door.idle, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => connection::serve(stream, connected, &door).await,
                        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                        Err(_) => tracing::debug!("a handshake took too long"),
                    }
                }));
            }
            Self::Unix(listener, _) => {
                let (stream, _): (UnixStream, _) = listener.accept().await?;
                let stream = door.watched(stream, (place, None));
                let connected = Connected { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), here: None };
                served.spawn(again(async move { connection::serve(stream, connected, &door).await }));
            }
        }
        Ok(())
    }
}

impl Door {
    /// A connection among those of `peer`. Whoever has too many is hung up on; proxies that the operator named are many people each
    /// and have no share.
    fn share(&self, peer: IpAddr) -> io::Result<Option<Share>> {
        if self.proxies.trusts(peer) {
            return Ok(None);
        }
        let full = |_| io::Error::new(io::ErrorKind::ConnectionRefused, format!("{peer} has too many connections"));
        self.shares.take(peer).map(Some).map_err(full)
    }

    fn watched<S>(&self, stream: S, place: Place) -> Watched<S> {
        // Who comes while the host stops is told so, and not waited for.
        let waited_for = (!self.stopping.is_cancelled()).then(|| self.open.token());
        Watched::new(stream, place, waited_for)
    }
}

async fn tcp(listener: &TcpListener) -> io::Result<(TcpStream, Connected)> {
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let here = Here { listened: listener.local_addr()?, local: stream.local_addr()? };
    Ok((stream, Connected { peer: peer.ip().to_canonical(), here: Some(here) }))
}
