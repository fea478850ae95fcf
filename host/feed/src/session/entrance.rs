//! How a client comes in, and for how long.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::wire::{End, Heard, Socket, Wire};
use crate::message::{Reply, Request};
use crate::visibility::Viewer;

/// How long a client may take to say who it is: a round trip and a glance at a key store.
pub(super) const INTRODUCTION: Duration = Duration::from_secs(5);

/// How often a pass is looked at again. A token that is revoked is good for no longer.
pub(super) const RECHECK: Duration = Duration::from_secs(2);

/// Who listens, and whether still.
pub struct Pass {
    pub(super) viewer: Viewer,
    good: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Pass {
    /// A pass for `viewer` for as long as `good` says so, which is asked every two seconds and must not block.
    pub fn new(viewer: Viewer, good: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { viewer, good: Box::new(good) }
    }

    pub(super) async fn ended(&self) {
        while (self.good)() {
            sleep(RECHECK).await;
        }
    }
}

/// How a client comes in.
pub enum Entrance {
    /// It is known already: by its `Authorization`, or its cookie.
    Known(Pass),
    /// Its first message is to be a token, for which this gives a pass.
    ByToken(Arc<TokenCheck>),
}

/// Gives the pass that a token stands for. It must not block.
pub type TokenCheck = dyn Fn(&str) -> Option<Pass> + Send + Sync;

impl Entrance {
    /// The client's pass, or why it gets none.
    pub(super) async fn pass<S: Socket>(self, wire: &mut Wire<S>) -> Result<Pass, End> {
        match self {
            Self::Known(pass) => Ok(pass),
            Self::ByToken(check) => timeout(INTRODUCTION, introduce(wire, &*check)).await.unwrap_or(Err(End::Unknown)),
        }
    }
}

/// Who is it?
async fn introduce<S: Socket>(wire: &mut Wire<S>, check: &TokenCheck) -> Result<Pass, End> {
    loop {
        let token = match wire.hear().await? {
            Heard::Pong | Heard::Nothing => continue,
            Heard::Request(Ok(Request::Auth { token })) => token,
            Heard::Request(_) => {
                let message = r#"say first who you are: {"action":"auth","token":"…"}"#;
                wire.say(&Reply::Error { message }).await?;
                return Err(End::Unknown);
            }
        };
        let Some(pass) = check(&token) else {
            let message = "the token is unknown or was revoked: make one with `skillhost token add`";
            wire.say(&Reply::Error { message }).await?;
            return Err(End::Unknown);
        };
        wire.say(&Reply::Authenticated).await?;
        return Ok(pass);
    }
}
