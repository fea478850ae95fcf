//! Sessions of clients that speak the protocol's older era over HTTP.
//!
//! Contract: a session is the token's that began it, and for everybody else there is none. Their number is bounded, all in all
//! and for each token; for a new one the one that was unused longest makes place, whose client begins anew as the protocol says.
//! One that nobody uses ends by itself. Price: two tasks of the executor and some kilobytes each.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::Stream;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};
use skillhost_access::Identity;

/// Sessions at once.
const MOST: usize = 512;

/// Of these, one token's: a person's assistants, some windows each.
const MOST_OF_ONE: usize = 64;

/// How long a session may be unused. Assistants stay open for a working day and are asked now and then.
const UNUSED: Duration = Duration::from_secs(4 * 3_600);

tokio::task_local! {
    /// Whose request is being served.
    pub(super) static ASKS: Identity;
}

/// Whose a session is, and when it was used last.
struct Owned {
    owner: Identity,
    used: Instant,
}

/// All sessions.
pub(super) struct Sessions {
    local: LocalSessionManager,
    owned: Mutex<HashMap<SessionId, Owned>>,
}

impl Default for Sessions {
    fn default() -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(UNUSED);
        Self { local, owned: Mutex::default() }
    }
}

impl Sessions {
    fn owned(&self) -> MutexGuard<'_, HashMap<SessionId, Owned>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May whoever asks use it? The host's own doings, which nobody asks for, may.
    fn is_theirs(&self, id: &SessionId) -> bool {
        let mut owned = self.owned();
        let Some(session) = owned.get_mut(id) else { return false };
        let theirs = ASKS.try_with(|asks| *asks == session.owner).unwrap_or(true);
        if theirs {
            session.used = Instant::now();
        }
        theirs
    }

    /// The session that makes place for one of `owner`, if one must.
    fn displaced(&self, owner: &Identity) -> Option<SessionId> {
        let owned = self.owned();
        let own = owned.values().filter(|session| session.owner == *owner).count();
        let mut candidates: Vec<_> =
            owned.iter().filter(|(_, session)| own < MOST_OF_ONE || session.owner == *owner).collect();
        if own < MOST_OF_ONE && owned.len() < MOST {
            candidates.clear();
        }
        candidates.into_iter().min_by_key(|(_, session)| session.used).map(|(id, _)| id.clone())
    }
}

type Error = <LocalSessionManager as SessionManager>::Error;

impl SessionManager for Sessions {
    type Error = Error;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Error> {
        let owner = ASKS.try_with(Identity::clone).ok();
        if let Some(displaced) = owner.as_ref().and_then(|owner| self.displaced(owner)) {
            self.owned().remove(&displaced);
            self.local.close_session(&displaced).await?;
        }
        let (id, transport) = self.local.create_session().await?;
        if let Some(owner) = owner {
            self.owned().insert(id.clone(), Owned { owner, used: Instant::now() });
        }
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Error> {
        self.local.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Error> {
        Ok(self.is_theirs(id) && self.local.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Error> {
        if !self.is_theirs(id) {
            return Ok(());
        }
        self.owned().remove(id);
        self.local.close_session(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Error> {
        self.local.create_stream(id, message).await
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Error> {
        self.local.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Error> {
        self.local.create_standalone_stream(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Error> {
        self.local.resume(id, last_event_id).await
    }
}
