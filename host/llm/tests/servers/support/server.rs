//! A provider on loopback that does what it is told, and counts.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Dialect;

/// What to do with a request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A good answer of these pieces.
    Say(Vec<&'static str>),
    /// A status with headers and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// A status, and then a body that does not come.
    Mute(u16),
    /// Nothing at all.
    HangBefore,
    /// A piece, then nothing.
    HangAfter(&'static str),
    /// A piece, then the end of the connection.
    Cut(&'static str),
    /// A good answer, a byte at a time.
    Bytewise(Vec<&'static str>, Duration),
    /// A piece without end, one mebibyte at a time.
    Gigantic,
    /// These bytes, as an answer of this type.
    Raw(&'static str, String),
    /// A good answer when told so; see [`Server::release`].
    Held(Vec<&'static str>),
    /// A piece, and the rest when told so.
    HeldAfter(&'static str),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

type Script = Box<dyn FnMut(&Seen) -> Act + Send>;
type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

struct Inner {
    dialect: Dialect,
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    /// Requests whose answer is not over.
    open: AtomicUsize,
    changed: watch::Sender<()>,
    released: watch::Sender<usize>,
    held: AtomicUsize,
}

/// A provider. Ends when dropped.
pub(crate) struct Server {
    inner: Arc<Inner>,
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn new(dialect: Dialect, script: impl FnMut(&Seen) -> Act + Send + 'static) -> Self {
        Self::at(dialect, "127.0.0.1:0".parse().unwrap(), script).await
    }

    /// Behind encryption with this certificate.
    pub(crate) async fn encrypted(dialect: Dialect, act: Act, config: rustls::ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        Self::serve(dialect, listener, Some(acceptor), move |_| act.clone())
    }

    pub(crate) async fn at(
        dialect: Dialect,
        address: SocketAddr,
        script: impl FnMut(&Seen) -> Act + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        Self::serve(dialect, listener, None, script)
    }

    fn serve(
        dialect: Dialect,
        listener: TcpListener,
        encryption: Option<tokio_rustls::TlsAcceptor>,
        script: impl FnMut(&Seen) -> Act + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            dialect,
            script: Mutex::new(Box::new(script)),
            seen: Mutex::default(),
            open: AtomicUsize::new(0),
            changed: watch::Sender::new(()),
            released: watch::Sender::new(0),
            held: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (inner, encryption) = (Arc::clone(&serving), encryption.clone());
                let service = service_fn(move |request| answer(Arc::clone(&inner), request));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(async move {
                    match encryption {
                        None => http.serve_connection(TokioIo::new(stream), service).await.is_ok(),
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await.is_ok(),
                            Err(_) => false,
                        },
                    }
                });
            }
        });
        Self { inner, address, task }
    }

    /// One that does the same with every request.
    pub(crate) async fn always(dialect: Dialect, act: Act) -> Self {
        Self::new(dialect, move |_| act.clone()).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.inner.dialect.path())
    }

    /// From now on.
    pub(crate) fn then(&self, act: Act) {
        *self.inner.script.lock().unwrap() = Box::new(move |_| act.clone());
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.inner.seen.lock().unwrap().len()
    }

    /// Lets so many more of the held answers go.
    pub(crate) fn release(&self, more: usize) {
        self.inner.released.send_modify(|count| *count += more);
    }

    /// Waits until this is true of the requests that came and those that are open.
    pub(crate) async fn until(&self, what: impl Fn(usize, usize) -> bool) {
        let mut changed = self.inner.changed.subscribe();
        while !what(self.count(), self.inner.open.load(Ordering::SeqCst)) {
            tokio::time::timeout(Duration::from_secs(20), changed.changed())
                .await
                .expect("it never came to that")
                .unwrap();
        }
    }
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Counts an answer as open until it is over or its connection is gone.
struct Opened(Arc<Inner>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.send_replace(());
    }
}

async fn answer(inner: Arc<Inner>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    inner.open.fetch_add(1, Ordering::SeqCst);
    let opened = Opened(Arc::clone(&inner));
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let seen = Seen { path, headers: head.headers, body: serde_json::from_slice(&body).unwrap_or_default() };
    let act = (inner.script.lock().unwrap())(&seen);
    inner.seen.lock().unwrap().push(seen);
    inner.changed.send_replace(());
    let dialect = inner.dialect;
    let good = if dialect == Dialect::Ollama { "application/x-ndjson" } else { "text/event-stream" };
    let (mut kind, mut status, mut extra) = (good, 200, Vec::new());
    let begun = |text: &str| {
        let mut frames = dialect.beginning();
        frames.push(dialect.piece(text));
        texts(frames)
    };
    let body = match act {
        Act::Say(pieces) => texts(dialect.frames(&pieces)),
        Act::Status(code, headers, body) => {
            (status, kind, extra) = (code, "application/json", headers);
            texts(vec![body])
        }
        Act::Mute(code) => {
            status = code;
            stream::pending().boxed()
        }
        Act::HangBefore => {
            std::future::pending::<()>().await;
            texts(vec![])
        }
        Act::HangAfter(text) => begun(text).chain(stream::pending()).boxed(),
        Act::Cut(text) => {
            // Let the piece arrive by itself: hyper drops what is buffered when a body fails.
            let cut = stream::once(async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(std::io::Error::other("cut"))
            });
            begun(text).chain(cut).boxed()
        }
        Act::Bytewise(pieces, pause) => {
            let bytes = dialect.frames(&pieces).concat().into_bytes();
            stream::iter(bytes)
                .then(move |byte| async move {
                    tokio::time::sleep(pause).await;
                    Ok(Bytes::from(vec![byte]))
                })
                .boxed()
        }
        Act::Gigantic => {
            let piece = dialect.piece("x");
            let begin = piece.split_once('x').unwrap().0.to_owned();
            texts(vec![begin]).chain(stream::repeat_with(|| Ok(Bytes::from(vec![b'x'; 1 << 20])))).boxed()
        }
        Act::Raw(own, body) => {
            kind = own;
            texts(vec![body])
        }
        Act::Held(pieces) => {
            let turn = inner.held.fetch_add(1, Ordering::SeqCst);
            let mut released = inner.released.subscribe();
            released.wait_for(|count| *count > turn).await.unwrap();
            texts(dialect.frames(&pieces))
        }
        Act::HeldAfter(text) => {
            let turn = inner.held.fetch_add(1, Ordering::SeqCst);
            let mut released = inner.released.subscribe();
            let rest = stream::once(async move {
                released.wait_for(|count| *count > turn).await.unwrap();
                Ok(Bytes::from(dialect.ending().concat()))
            });
            begun(text).chain(rest).boxed()
        }
    };
    let body = body.map(move |bytes| {
        let _open = &opened;
        bytes.map(Frame::data)
    });
    let mut response = Response::builder().status(status).header("content-type", kind);
    for (name, value) in extra {
        response = response.header(name, value);
    }
    Ok(response.body(StreamBody::new(body.boxed())).unwrap())
}

fn texts(frames: Vec<String>) -> BoxStream<'static, Result<Bytes, std::io::Error>> {
    stream::iter(frames.into_iter().map(|frame| Ok(Bytes::from(frame)))).boxed()
}
