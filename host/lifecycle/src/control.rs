//! The running host's socket in the data directory: how other commands reach its agents and channels.
//!
//! Contract: one JSON document a line in, one out; only whoever may read the data directory gets in. A running host answers within
//! [`PATIENCE`]. Price: a task that waits.

use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use skillhost_types::Tenant;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::agents::AgentInfo;
use crate::host::Inner;

/// The socket's name in the data directory.
const SOCKET: &str = "host.sock";

/// How long one exchange may take: a publish at the most, which has its own shorter limits.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a command may take to ask: it knows what when it connects.
const ASKING: Duration = Duration::from_secs(1);

/// Longest line, in bytes: the largest message and what is around it.
const LONGEST: u64 = 4 << 20;

/// Commands at once; more than people and scripts begin.
const AT_ONCE: usize = 64;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Asked {
    Send { tenant: Tenant, channel: String, payload: Box<RawValue> },
    Agents,
    Replay { ids: Option<Vec<String>> },
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answered<T> {
    Done(T),
    Failed(String),
}

/// Why a running host could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is none.
    #[error("no host runs on {}; start one with `skillhost up`", .0.display())]
    NoHost(PathBuf),
    /// It does not answer.
    #[error("the running host does not answer: {0}")]
    Silent(#[from] io::Error),
    /// It said no.
    #[error("{0}")]
    Refused(String),
}

/// The door to a running host.
pub struct Control {
    folder: PathBuf,
}

impl Control {
    /// The host that runs on the data directory `folder`.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Publishes JSON to a channel, as it stands. Gives the count of receivers.
    pub async fn send(&self, tenant: &Tenant, channel: &str, payload: Box<RawValue>) -> Result<u32, ControlError> {
        self.ask(&Asked::Send { tenant: tenant.clone(), channel: channel.to_owned(), payload }).await
    }

    /// Its agents.
    pub async fn agents(&self) -> Result<Vec<AgentInfo>, ControlError> {
        self.ask(&Asked::Agents).await
    }

    /// Lets parked messages wait again, these or all. Gives how many.
    pub async fn replay(&self, ids: Option<Vec<String>>) -> Result<usize, ControlError> {
        self.ask(&Asked::Replay { ids }).await
    }

    async fn ask<T: DeserializeOwned>(&self, asked: &Asked) -> Result<T, ControlError> {
        let stream = match connect(&self.folder).await {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Err(ControlError::NoHost(self.folder.clone()));
            }
            other => other?,
        };
        let exchange = async {
            let mut stream = BufReader::new(stream);
            let mut line = serde_json::to_vec(asked)?;
            line.push(b'\n');
            stream.write_all(&line).await?;
            stream.flush().await?;
            let mut answer = Vec::new();
            stream.read_until(b'\n', &mut answer).await?;
            Ok::<Answered<T>, io::Error>(serde_json::from_slice(&answer)?)
        };
        match tokio::time::timeout(PATIENCE, exchange).await.map_err(io::Error::from)?? {
            Answered::Done(answer) => Ok(answer),
            Answered::Failed(reason) => Err(ControlError::Refused(reason)),
        }
    }
}

/// Answers until it is stopped.
pub(crate) async fn serve(inner: Arc<Inner>, stop: CancellationToken) {
    let listener = match listen(&inner.config().data_dir) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "no socket in the data directory; `skillhost send` and `agents` do not reach this host");
            return;
        }
    };
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        // Who comes while all places are taken waits in the system's queue, and each place is free again within `PATIENCE`.
        let next = async { (room.clone().acquire_owned().await, listener.accept().await) };
        let (place, stream) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        let Ok((stream, _)) = stream else {
            // Out of files, most likely; some are given back soon.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let inner = inner.clone();
        tokio::spawn(async move {
            let _place = place;
            if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, answer(&inner, stream)).await {
                tracing::debug!(%error, "somebody asked and did not wait for the answer");
            }
        });
    }
    // Gone already is as good.
    drop(std::fs::remove_file(inner.config().data_dir.join(SOCKET)));
}

async fn answer(inner: &Arc<Inner>, mut stream: UnixStream) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(LONGEST));
    tokio::time::timeout(ASKING, reader.read_until(b'\n', &mut line)).await.map_err(io::Error::from)??;
    let answered = match serde_json::from_slice(&line) {
        Err(_) if line.len() as u64 == LONGEST => {
            Answered::Failed(format!("that is longer than the {LONGEST} bytes that a command may have"))
        }
        Ok(asked) => act(inner, asked).await,
        Err(error) => Answered::Failed(format!("this host does not understand that: {error}")),
    };
    let mut line = serde_json::to_vec(&answered)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

async fn act(inner: &Arc<Inner>, asked: Asked) -> Answered<Value> {
    let answer = match asked {
        Asked::Send { tenant, channel, payload } => {
            let sent = inner.publish(&tenant, &channel, payload.get().into()).await;
            sent.map(Value::from).map_err(|error| error.to_string())
        }
        Asked::Agents => match inner.agents.list(&inner.config()).await {
            Ok(agents) => serde_json::to_value(agents).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
        Asked::Replay { ids } => inner.agents.replay(ids).await.map(Value::from).map_err(|error| error.to_string()),
    };
    answer.map_or_else(Answered::Failed, Answered::Done)
}

fn listen(folder: &Path) -> io::Result<UnixListener> {
    let (opened, path) = reachable(folder)?;
    // Whoever held it is gone: this process has the directory's lock.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    drop(opened);
    Ok(listener)
}

async fn connect(folder: &Path) -> io::Result<UnixStream> {
    let (_opened, path) = reachable(folder)?;
    UnixStream::connect(path).await
}

/// The socket's path through the opened directory: an address takes 107 bytes, and a directory's path may be longer.
fn reachable(folder: &Path) -> io::Result<(std::fs::File, PathBuf)> {
    let opened = std::fs::File::open(folder)?;
    let path = format!("/proc/self/fd/{}/{SOCKET}", opened.as_raw_fd());
    Ok((opened, path.into()))
}
