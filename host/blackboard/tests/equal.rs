//! The boards give the same answers: memory, disk and Redis are driven by the same calls and compared after each.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use skillhost_blackboard::{Blackboard, BoardLimits, DiskBoard, MemoryBoard, RedisBoard, Selection, Subscription, Ttl};
use skillhost_types::{Glob, System, Tenant};
use support::{Server, key, message, notices, until};

/// Calls of the long run, over all lanes.
const CALLS: usize = 100_000;

/// Lanes of the long run, each with tenants of its own.
const LANES: usize = 4;

/// Longest value of the boards under test, in bytes.
const LONGEST: usize = 40;

/// How long a value lives that is to expire.
const SHORT: Duration = Duration::from_millis(3);

const KEYS: [&str; 14] =
    ["a", "ab", "abc", "a:b", "a:b:c", "b", "größe", "日本:x", "a*b", r"a\b", "a[b]", "a?", "a^-c", "{x}"];
const CHANNELS: [&str; 4] = ["a", "a:b", "ü*", "b"];
const VALUES: [&str; 9] = ["", "0", "7", "-12", "007", "+5", "9223372036854775807", "text", "grün \"{\u{0}\n"];
const PATTERNS: [&str; 20] = [
    "*", "a", "a*", "*b", "?", "a?", "a??", "[ab]", "[^a-c]*", "[^b]*", r"a\*b", r"a\\b", "a[*]b", "a[[]b]", "*[bc",
    "größ?", "gr??ße", "a:*", "*:*", "[c-a]*",
];
const PAYLOADS: [&str; 7] = [
    r#"{"n":12345678901234567890}"#,
    "{ }",
    "1.0e+2",
    "\"text\"",
    r#"[{"_skillhost":1}]"#,
    r#"{"_skillhost":{"hops":0},"a":1}"#,
    "{",
];

#[derive(Debug, Clone)]
enum Step {
    Get(usize),
    Exists(usize),
    Set(usize, String, Lives),
    /// With what is there as what is expected, or with something else.
    Swap(usize, Option<Option<String>>, String, Lives),
    Add(usize, i64),
    Delete(usize),
    Keys(String, Option<String>, usize),
    Clear(String, Option<String>),
    /// To the channel that a pattern matches or not; the subscription lives until it is replaced.
    Subscribe(usize, String),
    Leave(usize),
    Publish(usize, usize),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Lives {
    Default,
    Long,
    Forever,
    Short,
}

impl Lives {
    fn ttl(self) -> Ttl {
        match self {
            Self::Default => Ttl::Default,
            Self::Long => Ttl::For(Duration::from_secs(600)),
            Self::Forever => Ttl::Forever,
            Self::Short => Ttl::For(SHORT),
        }
    }
}

fn steps() -> impl Strategy<Value = (bool, Step)> {
    let key = || 0..KEYS.len();
    let value = || {
        prop_oneof![
            9 => prop::sample::select(&VALUES[..]).prop_map(str::to_owned),
            1 => Just("x".repeat(LONGEST)),
            1 => Just("x".repeat(LONGEST + 1)),
        ]
    };
    let lives = || prop_oneof![20 => Just(Lives::Default), 20 => Just(Lives::Long), 20 => Just(Lives::Forever), 1 => Just(Lives::Short)];
    let pattern = || {
        prop_oneof![
            2 => prop::sample::select(&PATTERNS[..]).prop_map(str::to_owned),
            1 => r"[ab:*?\[\]\\^-]{1,6}".prop_map(|text| text),
        ]
    };
    let within = || proptest::option::weighted(0.3, pattern());
    let delta = prop_oneof![4 => -100..100_i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    let step = prop_oneof![
        6 => key().prop_map(Step::Get),
        2 => key().prop_map(Step::Exists),
        8 => (key(), value(), lives()).prop_map(|(key, value, lives)| Step::Set(key, value, lives)),
        6 => (key(), proptest::option::of(proptest::option::of(value())), value(), lives())
            .prop_map(|(key, expected, value, lives)| Step::Swap(key, expected, value, lives)),
        6 => (key(), delta).prop_map(|(key, delta)| Step::Add(key, delta)),
        3 => key().prop_map(Step::Delete),
        3 => (pattern(), within(), prop_oneof![Just(100_usize), 0..4_usize]).prop_map(|(p, w, limit)| Step::Keys(p, w, limit)),
        1 => (pattern(), within()).prop_map(|(pattern, within)| Step::Clear(pattern, within)),
        1 => (0..3_usize, pattern()).prop_map(|(slot, pattern)| Step::Subscribe(slot, pattern)),
        1 => (0..3_usize).prop_map(Step::Leave),
        4 => (0..CHANNELS.len(), 0..PAYLOADS.len()).prop_map(|(channel, payload)| Step::Publish(channel, payload)),
    ];
    (any::<bool>(), step)
}

/// Three boards that are to do the same.
struct Boards {
    boards: [Arc<dyn Blackboard>; 3],
    _folder: tempfile::TempDir,
    _server: Server,
}

impl Boards {
    fn open() -> Self {
        let limits = BoardLimits {
            default_ttl: Some(Duration::from_secs(3_600)),
            value_bytes: LONGEST as u64,
            ..BoardLimits::default()
        };
        let (server, folder, source) = (Server::start(), tempfile::tempdir().unwrap(), Arc::new(System));
        let memory = MemoryBoard::new(limits.clone(), source.clone());
        let disk = DiskBoard::open(folder.path(), limits.clone(), source.clone()).unwrap();
        let redis = RedisBoard::open(server.options("tim[m]*y"), limits, source, notices().0).unwrap();
        Self { boards: [Arc::new(memory), Arc::new(disk), Arc::new(redis)], _folder: folder, _server: server }
    }

    /// The same call on all; they must give the same.
    async fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, call: impl AsyncFn(&dyn Blackboard) -> T) -> T {
        let memory = call(&*self.boards[0]).await;
        for (board, name) in self.boards[1..].iter().zip(["disk", "redis"]) {
            assert_eq!(call(&**board).await, memory, "{name} against memory: {what}");
        }
        memory
    }
}

/// What is listened to, on every board.
type Listening = (Glob, [Subscription; 3]);

/// A few tenants' way through the steps.
struct Lane<'a> {
    boards: &'a Boards,
    tenants: [Tenant; 2],
    /// Per tenant.
    subscribed: [[Option<Listening>; 3]; 2],
}

