//! A Redis server of one's own, and what tests of boards share.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "each test uses a part; a test may fail loudly")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use skillhost_blackboard::{BoardNotice, Channel, Key, Message, Notices, RedisOptions};
use skillhost_types::{RunId, Source as _, System};

/// Longest time that a server takes to start, on a machine that is busy.
const START: Duration = Duration::from_secs(20);

/// A server on a free port, with its files in a temporary folder.
pub(crate) struct Server {
    port: u16,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts one that syncs every write to disk.
    pub(crate) fn start() -> Self {
        let mut server = Self::absent();
        server.restart();
        server
    }

    /// One that is not there yet.
    pub(crate) fn absent() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, folder: tempfile::tempdir().unwrap(), arguments: Vec::new(), child: None }
    }

    /// What it is started with from now on, beside the rest.
    pub(crate) fn arguments(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    }

    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--loglevel", "warning"]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]).arg(self.folder.path());
        command.args(&self.arguments);
        let child = command.stdout(Stdio::null()).spawn().unwrap_or_else(|error| {
            panic!("no redis-server ({error}): install it with `apt-get install redis-server` or `brew install redis`")
        });
        self.child = Some(child);
        let begun = Instant::now();
        while !self.answers() {
            assert!(begun.elapsed() < START, "the redis-server on port {} does not answer", self.port);
            // Between two looks at another process, which tells nobody.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            // Who wants a password answers as well.
            Ok(matches!(&answer, b"+PONG" | b"-NOAU"))
        };
        ask().unwrap_or(false)
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it or lets it go on, as a machine that hangs would.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn options(&self, prefix: &str) -> RedisOptions {
        RedisOptions { url: format!("redis://127.0.0.1:{}/0", self.port), password: None, prefix: prefix.into() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Notices that were given.
pub(crate) type Noted = Arc<Mutex<Vec<BoardNotice>>>;

pub(crate) fn notices() -> (Notices, Noted) {
    let noted = Noted::default();
    let own = noted.clone();
    (Arc::new(move |notice| own.lock().unwrap().push(notice)), noted)
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

pub(crate) fn message(channel: &str, payload: &str) -> Message {
    Message {
        id: RunId::new(&System).to_string(),
        channel: Channel::new(channel).unwrap(),
        payload: payload.into(),
        source: Some("tester".into()),
        hops: 2,
        published_at: System.now(),
    }
}

/// Waits until `done` says so.
pub(crate) async fn until(what: &str, longest: Duration, mut done: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < longest, "not within {longest:?}: {what}");
        // Between two looks, not in place of one.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
