//! Who is logged in.
//!
//! Contract: a session is known by 256 random bits that only its cookie holds; the host keeps their hash, in memory. It ends
//! after [`LIFETIME`], when its holder logs out, as soon as its token is revoked, and with the process. There are at most [`MOST`],
//! and [`MOST_OF_ONE`] of one token, of which the oldest gives way. Price: a lock and one read of the token's row per page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::header::{COOKIE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use sha2::{Digest as _, Sha256};
use skillhost_access::{AccessError, Identity, Role};
use skillhost_types::Source;

use super::fault::Fault;
use crate::shared::{App, Shared};

/// How long a session lasts: a working day, so that people log in once a day and a stolen laptop is locked out overnight.
const LIFETIME: Duration = Duration::from_secs(12 * 3_600);

/// Most sessions at once: many more than there are people at one host, and a few hundred kilobytes.
const MOST: usize = 1_024;

/// Most of one token: the browsers of one person, and nobody's logins end those of others.
const MOST_OF_ONE: usize = 32;

/// What the cookie's name begins with.
const NAME: &str = "skillhost";

/// Digits of the event log's own name in the cookie's: browsers tell hosts of one machine apart by nothing else, not by ports.
const TAG: usize = 8;

/// Random bytes of a session's name.
const RANDOM: usize = 32;

/// htmx asks for a part of a page with it.
pub(super) const PARTIAL: HeaderName = HeaderName::from_static("hx-request");

type Hash = [u8; 32];

/// All that are logged in.
pub(crate) struct Sessions {
    /// What their cookie is called.
    name: String,
    kept: Mutex<HashMap<Hash, Kept>>,
}

struct Kept {
    identity: Identity,
    /// When it ends, on the clock that never jumps.
    until: Duration,
    /// What its next page is to say.
    told: Option<String>,
}

/// Somebody who is logged in.
pub(super) struct Session {
    /// Who, as their token says now.
    pub(super) identity: Identity,
    /// What came of what they did last.
    pub(super) told: Option<String>,
    secret: String,
    sessions: Arc<Sessions>,
}

/// Why nobody is logged in.
enum Absence {
    /// There is no cookie.
    Stranger,
    /// The session is over, or one of another process.
    Over,
    /// Its token is no more.
    Revoked,
    /// It cannot be known now.
    Unknown(AccessError),
}

impl Absence {
    /// What the login says of it.
    fn message(&self) -> Option<&'static str> {
        match self {
            Self::Over => Some("This session is over: its time is up, or the host was started anew."),
            Self::Revoked => Some("The token of this session was revoked. Log in with another one."),
            Self::Stranger | Self::Unknown(_) => None,
        }
    }
}

impl Sessions {
    /// Those of the host whose event log is called `epoch`.
    pub(crate) fn new(epoch: &str) -> Self {
        let tag: String = epoch.chars().take(TAG).collect();
        Self { name: format!("{NAME}_{tag}"), kept: Mutex::default() }
    }

    /// Lets `identity` in. Gives what its cookie holds.
    pub(super) fn open(&self, identity: Identity, source: &dyn Source) -> String {
        let mut random = [0; RANDOM];
        source.fill(&mut random);
        let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let now = source.monotonic();
        let mut kept = self.lock();
        kept.retain(|_, session| session.until > now);
        let own = |session: &Kept| session.identity.name == identity.name;
        let crowded = kept.values().filter(|session| own(session)).count() >= MOST_OF_ONE;
        let replaceable = kept.iter().filter(|(_, session)| !crowded || own(session));
        if (crowded || kept.len() >= MOST)
            && let Some(oldest) = replaceable.min_by_key(|(_, session)| session.until).map(|(hash, _)| *hash)
        {
            kept.remove(&oldest);
        }
        kept.insert(hash(&secret), Kept { identity, until: now + LIFETIME, told: None });
        secret
    }

