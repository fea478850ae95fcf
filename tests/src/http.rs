//! An HTTP client: one request, one connection, one answer.
//!
//! Contract: what is sent is what the test says and no more than `Host` and `Connection` besides; an answer that is not whole within
//! [`PATIENCE`] fails the test, however much of it comes. Price: a connection per request.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::PATIENCE;

/// Where a server is, and with which token it is asked.
#[derive(Debug, Clone)]
pub struct Http {
    place: Place,
    token: Option<String>,
}

#[derive(Debug, Clone)]
enum Place {
    /// `HOST:PORT`.
    Tcp(String),
    Unix(PathBuf),
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Both ways of a connection.
pub trait Stream: Read + Write + Send {
    /// How long a read may wait.
    fn set_patience(&self, patience: Duration) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

impl Stream for UnixStream {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

impl Http {
    /// The server at `http://HOST:PORT` or `unix:PATH`.
    #[track_caller]
    pub fn at(address: &str) -> Self {
        let place = match (address.strip_prefix("http://"), address.strip_prefix("unix:")) {
            (Some(authority), _) => Place::Tcp(authority.to_owned()),
            (None, Some(path)) => Place::Unix(path.into()),
            (None, None) => panic!("no address that a test can ask: {address}"),
        };
        Self { place, token: None }
    }

    /// The same, asked with this token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// What `Host` is to say: `HOST:PORT`.
    pub fn host(&self) -> &str {
        match &self.place {
            Place::Tcp(authority) => authority,
            Place::Unix(_) => "localhost",
        }
    }

    /// The token with which it is asked.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A connection on which nothing was said yet.
    pub fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.place {
            Place::Tcp(authority) => {
                let stream = TcpStream::connect(authority)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
            Place::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        })
    }

    /// `GET`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// `POST` of JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Any request. `Host` and `Authorization` are added unless `headers` say them.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let reply = self.try_send(method, path, headers, body);
        reply.unwrap_or_else(|error| panic!("{method} {path} got no answer: {error}"))
    }

    /// The same, where there may be nobody to answer.
    pub fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Reply> {
        let says = |name: &str| headers.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !says("host") {
            head.push_str(&format!("Host: {}\r\n", self.host()));
        }
        if let Some(token) = self.token.as_ref().filter(|_| !says("authorization")) {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if !says("content-length") && !says("transfer-encoding") && (!body.is_empty() || method != "GET") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = self.connect()?;
        // Who refuses a body need not read it: what counts is what it answers.
        let sent = stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(body));
        Reply::read(stream.as_mut()).map_err(|error| sent.err().unwrap_or(error))
    }
}

impl Reply {
    /// Reads the answer on a connection that ends with it, or goes on behind it where the answer says how long it is.
    pub fn read(stream: &mut dyn Stream) -> io::Result<Self> {
        Self::read_within(stream, PATIENCE)
    }

    fn read_within(stream: &mut dyn Stream, patience: Duration) -> io::Result<Self> {
        let end = Instant::now() + patience;
        let mut bytes = Vec::new();
        let mut piece = [0; 16 << 10];
        // What came before a connection broke is an answer all the same.
        let broken = loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_patience(left)?;
            match stream.read(&mut piece) {
                Ok(0) => break None,
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
                // The patience is looked at once more.
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                Err(error) => break Some(error),
            }
            if is_whole(&bytes) {
                break None;
            }
        };
        let broken = || broken.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Err(broken()) };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let mut reply = Self {
            status: status.ok_or(io::ErrorKind::InvalidData)?,
            headers: lines.filter_map(header).collect(),
            body: bytes.split_off(end + 4),
        };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = joined(&reply.body).ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        Ok(reply)
    }

    /// The value of a header; of several, the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(said, _)| said.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The `detail` of a problem; fails the test unless this is one of this status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!((self.status, self.header("content-type")), (status, Some("application/problem+json")), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        problem["detail"].as_str().unwrap_or_else(|| panic!("without a detail: {problem}")).to_owned()
    }
}

/// Is this an answer with as long a body as it says?
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| bytes.len() - end - 4 >= length)
}

/// A chunked body, whole.
fn joined(mut chunked: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunked.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&chunked[..end]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        chunked = chunked.get(end + 2..)?;
        body.extend_from_slice(chunked.get(..size)?);
        chunked = chunked.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::POLL;

    #[test]
    fn an_answer_that_never_ends_is_given_up_however_much_of_it_comes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut piece = "HTTP/1.1 200 OK\r\n\r\n";
            while stream.write_all(piece.as_bytes()).is_ok() {
                piece = "more";
                // Slowness is what is tested, and has no condition to wait for.
                std::thread::sleep(POLL);
            }
        });
        let given_up = Reply::read_within(&mut stream, 20 * POLL).unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
        drop(stream);
        server.join().unwrap();
    }
}
