//! The listener with handlers of its own, over real connections.

use std::future::pending;
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use skillhost_access::{Role, Tenants};
use skillhost_lifecycle::TlsConfig;
use skillhost_types::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower_http::catch_panic::CatchPanicLayer;

use super::*;
use crate::requests;

/// A limit that a test waits for.
const SOON: Duration = Duration::from_millis(50);

/// A limit that no test waits for.
const LONG: Duration = Duration::from_secs(60);

const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn config(data: &TempDir) -> Config {
    let mut config = Config { data_dir: data.path().to_owned(), ..Config::default() };
    config.listen = Listen::Tcp("127.0.0.1:0".to_owned());
    config.http.header_timeout = LONG;
    config
}

/// Serves this router as `config` says.
async fn serving(config: &Config, router: Router) -> (Serving, Arc<Shared>, SocketAddr) {
    let shared = Arc::new(Shared::new(config).unwrap());
    let serving = Serving::with(config, &shared, router).await.unwrap();
    let (Address::Tcp(address) | Address::Tls(address)) = *serving.address() else { panic!("no port") };
    (serving, shared, address)
}

fn greeting() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn connected(address: SocketAddr, said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said).await.unwrap();
    stream
}

/// All that comes until the other side closes.
async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut all = Vec::new();
    // A reset is an end as well.
    drop(tokio::time::timeout(LONG, stream.read_to_end(&mut all)).await.expect("an end"));
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until `what` came.
async fn until(stream: &mut TcpStream, what: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(what) {
        let byte = tokio::time::timeout(LONG, stream.read_u8()).await.expect("more in time").expect("more");
        all.push(byte);
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn who_does_not_ask_in_time_is_let_go() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(&data);
    config.http.header_timeout = SOON;
    let (_serving, _, address) = serving(&config, greeting()).await;
    for said in ["", "GET / HTTP/1.1\r\nhost: local", "PRI * HTTP/2.0\r\n"] {
        assert_eq!(rest(connected(address, said.as_bytes()).await).await, "", "{said}");
    }
    let answered = rest(connected(address, ASK).await).await;
    assert!(answered.starts_with("HTTP/1.1 200") && answered.ends_with("hello"), "{answered}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let (_serving, _, address) = serving(&config(&data), greeting()).await;
    let long = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(64 << 10));
    let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: x\r\n".repeat(200));
    for head in [long, many] {
        let answered = rest(connected(address, head.as_bytes()).await).await;
        assert!(answered.starts_with("HTTP/1.1 431"), "{answered}");
    }
}

#[tokio::test]
async fn who_comes_while_all_places_are_taken_waits_for_one() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(&data);
    config.http.connections = 1;
    let (_serving, _, address) = serving(&config, greeting()).await;
    let mut first = connected(address, ASK).await;
    until(&mut first, "hello").await;
    let mut second = connected(address, ASK).await;
    assert!(tokio::time::timeout(SOON, second.read_u8()).await.is_err(), "there is one place");
    drop(first);
    until(&mut second, "hello").await;
}

#[tokio::test]
async fn a_handler_that_panics_is_a_problem_and_no_more() {
    let data = tempfile::tempdir().unwrap();
    let panics = async || -> &'static str { panic!("as the test wants it") };
    let router = greeting().route("/panics", get(panics)).layer(CatchPanicLayer::custom(crate::guard::panicked));
    let (_serving, _, address) = serving(&config(&data), router).await;
    let mut stream = connected(address, b"GET /panics HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answered = until(&mut stream, "}").await;
    assert!(answered.starts_with("HTTP/1.1 500") && answered.contains("application/problem+json"), "{answered}");
    stream.write_all(ASK).await.unwrap();
    until(&mut stream, "hello").await;
}

