//! A real HTTP server on loopback, which keeps what it was sent.
//!
//! Contract: it answers by the path alone, on a port of its own, until it is dropped. Price: a thread for it and for each
//! connection; a connection that is to hang is held until the other side closes it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// An answer: a head without its end, and the body in the pieces that it is sent in.
struct Answer {
    head: String,
    pieces: Vec<Vec<u8>>,
}

pub(crate) struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
}

impl Server {
    /// One that sends whoever asks for `/away` to `elsewhere`.
    pub(crate) fn leading_to(elsewhere: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, ended, elsewhere) = (seen.clone(), over.clone(), elsewhere.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (kept, elsewhere) = (kept.clone(), elsewhere.clone());
                // Whoever breaks off breaks off; what came is kept.
                std::thread::spawn(move || drop(serve(stream.unwrap(), &kept, &elsewhere)));
            }
        });
        Self { port, seen, over }
    }

    pub(crate) fn new() -> Self {
        Self::leading_to("http://localhost:1/")
    }

    /// `http://localhost:PORT`.
    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The heads of all requests so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it up, so that it sees that.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<String>>, elsewhere: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut head = String::new();
        loop {
            let before = head.len();
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
            if head.get(before..) == Some("\r\n") {
                break;
            }
        }
        seen.lock().unwrap().push(head.clone());
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        if path == "/hang" {
            // To the end of the other side's patience.
            return reader.read_to_end(&mut Vec::new()).map(drop);
        }
        let Answer { head, pieces } = answer(&path, &head, elsewhere);
        write!(stream, "{head}transfer-encoding: chunked\r\n\r\n")?;
        for piece in pieces {
            write!(stream, "{:x}\r\n", piece.len())?;
            stream.write_all(&piece)?;
            stream.write_all(b"\r\n")?;
            stream.flush()?;
        }
        stream.write_all(b"0\r\n\r\n")?;
    }
}

fn answer(path: &str, head: &str, elsewhere: &str) -> Answer {
    // What came, in every form that a server might give back.
    let lines: Vec<_> = head.lines().skip(1).filter_map(|line| line.split_once(": ")).collect();
    let values: Vec<_> = lines.iter().map(|(_, value)| value.strip_prefix("Bearer ").unwrap_or(value)).collect();
    let all = |form: fn(&str) -> String| values.iter().map(|value| form(value)).collect::<Vec<_>>().join(" ");
    let echo = format!(
        "{head}\n{}\n{}\n{}\n{}\n{}",
        all(|value| base64(value.as_bytes())),
        all(|value| base64(format!("user:{value}").as_bytes())),
        all(|value| hex(value.as_bytes())),
        all(escaped),
        serde_json::json!({ "headers": lines })
    );
    match path {
        "/away" => Answer {
            head: format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\n"),
            pieces: vec![b"elsewhere".to_vec()],
        },
        "/pieces" => {
            // No piece holds a whole one of anything.
            let pieces = echo.as_bytes().chunks(3).map(<[u8]>::to_vec).collect();
            Answer { head: "HTTP/1.1 200 OK\r\n".into(), pieces }
        }
        "/headers" => {
            let mut head = String::from("HTTP/1.1 200 OK\r\n");
            for (n, value) in values.iter().enumerate() {
                head.push_str(&format!("x-echo-{n}: {value}\r\nset-cookie: key{n}={}\r\n", base64(value.as_bytes())));
                head.push_str(&format!(
                    "x-hex-{n}: {}\r\nx-escaped-{n}: {}\r\n",
                    hex(value.as_bytes()),
                    escaped(value)
                ));
            }
            Answer { head, pieces: vec![b"in the headers".to_vec()] }
        }
        "/refusing" => Answer { head: "HTTP/1.1 403 Forbidden\r\n".into(), pieces: vec![echo.into_bytes()] },
        _ => Answer { head: "HTTP/1.1 200 OK\r\n".into(), pieces: vec![echo.into_bytes()] },
    }
}

/// As in RFC 4648, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As in an address.
pub(crate) fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[test]
fn the_encodings_are_those_of_everybody() {
    let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="];
    assert_eq!(["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())), expected);
    assert_eq!((hex(b"a/"), escaped("a/+ b")), ("612f".to_owned(), "a%2F%2B%20b".to_owned()));
}
