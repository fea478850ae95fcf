use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use skillhost_types::{System, Timestamp};

use super::*;
use crate::Channel;

#[derive(Default)]
struct Clock(AtomicU64);

impl Source for Clock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
    fn fill(&self, bytes: &mut [u8]) {
        System.fill(bytes);
    }
}

fn board(limits: BoardLimits) -> (MemoryBoard, Arc<Clock>) {
    let clock = Arc::new(Clock::default());
    (MemoryBoard::new(limits, clock.clone()), clock)
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn message(channel: &str, payload: &str) -> Message {
    Message {
        id: "01".into(),
        channel: Channel::new(channel).unwrap(),
        payload: payload.into(),
        source: None,
        hops: 0,
        published_at: Timestamp(0),
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn tenants_do_not_see_each_other() {
    let (board, _) = board(BoardLimits::default());
    let (ours, theirs) = (Tenant::default(), Tenant::new("other").unwrap());
    now(async {
        let mut heard = board.subscribe(&theirs, vec![Glob::new("*")]).unwrap();
        board.set(&ours, &key("a"), "1".into(), Ttl::Forever).await.unwrap();
        assert_eq!(board.get(&theirs, &key("a")).await, Ok(None));
        assert_eq!(board.clear(&theirs, &Selection::all(Glob::new("*"))).await, Ok(0));
        assert_eq!(board.publish(&ours, message("c", "1")).await, Ok(0));
        assert_eq!(board.publish(&theirs, message("c", "2")).await, Ok(1));
        assert_eq!(&*heard.next().await.unwrap().payload, "2");
    });
}

#[test]
fn every_bound_is_refused_by_name() {
    let limits = BoardLimits { value_bytes: 8, keys: 2, total_bytes: 300, subscribers: 1, ..BoardLimits::default() };
    let (board, _) = board(limits);
    let tenant = Tenant::default();
    now(async {
        let set = async |name: &str, value: &str| board.set(&tenant, &key(name), value.into(), Ttl::Forever).await;
        assert!(matches!(set("a", "123456789").await, Err(BoardError::Limit(text)) if text.contains("8B")));
        set("a", "1").await.unwrap();
        set("b", "1").await.unwrap();
        assert!(matches!(set("c", "1").await, Err(BoardError::Limit(text)) if text.contains("2 keys")));
        set("b", "2").await.unwrap();
        board.delete(&tenant, &key("a")).await.unwrap();
        assert!(matches!(set(&"k".repeat(100), "1").await, Err(BoardError::Limit(text)) if text.contains("300B")));
        let held = board.subscribe(&tenant, vec![]).unwrap();
        assert!(matches!(board.subscribe(&tenant, vec![]), Err(BoardError::Limit(_))));
        drop(held);
        assert!(board.subscribe(&tenant, vec![]).is_ok());
    });
}

#[test]
fn a_slow_subscriber_loses_and_counts_and_the_others_do_not() {
    let (board, _) = board(BoardLimits { queue: 2, ..BoardLimits::default() });
    let tenant = Tenant::default();
    now(async {
        let mut slow = board.subscribe(&tenant, vec![Glob::new("a*")]).unwrap();
        let mut quick = board.subscribe(&tenant, vec![Glob::new("*")]).unwrap();
        for (index, reached) in [2, 2, 1].into_iter().enumerate() {
            assert_eq!(board.publish(&tenant, message("ab", &index.to_string())).await, Ok(reached));
            assert_eq!(*quick.next().await.unwrap().payload, index.to_string());
        }
        assert_eq!((slow.dropped(), quick.dropped()), (1, 0));
        assert_eq!(&*slow.next().await.unwrap().payload, "0");
    });
}

#[test]
fn compare_and_swap_among_threads_loses_no_update() {
    let (board, _) = board(BoardLimits::default());
    let tenant = Tenant::default();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                now(async {
                    let n = key("n");
                    for _ in 0..200 {
                        loop {
                            let held = board.get(&tenant, &n).await.unwrap();
                            let next = held.as_deref().map_or(0, |text| text.parse::<u64>().unwrap()) + 1;
                            let swap =
                                board.compare_and_swap(&tenant, &n, held.as_deref(), next.to_string(), Ttl::Forever);
                            if swap.await.unwrap() {
                                break;
                            }
                        }
                    }
                });
            });
        }
    });
    assert_eq!(now(board.get(&tenant, &key("n"))).unwrap().unwrap(), "1600");
}

