//! A server with nothing but the feed, and clients of it.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::serve::ListenerExt as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use skillhost_events::EventLog;
use skillhost_feed::{Entrance, Feed, FeedConfig, Hub, Pass, Viewer, serve, upgrade};
use skillhost_types::System;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long something may take that happens at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// A feed as hosts have it.
pub(crate) const CONFIG: FeedConfig = FeedConfig {
    rate: NonZeroU32::new(10).unwrap(),
    replay: 100,
    per_address: 64,
    send_timeout: Duration::from_secs(5),
};

/// A feed behind a socket.
pub(crate) struct Server {
    pub(crate) log: EventLog,
    pub(crate) feed: Feed,
    pub(crate) address: SocketAddr,
}

async fn connect(
    State(feed): State<Feed>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    upgrading: WebSocketUpgrade,
) -> Response {
    let entrance = Entrance::Known(Pass::new(Viewer { tenant: None }, || true));
    let place = match feed.admit(peer.ip(), &entrance) {
        Ok(place) => place,
        Err(full) => return (StatusCode::TOO_MANY_REQUESTS, full.to_string()).into_response(),
    };
    upgrade(upgrading).on_upgrade(|socket| serve(socket, feed, entrance, place))
}

impl Server {
    /// A server on the log in `folder`.
    pub(crate) async fn start(folder: &TempDir, config: FeedConfig) -> Self {
        let log = EventLog::open(folder.path(), Arc::new(System)).unwrap();
        let feed = Feed::new(Hub::start(&log).unwrap(), config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/ws", any(connect)).with_state(feed.clone());
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { log, feed, address }
    }
}

/// A client that is connected.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // A thousand clients with the usual buffers would outweigh the server.
        let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0);
        let (socket, _) = client_async_with_config(format!("ws://{address}/ws"), stream, Some(config)).await?;
        Ok(Self { socket })
    }

    pub(crate) async fn subscribe(&mut self, kinds: &[&str], since: Option<(&str, u64)>) {
        let since = since.map(|(epoch, seq)| json!({"epoch": epoch, "seq": seq}));
        let request = json!({"action": "subscribe", "channel": "events", "kinds": kinds, "since": since});
        self.socket.send(Message::Text(request.to_string().into())).await.unwrap();
    }

    /// The next message; none: it was closed, with this code.
    pub(crate) async fn next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("nothing came");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}