    /// Whose session it is; none if it is none or over.
    fn find(&self, secret: &str, now: Duration) -> Option<Identity> {
        let kept = self.lock();
        kept.get(&hash(secret)).filter(|session| session.until > now).map(|session| session.identity.clone())
    }

    /// The header that gives a browser its session, or takes it away.
    pub(super) fn set_cookie(&self, secret: Option<&str>, secure: bool) -> Option<HeaderValue> {
        let (value, age) = secret.map_or(("", 0), |secret| (secret, LIFETIME.as_secs()));
        let secure = if secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}", self.name);
        HeaderValue::from_str(&text).ok()
    }

    fn cookie(&self, headers: &HeaderMap) -> Option<String> {
        let pairs =
            headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let mut named = pairs.filter_map(|pair| pair.trim().strip_prefix(&self.name)?.strip_prefix('='));
        named.find(|value| value.len() == RANDOM * 2).map(str::to_owned)
    }

    fn take_told(&self, secret: &str) -> Option<String> {
        self.lock().get_mut(&hash(secret))?.told.take()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Hash, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// The session whose cookie these headers hold.
    fn of(app: &App, headers: &HeaderMap) -> Result<Self, Absence> {
        let secret = app.sessions.cookie(headers).ok_or(Absence::Stranger)?;
        let found = app.sessions.find(&secret, app.host.events().source().monotonic()).ok_or(Absence::Over)?;
        let identity = app.tokens.still(&found).map_err(Absence::Unknown)?.ok_or(Absence::Revoked)?;
        Ok(Self { identity, told: None, secret, sessions: app.sessions.clone() })
    }

    /// The mark of this session's own forms. It tells nothing of the cookie that it is made from.
    pub(super) fn csrf(&self) -> String {
        skillhost_types::Digest::of(format!("form {}", self.secret).as_bytes()).hex()
    }

    /// Has the next page say what came of this.
    pub(super) fn tell(&self, message: impl Into<String>) {
        if let Some(kept) = self.sessions.lock().get_mut(&hash(&self.secret)) {
            kept.told = Some(message.into());
        }
    }

    /// Ends it. Gives the header that takes its cookie away.
    pub(super) fn close(self, secure: bool) -> Option<HeaderValue> {
        self.sessions.lock().remove(&hash(&self.secret));
        self.sessions.set_cookie(None, secure)
    }

    /// Refuses whoever may not do what takes `role`.
    pub(super) fn need(&self, role: Role) -> Result<(), Fault> {
        let Identity { name, role: own, .. } = &self.identity;
        if *own >= role {
            return Ok(());
        }
        let message = format!(
            "This takes the role {role}, and {name} is a {own}. Log in with another token, or make one: \
             skillhost token add NAME --role {role}"
        );
        Err(Fault::not_theirs(self.csrf(), message))
    }
}

impl FromRequestParts<Arc<Shared>> for Session {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Fault> {
        let mut session = Self::of(shared.app()?, &parts.headers).map_err(|absence| login(parts, absence))?;
        if parts.method == Method::GET && !parts.headers.contains_key(PARTIAL) {
            session.told = session.sessions.take_told(&session.secret);
        }
        Ok(session)
    }
}

