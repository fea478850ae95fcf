//! The protocol on standard input and output: a message a line.
//!
//! Contract: a line that is no message, or over `max_body`, is answered and ends nothing. When the input ends, what was asked for
//! is still answered. Price: a line in memory, and a task of the executor in each direction.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, JsonRpcError, RequestId, ServerJsonRpcMessage,
};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage, serve_directly_with_ct};
use rmcp::transport::Transport;
use serde::Serialize;
use skillhost_lifecycle::Host;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::handler::Handler;
use super::who::Who;
use super::wire::{self, Incoming};
use crate::calls::Calls;

/// Messages on their way in one direction: some, so that neither side waits for every single one.
const QUEUE: usize = 16;

/// Serves `host` on standard input and output until the input ends or `until` comes back.
pub async fn stdio(host: Host, until: impl Future<Output = ()>) {
    let stopping = CancellationToken::new();
    let mut served = std::pin::pin!(serve(host, stopping.clone(), tokio::io::stdin(), tokio::io::stdout()));
    tokio::select! {
        () = &mut served => {}
        () = until => {
            stopping.cancel();
            served.await;
        }
    }
}

async fn serve(
    host: Host,
    stopping: CancellationToken,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) {
    let config = host.config();
    let longest = usize::try_from(config.max_body.0).unwrap_or(usize::MAX);
    let lines = Lines::start(input, output, longest, config.http.grace);
    let calls = Calls::new(stopping.clone());
    let mcp = Arc::new(Mcp::new(host, config.mcp.clone(), calls.clone(), stopping.clone()));
    let handler = Handler::new(mcp, Some(Who::local()));
    if let Err(error) = serve_directly_with_ct(handler, lines, None, stopping).waiting().await {
        tracing::error!(%error, "the protocol is not served any more");
    }
    // What still runs, nobody waits for.
    calls.break_off();
    calls.ended().await;
}

/// What was asked for and not answered yet.
#[derive(Default)]
struct Open {
    requests: Mutex<HashSet<RequestId>>,
    answered: Notify,
}

impl Open {
    fn change(&self, act: impl FnOnce(&mut HashSet<RequestId>) -> bool) {
        act(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner));
        self.answered.notify_one();
    }

    /// Comes back when all is answered.
    async fn none(&self) {
        while !self.requests.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.answered.notified().await;
        }
    }

    /// A message came in.
    fn came(&self, message: &ClientJsonRpcMessage) {
        match message {
            // A subscription is answered when it ends, which it does with the input.
            ClientJsonRpcMessage::Request(request)
                if !matches!(request.request, ClientRequest::SubscriptionsListenRequest(_)) =>
            {
                self.change(|open| open.insert(request.id.clone()));
            }
            ClientJsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.change(|open| open.remove(id));
                }
            }
            _ => {}
        }
    }

    /// A message goes out.
    fn goes(&self, message: &ServerJsonRpcMessage) {
        let id = match message {
            ServerJsonRpcMessage::Response(response) => Some(&response.id),
            ServerJsonRpcMessage::Error(error) => error.id.as_ref(),
            _ => None,
        };
        if let Some(id) = id {
            self.change(|open| open.remove(id));
        }
    }
}

/// Lines in and lines out.
struct Lines {
    incoming: mpsc::Receiver<ClientJsonRpcMessage>,
    outgoing: Option<mpsc::Sender<Vec<u8>>>,
    reader: JoinHandle<()>,
    writer: Option<JoinHandle<()>>,
    open: Arc<Open>,
}

impl Lines {
    fn start(
        input: impl AsyncRead + Send + Unpin + 'static,
        mut output: impl AsyncWrite + Send + Unpin + 'static,
        longest: usize,
        grace: Duration,
    ) -> Self {
        let (sender, incoming) = mpsc::channel(QUEUE);
        let (outgoing, mut lines) = mpsc::channel::<Vec<u8>>(QUEUE);
        let open = Arc::new(Open::default());
        let writer = tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                let written = async {
                    output.write_all(&line).await?;
                    output.flush().await
                };
                if let Err(error) = written.await {
                    tracing::debug!(%error, "nobody reads what is answered");
                    return;
                }
            }
        });
        let reader = tokio::spawn({
            let (open, outgoing) = (open.clone(), outgoing.clone());
            async move {
                read(BufReader::new(input), longest, &open, &sender, &outgoing).await;
                tokio::select! {
                    () = open.none() => {}
                    () = outgoing.closed() => {}
                    () = tokio::time::sleep(grace) => {}
                }
            }
        });
        Self { incoming, outgoing: Some(outgoing), reader, writer: Some(writer), open }
    }
}

/// Reads messages until there are none.
async fn read(
    mut input: impl AsyncBufRead + Unpin,
    longest: usize,
    open: &Open,
    sender: &mpsc::Sender<ClientJsonRpcMessage>,
    outgoing: &mpsc::Sender<Vec<u8>>,
) {
    let mut line = Vec::new();
    loop {
        let came = match next(&mut input, longest, &mut line).await {
            Ok(came) => came,
            Err(error) => return tracing::error!(%error, "standard input cannot be read"),
        };
        let incoming = match came {
            Came::Nothing => return,
            Came::Line if line.trim_ascii().is_empty() => continue,
            Came::Line => wire::read(&line),
            Came::TooLong => {
                let message = format!("the message is over {longest} bytes, which is `max_body`");
                Incoming::Wrong(Box::new(JsonRpcError::new(None, ErrorData::parse_error(message, None))))
            }
        };
        let sent = match incoming {
            Incoming::Message(message) => {
                open.came(&message);
                sender.send(*message).await.is_ok()
            }
            Incoming::Nothing => true,
            Incoming::Wrong(error) => match written(&error) {
                Ok(line) => outgoing.send(line).await.is_ok(),
                Err(_) => true,
            },
        };
        if !sent {
            return;
        }
    }
}

enum Came {
    Line,
    TooLong,
    Nothing,
}

/// Reads the next line into `line`. One that is too long is passed over.
async fn next(input: &mut (impl AsyncBufRead + Unpin), longest: usize, line: &mut Vec<u8>) -> io::Result<Came> {
    line.clear();
    let most = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    input.take(most).read_until(b'\n', line).await?;
    if line.is_empty() {
        return Ok(Came::Nothing);
    }
    if line.ends_with(b"\n") || line.len() <= longest {
        return Ok(Came::Line);
    }
    loop {
        let buffer = input.fill_buf().await?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let passed = end.map_or(buffer.len(), |end| end + 1);
        let last = end.is_some() || buffer.is_empty();
        input.consume(passed);
        if last {
            return Ok(Came::TooLong);
        }
    }
}

fn written(message: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let (outgoing, open) = (self.outgoing.clone(), self.open.clone());
        async move {
            let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
            let sent = outgoing.ok_or_else(gone)?.send(written(&message)?).await.map_err(|_| gone());
            open.goes(&message);
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        self.reader.abort();
        self.outgoing = None;
        match self.writer.take() {
            Some(writer) => writer.await.map_err(io::Error::other),
            None => Ok(()),
        }
    }
}
