//! A host that watches, pays and knows secrets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use skillhost_llm::{
    Account, Ask, BreakerState, Called, Charge, Check, Completion, Config, Failed, Hold, LlmError, Message,
    NotReserved, Observer, Options, Request, Role, Router, Spent,
};
use skillhost_types::{RunId, System, Tenant};
use tokio::time::Instant;

/// The key of every provider.
pub(crate) const KEY: &str = "sk-very-secret-0123456789";

/// What happened, in its order, a line each.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Vec<String>>);

impl Watch {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

fn plain(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

impl Observer for Watch {
    fn called(&self, called: &Called<'_>) {
        let outcome = called.error.map_or("ok".to_owned(), plain);
        self.note(format!("called {}/{} {outcome}", called.provider, called.model));
    }

    fn fallback(&self, _: &Tenant, _: Option<RunId>, from: &str, to: &str, _: &str) {
        self.note(format!("fallback {from} {to}"));
    }

    fn failed(&self, failed: &Failed<'_>) {
        self.note(format!("failed after {}", failed.attempts.len()));
    }

    fn breaker(&self, provider: &str, from: BreakerState, to: BreakerState) {
        self.note(format!("breaker {provider} {} {}", plain(from), plain(to)));
    }
}

/// An account that remembers, and refuses providers by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// All that was to be reserved, also what was refused.
    pub(crate) asked: Vec<Charge>,
    pub(crate) reserved: Vec<Charge>,
    pub(crate) settled: Vec<(String, Spent)>,
    pub(crate) held: usize,
    pub(crate) refuse: Vec<String>,
}

struct Note(Book, String, bool);

impl Book {
    pub(crate) fn refusing(providers: &[&str]) -> Self {
        let book = Self::default();
        book.0.lock().unwrap().refuse = providers.iter().map(|name| (*name).to_owned()).collect();
        book
    }

    pub(crate) fn read<T>(&self, reading: impl FnOnce(&Pages) -> T) -> T {
        reading(&self.0.lock().unwrap())
    }

    /// Waits until nothing is held.
    pub(crate) async fn settled(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while self.read(|pages| pages.held) > 0 {
            assert!(Instant::now() < end, "a hold was never settled");
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Account for Book {
    async fn reserve(&self, charge: &Charge) -> Result<Box<dyn Hold>, NotReserved> {
        let mut pages = self.0.lock().unwrap();
        pages.asked.push(charge.clone());
        if pages.refuse.contains(&charge.provider) {
            return Err(NotReserved::Spent(format!("the budget of {} is spent", charge.provider)));
        }
        pages.reserved.push(charge.clone());
        pages.held += 1;
        Ok(Box::new(Note(self.clone(), charge.provider.clone(), false)))
    }
}

#[async_trait]
impl Hold for Note {
    async fn settle(mut self: Box<Self>, spent: Spent) {
        self.2 = true;
        let mut pages = self.0.0.lock().unwrap();
        pages.settled.push((self.1.clone(), spent));
        pages.held -= 1;
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        assert!(self.2 || std::thread::panicking(), "a hold was dropped and not settled");
    }
}

/// A router and those around it.
pub(crate) struct Host {
    pub(crate) router: Router,
    pub(crate) watch: Arc<Watch>,
    pub(crate) book: Book,
    pub(crate) tenant: Tenant,
}

pub(crate) fn options(watch: &Arc<Watch>, variables: &'static [(&'static str, &'static str)]) -> Options {
    Options {
        source: Arc::new(System),
        secrets: Arc::new(move |name| {
            let found = variables.iter().find(|(variable, _)| name == format!("${{{variable}}}"));
            found.map(|(_, value)| (*value).into()).ok_or_else(|| format!("{name} is not set"))
        }),
        schema: Arc::new(|text| {
            let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
            let check: Check = Box::new(move |value| validator.validate(value).map_err(|error| error.to_string()));
            Ok(check)
        }),
        roots: Vec::new(),
        observer: Arc::clone(watch) as Arc<dyn Observer>,
    }
}

/// Short times: these tests wait for them.
pub(crate) fn quick() -> Value {
    json!({"connect": "1s", "first_token": "400ms", "chunk": "400ms", "total": "3s"})
}

/// A configuration: providers by name, kind and address; the cascade `default` asks them in this order for `m`.
pub(crate) fn config(providers: &[(&str, &str, String)], change: impl FnOnce(&mut Value)) -> Config {
    let mut value = json!({"timeouts": quick(), "providers": {}, "models": {"default": []}});
    for (name, kind, url) in providers {
        value["providers"][name] = json!({"kind": kind, "url": url, "key": "${KEY}"});
        value["models"]["default"].as_array_mut().unwrap().push(format!("{name}/m").into());
    }
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

impl Host {
    pub(crate) fn new(config: Config) -> Self {
        Self::paid_by(config, Book::default())
    }

    pub(crate) fn paid_by(config: Config, book: Book) -> Self {
        let watch = Arc::new(Watch::default());
        let router = Router::new(config, options(&watch, &[("KEY", KEY)])).unwrap();
        Self { router, watch, book, tenant: Tenant::default() }
    }

    pub(crate) fn of(providers: &[(&str, &str, String)]) -> Self {
        Self::new(config(providers, |_| {}))
    }

    pub(crate) fn ask(&self) -> Ask<'_> {
        self.ask_within(Duration::from_secs(20))
    }

    pub(crate) fn ask_within(&self, time: Duration) -> Ask<'_> {
        Ask { tenant: &self.tenant, run: None, account: &self.book, deadline: Instant::now() + time }
    }

    pub(crate) async fn complete(&self) -> Result<Completion, LlmError> {
        self.router.complete(&hello(), &self.ask()).await
    }
}

pub(crate) fn hello() -> Request {
    Request {
        messages: vec![
            Message { role: Role::System, content: "Be brief.".into() },
            Message { role: Role::User, content: "Hello?".into() },
        ],
        ..Request::default()
    }
}