#[tokio::test]
async fn what_runs_comes_to_its_end_while_others_are_told_that_the_host_stops() {
    let data = tempfile::tempdir().unwrap();
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (arrived, go_on) = (arrived.clone(), go_on.clone());
        async move || {
            arrived.notify_one();
            go_on.notified().await;
            "done"
        }
    };
    let (serving, shared, address) = serving(&config(&data), greeting().route("/slow", get(slow))).await;
    let mut idle = connected(address, ASK).await;
    until(&mut idle, "hello").await;
    let mut running = connected(address, b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    arrived.notified().await;
    shared.stopping.cancel();
    let draining = tokio::spawn(async move { serving.drain(LONG, &shared.calls).await });
    assert_eq!(rest(idle).await, "", "an idle connection is closed");
    // The next is still answered, on a connection that ends with it.
    assert!(rest(connected(address, ASK).await).await.ends_with("hello"));
    assert!(!draining.is_finished());
    go_on.notify_one();
    until(&mut running, "done").await;
    draining.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_does_not_come_to_its_end_is_broken_off_and_may_say_so() {
    let data = tempfile::tempdir().unwrap();
    let config = config(&data);
    let shared = Arc::new(Shared::new(&config).unwrap());
    let arrived = Arc::new(Notify::new());
    let (calls, came) = (shared.calls.clone(), arrived.clone());
    let long = async move || {
        came.notify_one();
        calls.call(|cancel| async move { cancel.cancelled().await }).await;
        "broken off"
    };
    let serving = Serving::with(&config, &shared, greeting().route("/long", get(long))).await.unwrap();
    let Address::Tcp(address) = *serving.address() else { panic!("no port") };
    let mut running = connected(address, b"GET /long HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    arrived.notified().await;
    shared.stopping.cancel();
    serving.drain(SOON, &shared.calls).await;
    until(&mut running, "broken off").await;
}

#[tokio::test]
async fn a_connection_that_never_asked_does_not_hold_the_end_up() {
    let data = tempfile::tempdir().unwrap();
    let (serving, shared, address) = serving(&config(&data), greeting()).await;
    let silent = connected(address, b"").await;
    let mut answered = connected(address, ASK).await;
    until(&mut answered, "hello").await;
    shared.stopping.cancel();
    let start = Instant::now();
    serving.drain(LONG, &shared.calls).await;
    assert!(start.elapsed() < LONG / 4, "{:?}", start.elapsed());
    assert_eq!(rest(silent).await, "");
}

#[tokio::test]
async fn beyond_this_machine_it_listens_only_if_there_is_a_token() {
    let data = tempfile::tempdir().unwrap();
    let config = Config { listen: Listen::Tcp("0.0.0.0:0".to_owned()), ..config(&data) };
    let shared = Arc::new(Shared::new(&config).unwrap());
    let error = Serving::with(&config, &shared, greeting()).await.err().unwrap().to_string();
    assert!(error.contains("0.0.0.0:0") && error.contains("skillhost token add"), "{error}");
    Tokens::open(data.path()).unwrap().add("me", Role::Viewer, Tenants::All, Timestamp(0)).unwrap();
    Serving::with(&config, &shared, greeting()).await.unwrap();
}

/// A certificate for `localhost` and its key, in files of `data`, and who trusts it.
fn certified(data: &TempDir) -> (TlsConfig, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = TlsConfig { cert: data.path().join("cert.pem"), key: data.path().join("key.pem") };
    std::fs::write(&tls.cert, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    (tls, roots)
}

/// A connection under TLS that speaks `protocol`.
async fn secured(
    address: SocketAddr,
    roots: &RootCertStore,
    protocol: &[u8],
) -> TokioIo<impl AsyncRead + AsyncWrite + Unpin + Send + use<>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    TokioIo::new(stream)
}

#[tokio::test]
async fn under_tls_both_versions_of_http_are_spoken_and_nobody_waits_for_a_handshake() {
    let data = tempfile::tempdir().unwrap();
    let (tls, roots) = certified(&data);
    let mut config = config(&data);
    config.http.tls = Some(tls);
    let (serving, _, address) = serving(&config, greeting()).await;
    assert_eq!(serving.address().to_string(), format!("https://{address}"));
    let _silent = connected(address, b"").await;

    let (mut first, driven) =
        hyper::client::conn::http1::handshake(secured(address, &roots, b"http/1.1").await).await.unwrap();
    let driven = tokio::spawn(driven);
    let ask = Request::get("/").header("host", "localhost").body(Empty::<axum::body::Bytes>::new()).unwrap();
    let answer = first.send_request(ask).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    drop(first);
    driven.await.unwrap().unwrap();

    let io = secured(address, &roots, b"h2").await;
    let (mut second, driven) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(driven);
    let ask = Request::get("https://localhost/").body(Empty::<axum::body::Bytes>::new()).unwrap();
    let answer = second.send_request(ask).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, http::Version::HTTP_2));
}

