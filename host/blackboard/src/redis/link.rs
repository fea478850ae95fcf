//! The connection for commands: whether it is there, and how it comes back.
//!
//! Contract: a lost server is noticed when its socket closes, when a command fails, or by a ping that is not answered; it is
//! connected to again at most [`LONGEST_PAUSE`] after it came back. While it is gone, calls fail at once. No command
//! is sent twice. Price: a thread with a runtime of its own, so that the board can be opened anywhere and outlives any
//! runtime; a ping every [`PING`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::BoardError;

/// Longest time that a command waits for its answer. A healthy server takes under a millisecond; one that syncs its disk
/// at every write, or runs another program's long script, takes parts of a second.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// Longest time that connecting takes, with name look-up, TLS and login.
const CONNECT: Duration = Duration::from_secs(1);

/// Between two pings.
const PING: Duration = Duration::from_millis(500);

/// First and longest pause between two tries to connect. The longest bounds how long a server that is back goes unnoticed.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Commands that wait to be written to the connection; more callers wait for their turn.
const PIPELINE: usize = 1_024;

/// Is the server there?
#[derive(Clone)]
pub(crate) enum State {
    /// Yes.
    Up(MultiplexedConnection),
    /// No, and why.
    Down(Arc<str>),
}

/// The way to the server.
pub(crate) struct Link {
    address: String,
    state: watch::Receiver<State>,
    alarm: Arc<Notify>,
    losses: Arc<AtomicU64>,
    runtime: Handle,
    /// Dropped, it ends the thread.
    _stop: watch::Sender<()>,
}

impl Link {
    /// Starts to connect. Needs no runtime.
    pub(super) fn open(client: Client) -> Result<Self, BoardError> {
        let failed = |error: std::io::Error| BoardError::Unavailable(format!("no thread for the blackboard: {error}"));
        let address = client.get_connection_info().addr().to_string();
        let (sender, state) = watch::channel(State::Down("it is not connected yet".into()));
        let (stop, mut stopped) = watch::channel(());
        let alarm = Arc::new(Notify::new());
        let losses = Arc::new(AtomicU64::new(0));
        let keeper = keep(client, sender, alarm.clone(), losses.clone());
        let (started, runtime) = std::sync::mpsc::channel();
        let run = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                runtime.spawn(keeper);
                let _ = started.send(Ok(runtime.handle().clone()));
                // An error says that the link is gone. The tasks go with the runtime.
                let _ = runtime.block_on(stopped.changed());
            }
            // Who started it waits for this.
            Err(error) => drop(started.send(Err(error))),
        };
        std::thread::Builder::new().name("board redis".into()).spawn(run).map_err(failed)?;
        let runtime = runtime.recv().unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(failed)?;
        Ok(Self { address, state, alarm, losses, runtime, _stop: stop })
    }

    /// Runs `task` as long as the link is there.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Where the server is.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Tells of every change from one state to the other, beginning with the first.
    pub(super) fn tell(&self, listener: impl Fn(State) + Send + 'static) {
        let mut state = self.watch();
        self.spawn(async move {
            let mut was_up = true;
            while state.changed().await.is_ok() {
                let now = state.borrow_and_update().clone();
                let is_up = matches!(now, State::Up(_));
                if std::mem::replace(&mut was_up, is_up) != is_up {
                    listener(now);
                }
            }
        });
    }

    /// Follows the state.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Waits for the first try to connect, on this thread and so long at the most.
    pub(crate) fn wait(&self, longest: Duration) {
        let mut state = self.watch();
        let (done, tried) = std::sync::mpsc::channel();
        self.spawn(async move {
            // It is gone if nobody waits any more.
            let _ = done.send(state.changed().await);
        });
        let _ = tried.recv_timeout(longest);
    }

    /// The connection, if the server is there.
    pub(super) fn connection(&self) -> Result<MultiplexedConnection, BoardError> {
        match &*self.state.borrow() {
            State::Up(connection) => Ok(connection.clone()),
            // Where it is concerns the operator, who is told otherwise.
            State::Down(error) => {
                Err(BoardError::Unavailable(format!("Redis is not there: {error}; it is tried again all the time")))
            }
        }
    }

    /// Why the server is not there; none: it is.
    pub(crate) fn down(&self) -> Option<Arc<str>> {
        match &*self.state.borrow() {
            State::Up(_) => None,
            State::Down(error) => Some(error.clone()),
        }
    }

    /// How often the server was there and then was not.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// Looks at once whether the server is there.
    pub(super) fn suspect(&self) {
        self.alarm.notify_one();
    }
}

/// Connects, for ever again.
async fn keep(client: Client, state: watch::Sender<State>, alarm: Arc<Notify>, losses: Arc<AtomicU64>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let on_push = {
            let alarm = alarm.clone();
            move |info: PushInfo| {
                if info.kind == PushKind::Disconnection {
                    alarm.notify_one();
                }
                Ok::<(), ()>(())
            }
        };
        let error = match connect(&client, on_push).await {
            Ok(connection) => {
                pause = FIRST_PAUSE;
                state.send_replace(State::Up(connection.clone()));
                let error = watch_over(connection, &alarm).await;
                losses.fetch_add(1, Ordering::Release);
                error
            }
            Err(error) => error,
        };
        state.send_replace(State::Down(error.to_string().into()));
        // A server that is gone tells nobody when it is back: it is tried, less and less often.
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A connection to a server that answers.
pub(super) async fn connect(
    client: &Client,
    on_push: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(ANSWER))
        .set_pipeline_buffer_size(PIPELINE)
        .set_push_sender(on_push);
    let connect = async {
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        // A server that still loads its data connects and answers nothing else.
        ping(&mut connection).await?;
        Ok(connection)
    };
    match tokio::time::timeout(CONNECT, connect).await {
        Ok(connected) => connected,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// Comes back when the server is gone, and says how that was seen.
pub(super) async fn watch_over(mut connection: MultiplexedConnection, alarm: &Notify) -> RedisError {
    loop {
        // Woken early or not: the ping tells.
        let _ = tokio::time::timeout(PING, alarm.notified()).await;
        if let Err(error) = ping(&mut connection).await {
            return error;
        }
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    redis::cmd("PING").query_async(connection).await
}