impl<'a> Lane<'a> {
    fn new(boards: &'a Boards, tenants: [Tenant; 2]) -> Self {
        Self { boards, tenants, subscribed: Default::default() }
    }

    async fn take(&mut self, second: bool, step: &Step) {
        let what = format!("{step:?}");
        let tenant = self.tenants[usize::from(second)].clone();
        let (boards, tenant) = (self.boards, &tenant);
        let selection = |pattern: &str, within: &Option<String>| {
            let mut selection = Selection::all(Glob::new(pattern));
            selection.within.splice(.., within.iter().map(|within| Glob::new(within)));
            if within.is_none() { Selection::all(Glob::new(pattern)) } else { selection }
        };
        match step {
            Step::Get(at) => drop(boards.same(&what, async |board| board.get(tenant, &key(KEYS[*at])).await).await),
            Step::Exists(at) => {
                drop(boards.same(&what, async |board| board.exists(tenant, &key(KEYS[*at])).await).await)
            }
            Step::Set(at, value, lives) => {
                let set =
                    async |board: &dyn Blackboard| board.set(tenant, &key(KEYS[*at]), value.clone(), lives.ttl()).await;
                let done = boards.same(&what, set).await;
                self.expire(tenant, *at, *lives, done.is_ok()).await;
            }
            Step::Swap(at, expected, value, lives) => {
                let key = key(KEYS[*at]);
                let expected = match expected {
                    Some(expected) => expected.clone(),
                    None => boards.same(&what, async |board| board.get(tenant, &key).await).await.unwrap(),
                };
                let swap = async |board: &dyn Blackboard| {
                    board.compare_and_swap(tenant, &key, expected.as_deref(), value.clone(), lives.ttl()).await
                };
                let done = boards.same(&what, swap).await;
                self.expire(tenant, *at, *lives, done == Ok(true)).await;
            }
            Step::Add(at, delta) => {
                drop(boards.same(&what, async |board| board.add(tenant, &key(KEYS[*at]), *delta).await).await)
            }
            Step::Delete(at) => {
                drop(boards.same(&what, async |board| board.delete(tenant, &key(KEYS[*at])).await).await)
            }
            Step::Keys(pattern, within, limit) => {
                let meant = selection(pattern, within);
                drop(boards.same(&what, async |board| board.keys(tenant, &meant, *limit).await).await);
            }
            Step::Clear(pattern, within) => {
                let meant = selection(pattern, within);
                drop(boards.same(&what, async |board| board.clear(tenant, &meant).await).await);
            }
            Step::Subscribe(slot, pattern) => {
                let slots = &mut self.subscribed[usize::from(second)];
                // Redis counts patterns, so two subscribers have different ones here, and those of the default tenant
                // match no other's channels.
                let is_taken = slots.iter().flatten().any(|(glob, _)| glob.as_str() == pattern);
                let is_wide =
                    *tenant == Tenant::default() && ["@", "?", "*", "["].iter().any(|wild| pattern.starts_with(wild));
                if !is_taken && !is_wide {
                    let open = |at: usize| boards.boards[at].subscribe(tenant, vec![Glob::new(pattern)]).unwrap();
                    slots[*slot] = Some((Glob::new(pattern), [open(0), open(1), open(2)]));
                }
            }
            Step::Leave(slot) => self.subscribed[usize::from(second)][*slot] = None,
            Step::Publish(channel, payload) => {
                let sent = message(CHANNELS[*channel], PAYLOADS[*payload]);
                let count = boards.same(&what, async |board| board.publish(tenant, sent.clone()).await).await;
                let Ok(count) = count else { return };
                let mut heard = 0;
                for (_, subscriptions) in self.subscribed[usize::from(second)]
                    .iter_mut()
                    .flatten()
                    .filter(|(glob, _)| glob.matches(CHANNELS[*channel]))
                {
                    heard += 1;
                    let mut first = None;
                    for subscription in subscriptions {
                        let next = tokio::time::timeout(Duration::from_secs(10), subscription.next());
                        let message = next.await.unwrap_or_else(|_| panic!("not heard: {what}")).unwrap();
                        let known = message.payload.starts_with('{');
                        let of_host = known.then(|| (message.id.clone(), message.source.clone(), message.hops));
                        let got = (message.payload.clone(), message.channel.clone(), of_host);
                        assert_eq!(*first.get_or_insert_with(|| got.clone()), got, "{what}");
                    }
                }
                assert_eq!(count, heard, "{what}");
            }
        }
    }

