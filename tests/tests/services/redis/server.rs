//! A Redis server of one's own.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use skillhost_tests::{PATIENCE, eventually};
use tempfile::TempDir;

/// A server on a free port. It writes everything to disk before it answers, so that a killed one comes back with all of it.
pub(crate) struct Server {
    port: u16,
    folder: TempDir,
    password: Option<&'static str>,
    child: Option<Child>,
}

impl Server {
    /// A running one.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let mut server = Self::absent();
        server.start();
        server
    }

    /// One that wants this password.
    #[track_caller]
    pub(crate) fn with_password(password: &'static str) -> Self {
        let mut server = Self::absent();
        server.password = Some(password);
        server.start();
        server
    }

    /// One that is not there yet.
    #[track_caller]
    pub(crate) fn absent() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, folder: tempfile::tempdir().unwrap(), password: None, child: None }
    }

    /// Starts it, and comes back when it answers.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--loglevel", "warning"]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]).arg(self.folder.path());
        if let Some(password) = self.password {
            command.args(["--requirepass", password]);
        }
        let child = command.stdout(Stdio::null()).spawn().unwrap_or_else(|error| {
            panic!("no redis-server ({error}); install it with: apt-get install redis-server, or: brew install redis")
        });
        self.child = Some(child);
        eventually("the redis-server answers", PATIENCE, || self.answers());
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer)?;
            Ok(&answer == b"+PONG" || &answer == b"-NOAU")
        };
        ask().unwrap_or(false)
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// Ends it, and all that it knew.
    pub(crate) fn lose(&mut self) {
        self.kill();
        self.folder = tempfile::tempdir().unwrap();
    }

    /// Has it hang, or go on.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().expect("a running server"));
        kill_process(pid, signal).expect("a child can be signalled");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:PORT/0`.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
