#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use skillhost_types::Grants;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::resolve::Checked;
use crate::{Body, Network, NetworkOptions, Outgoing, Refusal, Resolve, Timeouts};

/// A resolver that gives one prepared answer after the other.
pub(crate) struct Answers {
    left: Mutex<std::collections::VecDeque<Vec<IpAddr>>>,
    silent: bool,
}

impl Answers {
    pub(crate) fn new(answers: &[&[&str]]) -> Self {
        let read = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Self { left: Mutex::new(answers.iter().map(read).collect()), silent: false }
    }

    pub(crate) fn never() -> Self {
        Self { left: Mutex::default(), silent: true }
    }
}

#[async_trait::async_trait]
impl Resolve for Answers {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        self.left.lock().unwrap().pop_front().ok_or_else(|| io::Error::other("no such name"))
    }
}

/// What a server was sent.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: http::request::Parts,
    pub(crate) body: Bytes,
}

/// An HTTP server on this machine, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    /// Wakes when the other side closed a connection of a [`Self::raw`] server.
    closed: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each request with what `answer` makes of it.
    pub(crate) async fn http(answer: impl Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static) -> Self {
        Self::start(None, answer).await
    }

    /// The same over TLS, with a certificate of the [`authority`] for `localhost` and `127.0.0.1`.
    pub(crate) async fn https(
        protocols: &[&str],
        answer: impl Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(authority().acceptor(protocols)), answer).await
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (seen.clone(), Arc::new(answer));
        Self::accept(seen, move |stream| {
            let (tls, kept, answer) = (tls.clone(), kept.clone(), answer.clone());
            async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let (kept, answer) = (kept.clone(), answer.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let seen = Seen { head, body: body.collect().await?.to_bytes() };
                        kept.lock().unwrap().push(seen.clone());
                        Ok::<_, hyper::Error>(answer(&seen))
                    }
                });
                let builder = auto::Builder::new(TokioExecutor::new());
                // A client that goes away is what some tests are about.
                let _ = match tls {
                    None => builder.serve_connection(TokioIo::new(stream), service).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => builder.serve_connection(TokioIo::new(stream), service).await,
                        Err(_) => Ok(()),
                    },
                };
            }
        })
        .await
    }

    /// Answers each request with these bytes, again and again what comes `then`, and holds the connection open if that is
    /// nothing.
    pub(crate) async fn raw(reply: impl Into<Vec<u8>>, then: impl Into<Vec<u8>>) -> Self {
        let (reply, then, closed) = (Arc::new(reply.into()), Arc::new(then.into()), Arc::new(Notify::new()));
        let noted = closed.clone();
        let mut server = Self::accept(Arc::default(), move |mut stream| {
            let (reply, then, closed) = (reply.clone(), then.clone(), noted.clone());
            async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let mut alive = stream.write_all(&reply).await.is_ok();
                while alive && !then.is_empty() {
                    alive = stream.write_all(&then).await.is_ok();
                }
                // Until the client has had enough, however it says so.
                let _ = stream.read_to_end(&mut Vec::new()).await;
                closed.notify_one();
            }
        })
        .await;
        server.closed = closed;
        server
    }

    pub(crate) async fn closed(&self) {
        tokio::time::timeout(Duration::from_secs(8), self.closed.notified()).await.expect("the connection stays open");
    }

    /// Serves each connection as `serve` says.
    pub(crate) async fn accept<F: Future<Output = ()> + Send + 'static>(
        seen: Arc<Mutex<Vec<Seen>>>,
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let task = tokio::spawn(async move {
            // Dropped with the task, and what it serves with it.
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                serving.spawn(serve(stream));
            }
        });
        Self { address, connections, seen, closed: Arc::default(), task }
    }

    /// `localhost` or another name with this server's port.
    pub(crate) fn at(&self, host: &str) -> String {
        format!("{host}:{}", self.address.port())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// A certificate authority that nobody knows but these tests.
pub(crate) struct Authority {
    pub(crate) root: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
        let root_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&root_key).unwrap();
        let issuer = Issuer::new(params, root_key);
        let key = KeyPair::generate().unwrap();
        let names = ["localhost", "127.0.0.1", "rebind.test"].map(str::to_owned);
        let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Authority {
            root: root.der().clone(),
            leaf: leaf.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    });
    &AUTHORITY
}

impl Authority {
    fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let mut config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![self.leaf.clone()], self.key.clone_key())
                .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }
}

/// A network with a caller: what a test changes of it, and how it sends.
pub(crate) struct Sender {
    pub(crate) options: NetworkOptions,
    pub(crate) grants: Grants,
    pub(crate) deadline: Duration,
    pub(crate) timeouts: Timeouts,
    /// Where connections to public addresses go.
    pub(crate) rerouted: Option<SocketAddr>,
}

impl Sender {
    pub(crate) fn new(grants: &[&str]) -> Self {
        let resolver = Arc::new(Answers::new(&[]));
        Self {
            options: NetworkOptions { resolver, roots: vec![authority().root.clone()], ..NetworkOptions::default() },
            grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
            deadline: Duration::from_secs(60),
            timeouts: Timeouts::default(),
            rerouted: None,
        }
    }

    pub(crate) fn build(self) -> Ready {
        let limits = self.options.limits;
        let mut checked = Checked::new(self.options.resolver, limits.connect);
        checked.rerouted = self.rerouted;
        let network = Network::with(checked, self.options.secrets, limits, self.options.roots).unwrap();
        Ready { network, grants: self.grants, deadline: self.deadline, timeouts: self.timeouts }
    }
}

/// A [`Sender`] with its network.
pub(crate) struct Ready {
    pub(crate) network: Network,
    pub(crate) grants: Grants,
    deadline: Duration,
    timeouts: Timeouts,
}

impl Ready {
    pub(crate) async fn get(&self, url: &str) -> Result<Response<Body>, Refusal> {
        self.send(Method::GET, url, &[], Full::default()).await
    }

    pub(crate) async fn text(&self, url: &str) -> String {
        text(self.get(url).await.unwrap()).await.unwrap()
    }

    pub(crate) async fn send<B>(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: B,
    ) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path_and_query) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let outgoing = Outgoing {
            method,
            scheme,
            authority,
            path_and_query,
            headers: headers.fold(HeaderMap::new(), |mut map, (name, value): (HeaderName, HeaderValue)| {
                map.append(name, value);
                map
            }),
            body,
            deadline: Instant::now() + self.deadline,
            timeouts: self.timeouts,
        };
        sendable(self.network.send(outgoing, &self.grants)).await
    }
}

pub(crate) async fn text(response: Response<Body>) -> Result<String, Refusal> {
    Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec()).unwrap())
}

/// Whoever sends does so from a task of its own.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

pub(crate) fn answer(text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::new(Full::new(text.into()))
}
