//! How a client comes in, and for how long.
//!
//! Contract: nobody is told anything who has not said within [`INTRODUCTION`] who it is, and nobody stays longer than [`RECHECK`] after its
//! pass ends. Price: one look at the pass every [`RECHECK`].

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::wire::{End, Heard, Socket, Wire};
use crate::connections::Full;
use crate::message::{Reply, Request};
use crate::subscription::Viewer;

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
            // Another process takes tokens back, and tells nobody.
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
    /// Is it known already who it is?
    pub(crate) fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    /// The client's pass, or why it gets none. `admit` is asked once it is known who it is, unless that was known before.
    pub(super) async fn pass<S: Socket>(
        self,
        wire: &mut Wire<S>,
        admit: impl FnOnce() -> Result<(), Full>,
    ) -> Result<Pass, End> {
        let check = match self {
            Self::Known(pass) => return Ok(pass),
            Self::ByToken(check) => check,
        };
        let pass = timeout(INTRODUCTION, introduce(wire, &*check)).await.unwrap_or(Err(End::Unknown))?;
        if let Err(full) = admit() {
            wire.say(&Reply::Error { message: &full.to_string() }).await?;
            return Err(End::Full);
        }
        wire.say(&Reply::Authenticated).await?;
        Ok(pass)
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
        if let Some(pass) = check(&token) {
            return Ok(pass);
        }
        let message = "the token is unknown or was revoked: make one with `skillhost token add`";
        wire.say(&Reply::Error { message }).await?;
        return Err(End::Unknown);
    }
}