/// The login, in the place of the page that was asked for.
fn login(parts: &Parts, absence: Absence) -> Fault {
    if let Absence::Unknown(error) = absence {
        return Fault::internal(error);
    }
    // What was sent is not sent again after the login; the pages are where it begins anew.
    let next = if parts.method == Method::GET { parts.uri.path_and_query().map(ToString::to_string) } else { None };
    let next = next.unwrap_or_else(|| "/".into());
    // The login is what lies at `/`; all other pages only lead to it.
    let is_it = next == "/" && !parts.headers.contains_key(PARTIAL);
    let status = if is_it { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    Fault::Login { status, next, message: absence.message() }
}

/// Who is logged in with the cookie in `headers`: for the live feed, which the dashboard's own pages open.
pub(crate) fn identity(app: &App, headers: &HeaderMap) -> Result<Option<Identity>, AccessError> {
    match Session::of(app, headers) {
        Ok(session) => Ok(Some(session.identity)),
        Err(Absence::Unknown(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

fn hash(secret: &str) -> Hash {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use skillhost_access::Tokens;
    use skillhost_types::{System, Timestamp};

    use super::*;

    /// A clock that stands where it is put.
    #[derive(Default)]
    struct Clock(AtomicU64);

    impl Source for Clock {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }

        fn fill(&self, bytes: &mut [u8]) {
            System.fill(bytes);
        }
    }

    fn sessions() -> Sessions {
        Sessions::new("0123456789abcdef")
    }

    fn somebody() -> Identity {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(folder.path()).unwrap();
        let token = tokens.add("ann", Role::Viewer, "*".parse().unwrap(), Timestamp(0)).unwrap();
        tokens.check(token.expose()).unwrap().unwrap()
    }

    #[test]
    fn a_session_lasts_twelve_hours() {
        let (sessions, clock) = (sessions(), Clock::default());
        let secret = sessions.open(somebody(), &clock);
        clock.0.store(12 * 3_600 - 1, Ordering::Relaxed);
        assert_eq!(
            sessions.find(&secret, clock.monotonic()),
            Some(sessions.lock().values().next().unwrap().identity.clone())
        );
        clock.0.store(12 * 3_600, Ordering::Relaxed);
        assert_eq!(sessions.find(&secret, clock.monotonic()), None);
    }

    #[test]
    fn the_oldest_session_gives_way_to_one_too_many() {
        let (sessions, clock) = (sessions(), Clock::default());
        let ann = somebody();
        let named = |name: &str| {
            let mut identity = ann.clone();
            identity.name = name.into();
            identity
        };
        let secrets: Vec<_> = (0..=MOST as u64)
            .map(|second| {
                clock.0.store(second, Ordering::Relaxed);
                sessions.open(named(&format!("reader-{second}")), &clock)
            })
            .collect();
        let there = |secret: &String| sessions.find(secret, clock.monotonic()).is_some();
        assert!(!there(&secrets[0]) && secrets[1..].iter().all(there));
        assert_eq!(sessions.lock().len(), MOST);
    }

    #[test]
    fn many_logins_of_one_end_nobody_elses_session() {
        let (sessions, clock, ann) = (sessions(), Clock::default(), somebody());
        let mut bob = ann.clone();
        bob.name = "bob".into();
        let bob = sessions.open(bob, &clock);
        for second in 0..2 * MOST as u64 {
            clock.0.store(second, Ordering::Relaxed);
            sessions.open(ann.clone(), &clock);
        }
        assert!(sessions.find(&bob, clock.monotonic()).is_some());
        assert_eq!(sessions.lock().len(), MOST_OF_ONE + 1);
    }

    #[test]
    fn the_host_keeps_no_secret_of_a_session() {
        let (sessions, clock) = (sessions(), Clock::default());
        let secret = sessions.open(somebody(), &clock);
        assert_eq!(secret.len(), RANDOM * 2);
        assert!(sessions.lock().keys().all(|hash| hash[..] != *secret.as_bytes()));
        assert!(sessions.find(&secret.replace(|char: char| char.is_ascii_digit(), "0"), Duration::ZERO).is_none());
    }

    #[test]
    fn a_cookie_is_found_among_others_and_those_of_other_hosts() {
        let name = "skillhost_01234567";
        let (secret, other) = ("a".repeat(RANDOM * 2), "b".repeat(RANDOM * 2));
        let found =
            |text: &str| sessions().cookie(&HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(text).unwrap())]));
        assert_eq!(found(&format!("x=1; {NAME}_76543210={other}; {name}={secret}; y")), Some(secret.clone()));
        for wrong in [format!("{name}{secret}"), format!("{name}=short"), format!("other_{name}={secret}")] {
            assert_eq!(found(&wrong), None, "{wrong}");
        }
        assert!(sessions().set_cookie(Some(&secret), true).unwrap().to_str().unwrap().ends_with("; Secure"));
    }
}