#[test]
fn adding_to_what_is_no_number_is_invalid() {
    let (board, _) = board(BoardLimits::default());
    let tenant = Tenant::default();
    now(async {
        board.set(&tenant, &key("t"), "text".into(), Ttl::Forever).await.unwrap();
        assert!(matches!(board.add(&tenant, &key("t"), 1).await, Err(BoardError::Invalid(_))));
        board.set(&tenant, &key("n"), i64::MAX.to_string(), Ttl::Forever).await.unwrap();
        assert!(matches!(board.add(&tenant, &key("n"), 1).await, Err(BoardError::Invalid(_))));
    });
}

#[derive(Debug, Clone)]
enum Step {
    Set(u8, String, Option<u64>),
    Swap(u8, Option<String>, String),
    Add(u8, i8),
    Delete(u8),
    Clear(&'static str),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = || "0|[1-9][0-9]?";
    let step = prop_oneof![
        (0..6_u8, value(), proptest::option::of(1..50_u64)).prop_map(|(k, v, t)| Step::Set(k, v, t)),
        (0..6_u8, proptest::option::of(value()), value()).prop_map(|(k, e, v)| Step::Swap(k, e, v)),
        (0..6_u8, any::<i8>()).prop_map(|(k, d)| Step::Add(k, d)),
        (0..6_u8).prop_map(Step::Delete),
        prop_oneof![Just("k:[0-2]"), Just("*"), Just("k:5")].prop_map(Step::Clear),
        (1..30_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

/// The default time to live of the property test, in milliseconds.
const DEFAULT: u64 = 20;

proptest! {
    #[test]
    fn the_board_does_what_a_plain_map_with_a_clock_does(steps in steps()) {
        let (board, clock) = board(BoardLimits { default_ttl: Some(Duration::from_millis(DEFAULT)), ..BoardLimits::default() });
        let tenant = Tenant::default();
        let mut model: BTreeMap<String, (String, u64)> = BTreeMap::new();
        let mut time = 0;
        for step in steps {
            model.retain(|_, (_, until)| *until > time);
            match step {
                Step::Set(k, value, ttl) => {
                    let name = format!("k:{k}");
                    let lives = ttl.map_or(Ttl::Default, |ms| Ttl::For(Duration::from_millis(ms)));
                    now(board.set(&tenant, &key(&name), value.clone(), lives)).unwrap();
                    model.insert(name, (value, time + ttl.unwrap_or(DEFAULT)));
                }
                Step::Swap(k, expected, value) => {
                    let name = format!("k:{k}");
                    let swapped = model.get(&name).map(|(held, _)| held.clone()) == expected;
                    let got = now(board.compare_and_swap(&tenant, &key(&name), expected.as_deref(), value.clone(), Ttl::Default));
                    prop_assert_eq!(got, Ok(swapped));
                    if swapped {
                        model.insert(name, (value, time + DEFAULT));
                    }
                }
                Step::Add(k, delta) => {
                    let name = format!("k:{k}");
                    let (held, until) = model.get(&name).cloned().unwrap_or(("0".into(), time + DEFAULT));
                    let sum = held.parse::<i64>().unwrap() + i64::from(delta);
                    prop_assert_eq!(now(board.add(&tenant, &key(&name), delta.into())), Ok(sum));
                    model.insert(name, (sum.to_string(), until));
                }
                Step::Delete(k) => {
                    let name = format!("k:{k}");
                    prop_assert_eq!(now(board.delete(&tenant, &key(&name))), Ok(model.remove(&name).is_some()));
                }
                Step::Clear(pattern) => {
                    let glob = Glob::new(pattern);
                    let before = model.len();
                    model.retain(|name, _| !glob.matches(name));
                    prop_assert_eq!(now(board.clear(&tenant, &Selection::all(glob))), Ok((before - model.len()) as u64));
                }
                Step::Wait(ms) => {
                    time += ms;
                    clock.0.store(time, Ordering::Relaxed);
                }
            }
            model.retain(|_, (_, until)| *until > time);
            let listed: Vec<String> = now(board.keys(&tenant, &Selection::all(Glob::new("*")), 100)).unwrap().iter().map(|k| k.as_str().to_owned()).collect();
            prop_assert_eq!(listed, model.keys().cloned().collect::<Vec<_>>());
            for (name, (value, _)) in &model {
                prop_assert_eq!(now(board.get(&tenant, &key(name))), Ok(Some(value.clone())));
            }
        }
        now(board.clear(&tenant, &Selection::all(Glob::new("*")))).unwrap();
        prop_assert_eq!(board.with(&tenant, |space, _| (space.bytes, space.expiries.len())), (0, 0));
    }
}