#[tokio::test]
async fn on_http_2_a_connection_without_requests_is_let_go_as_well() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(&data);
    config.http.header_timeout = SOON;
    let (_serving, _, address) = serving(&config, greeting()).await;
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (client, driven) =
        hyper::client::conn::http2::handshake::<_, _, Empty<axum::body::Bytes>>(TokioExecutor::new(), io)
            .await
            .unwrap();
    // The client would keep it.
    tokio::time::timeout(LONG, driven).await.expect("an end").unwrap();
    drop(client);
}

/// What a client that sends as long as it may hears of a body of `size` bytes.
async fn sends(address: SocketAddr, size: usize) -> StatusCode {
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut client, driven) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(driven);
    let piece = axum::body::Bytes::from(vec![b' '; 64 << 10]);
    let pieces = (0..size / piece.len()).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let ask = Request::post("http://localhost/").header("content-length", size).body(body).unwrap();
    let answer = tokio::time::timeout(LONG, client.send_request(ask)).await.expect("an answer").unwrap();
    let status = answer.status();
    answer.into_body().collect().await.expect("all of it");
    status
}

#[tokio::test]
async fn on_http_2_a_body_that_is_too_large_has_an_answer_however_large_it_is() {
    let data = tempfile::tempdir().unwrap();
    let config = config(&data);
    let shared = Arc::new(Shared::new(&config).unwrap());
    let read = axum::routing::post(async |body: axum::body::Bytes| body.len().to_string());
    let guarded = axum::middleware::from_fn_with_state(shared.clone(), requests::counted);
    let router = Router::new().route("/", read).layer(guarded);
    let serving = Serving::with(&config, &shared, router).await.unwrap();
    let Address::Tcp(address) = *serving.address() else { panic!("no port") };
    assert_eq!(sends(address, shared.max_body / 2).await, StatusCode::OK);
    for size in [4 << 20, 256 << 20] {
        assert_eq!(sends(address, size).await, StatusCode::PAYLOAD_TOO_LARGE, "{size}");
    }
}

#[tokio::test]
async fn a_certificate_or_key_that_cannot_be_used_is_named() {
    let data = tempfile::tempdir().unwrap();
    let (tls, _) = certified(&data);
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(data.path().join("other.pem"), other).unwrap();
    std::fs::write(data.path().join("empty.pem"), "").unwrap();
    let in_data = |name: &str| data.path().join(name);
    for (tls, key, file) in [
        (TlsConfig { cert: in_data("none.pem"), ..tls.clone() }, "http.tls.cert", "none.pem"),
        (TlsConfig { cert: in_data("empty.pem"), ..tls.clone() }, "http.tls.cert", "empty.pem"),
        (TlsConfig { key: in_data("none.pem"), ..tls.clone() }, "http.tls.key", "none.pem"),
        (TlsConfig { key: in_data("empty.pem"), ..tls.clone() }, "http.tls.key", "empty.pem"),
        (TlsConfig { key: in_data("other.pem"), ..tls.clone() }, "http.tls.key", "other.pem"),
    ] {
        let error = tls::acceptor(&tls).err().unwrap().to_string();
        assert!(error.contains(key) && error.contains(file), "{error}");
    }
}

#[tokio::test]
async fn who_goes_away_ends_what_was_done_for_them() {
    struct Told(Arc<Notify>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let data = tempfile::tempdir().unwrap();
    let (arrived, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (came, left) = (arrived.clone(), gone.clone());
    let endless = async move || {
        let _told = Told(left);
        came.notify_one();
        pending::<()>().await;
    };
    let (_serving, _, address) = serving(&config(&data), Router::new().route("/", get(endless))).await;
    let stream = connected(address, ASK).await;
    arrived.notified().await;
    drop(stream);
    tokio::time::timeout(LONG, gone.notified()).await.expect("the handler is dropped");
}