    /// Waits for a value that is to expire, and looks that it did.
    async fn expire(&self, tenant: &Tenant, at: usize, lives: Lives, written: bool) {
        if lives == Lives::Short && written {
            until("a value expires", Duration::from_secs(10), async || {
                let mut gone = true;
                for board in &self.boards.boards {
                    gone &= board.get(tenant, &key(KEYS[at])).await == Ok(None);
                }
                gone
            })
            .await;
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn any_few_calls_give_the_same_on_every_board() {
    let (boards, runtime) = (Boards::open(), runtime());
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let all = Selection::all(Glob::new("*"));
    let run = runner.run(&proptest::collection::vec(steps(), 1..30), |steps| {
        runtime.block_on(async {
            let tenants = [Tenant::default(), Tenant::new("other").unwrap()];
            for tenant in &tenants {
                boards.same("clear", async |board| board.clear(tenant, &all).await).await.unwrap();
            }
            let mut lane = Lane::new(&boards, tenants);
            for (second, step) in &steps {
                lane.take(*second, step).await;
            }
        });
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_hundred_thousand_calls_give_the_same_on_every_board() {
    let seed = std::env::var("BOARD_SEED").map_or_else(|_| rand_seed(), |seed| seed.parse().unwrap());
    println!("BOARD_SEED={seed}");
    let boards = Boards::open();
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for lane in 0..LANES as u64 {
            let boards = &boards;
            scope.spawn(move || {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&seed.to_le_bytes());
                bytes[8..16].copy_from_slice(&lane.to_le_bytes());
                let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
                let mut runner = TestRunner::new_with_rng(Config::default(), rng);
                let steps = steps();
                let own = if lane == 0 { Tenant::default() } else { Tenant::new(&format!("a{lane}")).unwrap() };
                let mut lane = Lane::new(boards, [own, Tenant::new(&format!("b{lane}")).unwrap()]);
                runtime().block_on(async {
                    for _ in 0..CALLS / LANES {
                        let (second, step) = steps.new_tree(&mut runner).unwrap().current();
                        lane.take(second, &step).await;
                    }
                });
            });
        }
    });
    println!("{CALLS} calls on each board in {:?}", begun.elapsed());
}

fn rand_seed() -> u64 {
    use skillhost_types::Source as _;
    let mut bytes = [0; 8];
    System.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[test]
fn adding_keeps_the_time_that_is_left_and_makes_keys_with_the_default() {
    let boards = Boards::open();
    let tenant = Tenant::default();
    runtime().block_on(async {
        let short = Ttl::For(Duration::from_millis(600));
        boards.same("set", async |board| board.set(&tenant, &key("a"), "1".into(), short).await).await.unwrap();
        let sum = boards.same("add", async |board| board.add(&tenant, &key("a"), 2).await).await;
        assert_eq!(sum, Ok(3));
        boards.same("add", async |board| board.add(&tenant, &key("b"), 2).await).await.unwrap();
        until("what was added to expires", Duration::from_secs(10), async || {
            let mut gone = true;
            for board in &boards.boards {
                gone &= board.exists(&tenant, &key("a")).await == Ok(false);
            }
            gone
        })
        .await;
        assert_eq!(boards.same("get", async |board| board.get(&tenant, &key("b")).await).await, Ok(Some("2".into())));
    });
}

#[test]
fn keys_of_the_host_are_served_and_neither_listed_nor_cleared() {
    let boards = Boards::open();
    let own = skillhost_blackboard::Key::of_the_host("lease:timmy").unwrap();
    runtime().block_on(async {
        for tenant in [Tenant::default(), Tenant::new("other").unwrap()] {
            let all = Selection::all(Glob::new("*"));
            let taken = async |board: &dyn Blackboard| {
                board.compare_and_swap(&tenant, &own, None, "me".into(), Ttl::For(Duration::from_secs(60))).await
            };
            assert_eq!(boards.same("take", taken).await, Ok(true));
            assert_eq!(boards.same("take again", taken).await, Ok(false));
            assert_eq!(boards.same("keys", async |board| board.keys(&tenant, &all, 10).await).await, Ok(Vec::new()));
            assert_eq!(boards.same("clear", async |board| board.clear(&tenant, &all).await).await, Ok(0));
            let held = boards.same("get", async |board| board.get(&tenant, &own).await).await;
            assert_eq!(held, Ok(Some("me".into())));
        }
    });
}
