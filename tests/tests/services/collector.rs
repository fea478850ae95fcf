//! A collector of traces: a server on the loopback address that keeps what it is sent.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;

/// A span as it came.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) name: String,
    /// In hex digits, as the other ids.
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty: it begins the trace.
    pub(crate) parent: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) has_failed: bool,
    pub(crate) events: usize,
    /// What sent it.
    pub(crate) resource: BTreeMap<String, String>,
}

/// What it keeps.
#[derive(Default)]
struct Kept {
    /// Path, headers in lower case, body.
    requests: Vec<(String, String, Vec<u8>)>,
    connections: usize,
}

/// A collector. It takes nothing more once it is dropped.
pub(crate) struct Collector {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    is_over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Collector {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, kept) = (listener.local_addr().unwrap(), Arc::<Mutex<Kept>>::default());
        let is_over = Arc::<AtomicBool>::default();
        let (keeping, over) = (kept.clone(), is_over.clone());
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !over.load(Ordering::SeqCst)) {
                keeping.lock().unwrap().connections += 1;
                // Whoever hangs up is no fault of the collector's.
                drop(serve(stream, &keeping));
            }
        });
        Self { address, kept, is_over, accepting: Some(accepting) }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.kept.lock().unwrap().connections
    }

    /// The heads of what it was sent: path and headers.
    pub(crate) fn heads(&self) -> Vec<(String, String)> {
        let kept = self.kept.lock().unwrap();
        kept.requests.iter().map(|(path, headers, _)| (path.clone(), headers.clone())).collect()
    }

    /// Is this text in anything that it was sent?
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        let kept = self.kept.lock().unwrap();
        kept.requests.iter().any(|(_, _, body)| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let kept = self.kept.lock().unwrap();
        let bodies = kept.requests.iter().map(|(_, _, body)| body.as_slice());
        bodies.flat_map(|body| spans(&ExportTraceServiceRequest::decode(body).unwrap())).collect()
    }

    /// The only span of this name.
    #[track_caller]
    pub(crate) fn span(&self, name: &str) -> Span {
        let spans = self.spans();
        let mut named = spans.iter().filter(|span| span.name == name);
        match (named.next(), named.next()) {
            (Some(span), None) => span.clone(),
            _ => panic!("not one `{name}` but: {spans:#?}"),
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes it up, so that it sees.
        drop(TcpStream::connect(self.address));
        drop(self.accepting.take().map(JoinHandle::join));
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Kept>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut headers) = (String::new(), String::new());
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        let Some((name, value)) = line.split_once(": ") else { break };
        if name == "content-length" {
            length = value.parse().unwrap();
        }
        headers.push_str(&format!("{line}\n"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    kept.lock().unwrap().requests.push((path, headers, body));
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n")?;
    write!(stream, "content-length: 0\r\nconnection: close\r\n\r\n")
}

fn spans(request: &ExportTraceServiceRequest) -> Vec<Span> {
    let of_resource = request.resource_spans.iter().flat_map(|from| {
        let resource = from.resource.as_ref().map(|resource| attributes(&resource.attributes)).unwrap_or_default();
        let spans = from.scope_spans.iter().flat_map(|scope| &scope.spans);
        spans.map(move |span| (span, resource.clone()))
    });
    of_resource
        .map(|(span, resource)| Span {
            name: span.name.clone(),
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            attributes: attributes(&span.attributes),
            has_failed: span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error),
            events: span.events.len(),
            resource,
        })
        .collect()
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    all.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
