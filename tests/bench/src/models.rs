//! What the host adds to a language model's answer: a guest asks a local server that answers at once, and a bare connection asks it as
//! well, in turn.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;

use skillhost_lifecycle::{Config, Host, Options, Recording};
use skillhost_types::GrantRule;

use crate::measure::{config, request};
use crate::{Failure, guest};

/// Rounds that are counted, and rounds before them.
const ROUNDS: usize = 400;
const WARM_UP: usize = 50;
/// Pieces of the long answer.
const PIECES: usize = 200;

/// Medians, in microseconds.
pub(crate) struct Added {
    /// To a completion.
    pub(crate) completion: f64,
    /// To each streamed piece.
    pub(crate) piece: f64,
}

pub(crate) async fn added(root: &Path) -> Result<Added, Failure> {
    let server = serve()?;
    let host = open(root, server).await?;
    let mut bare = Bare::connect(server)?;
    let (mut completions, mut pieces) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let short = asked(&host, "complete", "short").await? - bare.ask("short")?;
        let idle = asked(&host, "heard", "").await?;
        let begun = asked(&host, "stream", "short").await? - bare.ask("short")?;
        let long = asked(&host, "stream", "long").await? - bare.ask("long")?;
        if round >= WARM_UP {
            completions.push(short - idle);
            pieces.push((long - begun) / (PIECES - 1) as f64);
        }
    }
    host.close().await;
    Ok(Added { completion: median(completions)?, piece: median(pieces)? })
}

async fn open(root: &Path, server: SocketAddr) -> Result<Host, Failure> {
    let mut config: Config = config(root, "models", Recording::Relaxed);
    config.approval.auto = vec!["* *".parse::<GrantRule>()?];
    config.llm = serde_json::from_value(serde_json::json!({
        "default": "srv/short",
        "providers": {"srv": {"kind": "openai", "url": format!("http://{server}/v1")}},
    }))?;
    std::fs::create_dir_all(&config.skills_dir)?;
    std::fs::write(config.skills_dir.join("asker.wasm"), guest::named("asker")?)?;
    let host = Host::open(Options::new(config)).await?;
    host.absorb_folder().await?;
    Ok(host)
}

/// One run that asks `model`, in microseconds.
async fn asked(host: &Host, tool: &str, model: &str) -> Result<f64, Failure> {
    let input = format!(r#"{{"prompt":"hello","model":"srv/{model}"}}"#);
    let begun = Instant::now();
    let record = host.run(request("asker", tool, &input)).await;
    let took = begun.elapsed().as_secs_f64() * 1e6;
    let said = record.output.as_ref().and_then(|output| output.data.as_ref());
    match said {
        Some(said) if said.get("err").is_none() => Ok(took),
        _ => Err(format!("the model did not answer: {record:?}").into()),
    }
}

/// A connection without a host behind it.
struct Bare {
    reader: BufReader<TcpStream>,
}

impl Bare {
    fn connect(server: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// One answer, in microseconds.
    fn ask(&mut self, model: &str) -> Result<f64, Failure> {
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}],"stream":true}}"#);
        let begun = Instant::now();
        let head = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        self.reader.get_mut().write_all((head + &body).as_bytes())?;
        read_message(&mut self.reader)?.ok_or("the server hung up")?;
        Ok(begun.elapsed().as_secs_f64() * 1e6)
    }
}

/// Reads a message of HTTP and gives its body; none at the end of the connection.
fn read_message(reader: &mut BufReader<TcpStream>) -> Result<Option<String>, Failure> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(String::from_utf8(body)?))
}

/// A server in the dialect of OpenAI that has its answers ready.
fn serve() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (short, long) = (answer(1), answer(PIECES));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (short, long) = (short.clone(), long.clone());
            std::thread::spawn(move || {
                // A connection that ends, however it does, ends its thread.
                let _ = stream.set_nodelay(true);
                let mut reader = BufReader::new(stream);
                while let Ok(Some(body)) = read_message(&mut reader) {
                    let answer = if body.contains(r#""long""#) { &long } else { &short };
                    if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(address)
}

fn answer(pieces: usize) -> String {
    let piece = r#"data: {"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}"#;
    let end = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let body = format!("{}{end}\n\ndata: [DONE]\n\n", format!("{piece}\n\n").repeat(pieces));
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn median(mut values: Vec<f64>) -> Result<f64, Failure> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().ok_or_else(|| "no rounds".into())
}
