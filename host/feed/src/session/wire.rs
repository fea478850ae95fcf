//! A client's socket: what is read from it and written to it, in bounds.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::time::{Instant, timeout};

use crate::message::{Reply, Request};

/// Messages that a client may send in [`INTAKE_WINDOW`], pings of its own with them: a person who clicks on filters is far
/// below.
const INTAKE: u32 = 10;

/// How long a client may keep a processor busy in [`INTAKE_WINDOW`] with what it says, also if that never becomes a message: a message
/// may come in any number of frames, of no length. Ten messages take less than a thousandth of it; the rest is for a thread that
/// is kept from its work in between.
const INTAKE_COST: Duration = Duration::from_millis(200);

/// The time for which they count.
const INTAKE_WINDOW: Duration = Duration::from_secs(1);

/// How long is waited until a client has taken that it is closed, and said that it knows.
const FAREWELL: Duration = Duration::from_secs(2);

/// The same of a client that says too much, all of which is read until then: once around the world.
const BRIEF_FAREWELL: Duration = Duration::from_millis(500);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client went.
    Gone,
    /// The host stops.
    Stopping,
    /// It takes nothing, or too little.
    Slow,
    /// It did not say who it is.
    Unknown,
    /// Its address has as many as it may.
    Full,
    /// Its token is good no longer.
    Revoked,
    /// It says too much.
    Flood,
    /// What it says is too large, or no WebSocket.
    Unreadable,
}

impl End {
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Stopping => (1001, "the host stops"),
            Self::Slow => (1013, "you took nothing for too long: try again later, and resume with `since`"),
            Self::Full => (1013, "there are too many connections from your address: close one, or try again later"),
            Self::Unknown => (1008, "a good token is needed, within five seconds"),
            Self::Revoked => (1008, "the token is good no longer"),
            Self::Flood => (1008, "10 messages a second are enough, in few frames"),
            Self::Unreadable => (1008, "messages are texts of 8 KiB at most"),
        };
        Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) })
    }
}

/// What came from a client.
#[derive(Debug)]
pub(super) enum Heard {
    /// A request, or why it is none.
    Request(Result<Request, String>),
    Pong,
    Nothing,
}

/// What messages come out of and go into: axum's WebSocket, or a test's.
pub(super) trait Socket:
    Stream<Item = Result<Message, <Self as Sink<Message>>::Error>> + Sink<Message> + Unpin
{
}

impl<S> Socket for S where S: Stream<Item = Result<Message, <S as Sink<Message>>::Error>> + Sink<Message> + Unpin {}

pub(super) struct Wire<S> {
    socket: S,
    send_timeout: Duration,
    intake_since: Instant,
    intake: u32,
    intake_cost: Duration,
    /// Pings that it did not answer yet.
    asked: u32,
}

impl<S: Socket> Wire<S> {
    pub(super) fn new(socket: S, send_timeout: Duration) -> Self {
        Self { socket, send_timeout, intake_since: Instant::now(), intake: 0, intake_cost: Duration::ZERO, asked: 0 }
    }

    /// The next message. May be dropped while it waits.
    pub(super) async fn hear(&mut self) -> Result<Heard, End> {
        let message = poll_fn(|context| self.poll_next(context)).await?;
        match (&message, self.asked.checked_sub(1)) {
            (Message::Pong(_), Some(asked)) => self.asked = asked,
            _ => self.count()?,
        }
        match message {
            Message::Text(text) => {
                let request = serde_json::from_str(text.as_str());
                Ok(Heard::Request(request.map_err(|error| format!("this is no request of the feed: {error}"))))
            }
            Message::Binary(_) => {
                Ok(Heard::Request(Err("this is no request of the feed: send text, not bytes".into())))
            }
            Message::Pong(_) => Ok(Heard::Pong),
            // The library below answers it.
            Message::Ping(_) => Ok(Heard::Nothing),
            Message::Close(_) => Err(End::Gone),
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, End>> {
        let begun = std::time::Instant::now();
        let next = self.socket.poll_next_unpin(context);
        self.renew();
        self.intake_cost += begun.elapsed();
        if self.intake_cost > INTAKE_COST {
            return Poll::Ready(Err(End::Flood));
        }
        next.map(|message| message.ok_or(End::Gone)?.map_err(|_| End::Unreadable))
    }

    /// Begins to count anew when it is time.
    fn renew(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.intake_since) >= INTAKE_WINDOW {
            (self.intake_since, self.intake, self.intake_cost) = (now, 0, Duration::ZERO);
        }
    }

    /// Counts what it said unasked.
    fn count(&mut self) -> Result<(), End> {
        self.renew();
        self.intake += 1;
        if self.intake > INTAKE { Err(End::Flood) } else { Ok(()) }
    }

    /// Sends a reply.
    pub(super) async fn say(&mut self, reply: &Reply<'_>) -> Result<(), End> {
        self.put(reply).await?;
        self.flush().await
    }

    pub(super) async fn ping(&mut self) -> Result<(), End> {
        self.asked += 1;
        self.feed(Message::Ping(Bytes::new())).await?;
        self.flush().await
    }

    /// Puts a reply behind what is to be sent with the next [flush](Self::flush).
    pub(super) async fn put(&mut self, reply: &Reply<'_>) -> Result<(), End> {
        // Nothing in a reply is unknown to JSON.
        self.pass_on(serde_json::to_string(reply).unwrap_or_default().into()).await
    }

    /// The same, of a message that is written already.
    pub(super) async fn pass_on(&mut self, text: Utf8Bytes) -> Result<(), End> {
        self.feed(Message::Text(text)).await
    }

    async fn feed(&mut self, message: Message) -> Result<(), End> {
        taken(timeout(self.send_timeout, self.socket.feed(message)).await)
    }

    pub(super) async fn flush(&mut self) -> Result<(), End> {
        taken(timeout(self.send_timeout, self.socket.flush()).await)
    }

    /// Says why, and waits for a moment until the client knows: a connection that is dropped with something unread
    /// takes what was last written with it.
    pub(super) async fn close(mut self, end: End) {
        let farewell = async {
            if let Some(frame) = end.frame() {
                // Who is gone already needs no farewell.
                let _ = self.socket.send(Message::Close(Some(frame))).await;
            }
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        let patience = if matches!(end, End::Flood | End::Unreadable) { BRIEF_FAREWELL } else { FAREWELL };
        // Either way the connection ends here.
        let _ = timeout(patience, farewell).await;
    }
}

fn taken<E>(sent: Result<Result<(), E>, tokio::time::error::Elapsed>) -> Result<(), End> {
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::Slow),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;

    /// Says something all the time that never becomes a message.
    struct Endless;

    impl Stream for Endless {
        type Item = Result<Message, ()>;
        fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            std::thread::sleep(INTAKE_COST / 8);
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }

    impl Sink<Message> for Endless {
        type Error = ();
        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }
        fn start_send(self: Pin<&mut Self>, _: Message) -> Result<(), ()> {
            Ok(())
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_keeps_a_processor_busy_without_a_message_is_closed() {
        let mut wire = Wire::new(Endless, Duration::from_secs(1));
        assert_eq!(wire.hear().await.unwrap_err(), End::Flood);
    }
}
