//! Sessions of clients that speak the protocol's older era over HTTP.
//!
//! Contract: a session is the token's that began it, and for everybody else there is none. Their number is bounded, all in all
//! and for each token; for a new one another makes place, whose client begins anew as the protocol says: of the token's own, or of
//! the token that has most, the one that was unused longest.
//! One that nobody uses ends by itself. Price: two tasks of the executor and some kilobytes each.

use std::cmp::Reverse;
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
    /// One begins at a time, so that each finds the place that it makes.
    beginning: tokio::sync::Mutex<()>,
}

impl Default for Sessions {
    fn default() -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(UNUSED);
        Self { local, owned: Mutex::default(), beginning: tokio::sync::Mutex::default() }
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

    /// The session that makes place for one of `owner`, if one must: of its own if it has its share, else of whoever has most.
    fn displaced(&self, owner: &Identity) -> Option<SessionId> {
        let owned = self.owned();
        let mut counts = HashMap::new();
        owned.values().for_each(|session| *counts.entry(session.owner.key()).or_insert(0_usize) += 1);
        let count = |of: &Identity| counts.get(&of.key()).copied().unwrap_or_default();
        let crowded = count(owner) >= MOST_OF_ONE;
        if !crowded && owned.len() < MOST {
            return None;
        }
        let candidates = owned.iter().filter(|(_, session)| !crowded || session.owner.key() == owner.key());
        let first = candidates.min_by_key(|(_, session)| (Reverse(count(&session.owner)), session.used));
        first.map(|(id, _)| id.clone())
    }
}

type Error = <LocalSessionManager as SessionManager>::Error;

impl SessionManager for Sessions {
    type Error = Error;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Error> {
        let owner = ASKS.try_with(Identity::clone).ok();
        let _beginning = self.beginning.lock().await;
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

#[cfg(test)]
mod tests {
    use skillhost_access::{Role, Tokens};
    use skillhost_types::Timestamp;

    use super::*;

    #[test]
    fn a_new_session_displaces_one_of_whoever_has_most() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(folder.path()).unwrap();
        let identity = |name: &str| {
            let token = tokens.add(name, Role::Viewer, "*".parse().unwrap(), Timestamp(0)).unwrap();
            tokens.check(token.expose()).unwrap().unwrap()
        };
        let (sessions, start) = (Sessions::default(), Instant::now());
        let begin = |owner: &Identity, id: String, second: usize| {
            let used = start + Duration::from_secs(second as u64);
            sessions.owned().insert(id.into(), Owned { owner: owner.clone(), used });
        };
        // One person's two windows are the oldest of all; a few programs fill the rest.
        let (ann, greedy, new) = (identity("ann"), identity("greedy"), identity("new"));
        (0..2).for_each(|number| begin(&ann, format!("ann-{number}"), number));
        (0..MOST_OF_ONE).for_each(|number| begin(&greedy, format!("greedy-{number}"), 10 + number));
        assert_eq!(sessions.displaced(&greedy).as_deref(), Some("greedy-0"));
        assert_eq!(sessions.displaced(&new), None, "there is room");
        for other in 0.. {
            let left = MOST - sessions.owned().len();
            if left == 0 {
                break;
            }
            let owner = identity(&format!("other-{other}"));
            (0..left.min(MOST_OF_ONE - 1)).for_each(|number| begin(&owner, format!("{other}-{number}"), 5));
        }
        assert_eq!(sessions.displaced(&new).as_deref(), Some("greedy-0"));
        assert_eq!(sessions.displaced(&ann).as_deref(), Some("greedy-0"));
    }
}
