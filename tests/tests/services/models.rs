//! Servers that speak as language models do: Ollama's interface and OpenAI's, by the path that is asked for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// What a server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// The header `Authorization`.
    pub(crate) authorization: Option<String>,
    pub(crate) body: Value,
}

impl Asked {
    /// The last message of a conversation.
    pub(crate) fn prompt(&self) -> &str {
        self.body["messages"].as_array().and_then(|all| all.last()?["content"].as_str()).unwrap_or_default()
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer in these pieces, and the tokens that it counts, in and out.
    Says(Vec<String>, u64, u64),
    /// The same pieces, and then the connection ends.
    BreaksOff(Vec<String>),
    /// A vector for each input.
    Vectors(Vec<Vec<f32>>, u64),
    /// The models that an Ollama has.
    Installed(Vec<&'static str>),
    /// A status and a body.
    Refuses(u16, String),
    /// Nothing, for as long as the caller stays.
    Hangs,
}

/// The tokens that [`says`] counts, in and out.
pub(crate) const TOKENS: (u64, u64) = (7, 5);

/// An answer, word by word.
pub(crate) fn says(text: &str) -> Reply {
    costs(text, TOKENS.0, TOKENS.1)
}

/// An answer of so many tokens in and out.
pub(crate) fn costs(text: &str, input: u64, output: u64) -> Reply {
    Reply::Says(text.split_inclusive(' ').map(str::to_owned).collect(), input, output)
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A server. It takes no more calls once it is dropped.
pub(crate) struct Models {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Drop for Models {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes it up, so that it sees.
        drop(TcpStream::connect(self.address));
        drop(self.accepting.take().map(JoinHandle::join));
    }
}

impl Models {
    /// A server that answers by `script`, on a port of its own.
    pub(crate) fn new(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// A server that always says this.
    pub(crate) fn saying(text: &'static str) -> Self {
        Self::new(move |_| says(text))
    }

    /// A server behind a listener.
    pub(crate) fn on(listener: TcpListener, script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Asked>>>::default());
        let (kept, script) = (asked.clone(), Arc::<Script>::from(Box::new(script) as Box<Script>));
        let is_over = Arc::<AtomicBool>::default();
        let over = is_over.clone();
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !over.load(Ordering::SeqCst)) {
                let (kept, script) = (kept.clone(), script.clone());
                // Whoever hangs up is no fault of the server's.
                std::thread::spawn(move || drop(serve(stream, &kept, &*script)));
            }
        });
        Self { address, asked, is_over, accepting: Some(accepting) }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// What it was asked, lists of models aside.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| !asked.path.ends_with("/tags")).cloned().collect()
    }

    /// As a provider of the configuration that speaks as Ollama does.
    pub(crate) fn ollama(&self) -> Value {
        json!({"kind": "ollama", "url": format!("http://{}", self.address)})
    }

    /// As a provider that speaks as OpenAI does.
    pub(crate) fn openai(&self) -> Value {
        json!({"kind": "openai", "url": format!("http://{}/v1", self.address)})
    }
}

/// A provider behind a port on which nobody listens.
pub(crate) fn nobody() -> Value {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    json!({"kind": "ollama", "url": format!("http://127.0.0.1:{port}")})
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, script: &Script) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let asked = Asked { path, authorization, body };
    let reply = script(&asked);
    kept.lock().unwrap().push(asked.clone());
    let is_openai = !asked.path.starts_with("/api/");
    match reply {
        Reply::Says(pieces, input, output) => {
            begin(&mut stream, is_openai)?;
            speak(&mut stream, is_openai, &pieces)?;
            end(&mut stream, is_openai, input, output)
        }
        Reply::BreaksOff(pieces) => {
            begin(&mut stream, is_openai)?;
            speak(&mut stream, is_openai, &pieces)
        }
        Reply::Vectors(vectors, input) if is_openai => {
            let vector = |(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector});
            let data: Vec<_> = vectors.iter().enumerate().map(vector).collect();
            whole(&mut stream, 200, &json!({"data": data, "usage": {"prompt_tokens": input}}).to_string())
        }
        Reply::Vectors(vectors, input) => {
            whole(&mut stream, 200, &json!({"embeddings": vectors, "prompt_eval_count": input}).to_string())
        }
        Reply::Installed(names) => {
            let models: Vec<_> = names.iter().map(|name| json!({"name": name, "details": {"family": "x"}})).collect();
            whole(&mut stream, 200, &json!({"models": models}).to_string())
        }
        Reply::Refuses(status, body) => whole(&mut stream, status, &body),
        Reply::Hangs => stream.read_exact(&mut [0]),
    }
}

fn whole(stream: &mut TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} As told\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n")?;
    write!(stream, "connection: close\r\n\r\n{body}")
}

fn begin(stream: &mut TcpStream, is_openai: bool) -> std::io::Result<()> {
    let kind = if is_openai { "text/event-stream" } else { "application/x-ndjson" };
    // The answer ends with the connection.
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n")
}

fn speak(stream: &mut TcpStream, is_openai: bool, pieces: &[String]) -> std::io::Result<()> {
    for piece in pieces {
        if is_openai {
            write!(stream, "data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": piece}}]}))?;
        } else {
            writeln!(stream, "{}", json!({"message": {"role": "assistant", "content": piece}, "done": false}))?;
        }
    }
    stream.flush()
}

fn end(stream: &mut TcpStream, is_openai: bool, input: u64, output: u64) -> std::io::Result<()> {
    if is_openai {
        let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        let usage = json!({"choices": [], "usage": {"prompt_tokens": input, "completion_tokens": output}});
        write!(stream, "data: {stop}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
    } else {
        let last = json!({"message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop",
            "prompt_eval_count": input, "eval_count": output});
        writeln!(stream, "{last}")
    }
}
