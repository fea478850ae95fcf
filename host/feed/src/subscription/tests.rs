use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use skillhost_types::Tenant;

use super::*;
use crate::hub::tests::{hub, publish_at};
use crate::pace::WINDOW;

const KINDS: [&str; 4] = ["task.created", "task.failed", "agent.joined", "skill.absorbed"];
const TENANTS: [Option<&str>; 3] = [None, Some("a"), Some("b")];
const RATE: usize = 3;
const REPLAY: usize = 8;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Publish {
        kind: usize,
        tenant: usize,
        count: usize,
    },
    /// Time goes by, in milliseconds.
    Wait(u64),
    /// The client gets its turn.
    Turn,
    /// The connection breaks; what was not told yet is lost.
    Break,
    /// The client comes back with what it heard last.
    Return,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..KINDS.len(), 0..TENANTS.len(), 1..6_usize)
            .prop_map(|(kind, tenant, count)| Step::Publish { kind, tenant, count }),
        4 => (1..700_u64).prop_map(Step::Wait),
        4 => Just(Step::Turn),
        1 => Just(Step::Break),
        2 => Just(Step::Return),
    ]
}

fn kinds(patterns: &[&str]) -> Kinds {
    Kinds(patterns.iter().map(|pattern| Glob::new(pattern)).collect())
}

/// A client as anybody would write one.
#[derive(Default)]
struct Client {
    /// Up to here it has everything, or knows that it has not.
    position: u64,
    events: Vec<u64>,
    /// Those of them that came as they happened, by connection.
    live_events: Vec<Vec<u64>>,
    /// Told as not sent: how many, from where, to where.
    summaries: Vec<(u64, u64, u64)>,
    /// Told as not recovered: behind the first, up to the second.
    unrecovered: Vec<(u64, u64)>,
    live: Option<(Subscription, Pace)>,
}

impl Client {
    fn start(&mut self, hub: &Hub, viewer: &Viewer, kinds: &Kinds) {
        let since = Since { epoch: hub.epoch().to_owned(), seq: self.position };
        let (subscription, start) = Subscription::start(hub, viewer.clone(), kinds.clone(), Some(since), REPLAY);
        if !start.recovered {
            self.unrecovered.push((self.position, start.head));
        }
        assert!(start.replayed.len() <= REPLAY);
        start.replayed.iter().for_each(|event| self.hear(event.seq()));
        self.position = start.head;
        self.live_events.push(Vec::new());
        self.live = Some((subscription, Pace::new(NonZeroU32::new(RATE as u32).unwrap())));
    }

    fn hear(&mut self, seq: u64) {
        assert!(seq > self.position, "{seq} after {}", self.position);
        self.position = seq;
        self.events.push(seq);
    }

    fn turn(&mut self, hub: &Hub, now: Instant) {
        let Some((subscription, pace)) = &mut self.live else { return };
        let mut next = VecDeque::new();
        subscription.advance(hub, pace, now, &mut next).unwrap();
        for next in next {
            match next {
                Next::Event(event) => {
                    self.hear(event.seq());
                    self.live_events.last_mut().unwrap().push(event.seq());
                }
                Next::Gap(Gap { suppressed, from, to }) => {
                    assert!(from > self.position && to >= from, "{from} to {to} after {}", self.position);
                    self.position = to;
                    self.summaries.push((suppressed, from, to));
                }
            }
        }
    }
}

proptest! {
    // Without a file of its own: a failure prints its seed and its steps.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]
    #[test]
    fn whatever_happens_every_event_that_matches_is_heard_once_in_order_or_told_as_missing(
        steps in proptest::collection::vec(step(), 1..80),
        tenant in 0..TENANTS.len(),
        filter in 0..4_usize,
    ) {
        let hub = hub();
        let tenant = TENANTS[tenant];
        let viewer = Viewer { tenant: tenant.map(|name| Tenant::new(name).unwrap()) };
        let kinds = kinds([&[][..], &["task.*"], &["*.joined", "skill.*"], &["nothing.*"]][filter]);
        let sees = |kind: &str, owner: Option<&str>| {
            let may = tenant.is_none() || owner == tenant || (owner.is_none() && kind == KINDS[3]);
            may && (kinds.0.is_empty() || kinds.0.iter().any(|glob| glob.matches(kind)))
        };
        let mut now = Instant::now();
        let mut client = Client::default();
        let (mut matching, mut noticed) = (Vec::new(), vec![now]);
        client.start(&hub, &viewer, &kinds);
        for step in steps.into_iter().chain([Step::Return, Step::Wait(2_000), Step::Turn]) {
            match step {
                Step::Publish { kind, tenant, count } => for _ in 0..count {
                    let seq = publish_at(&hub, KINDS[kind], TENANTS[tenant], now);
                    noticed.push(now);
                    if sees(KINDS[kind], TENANTS[tenant]) {
                        matching.push(seq);
                    }
                },
                Step::Wait(millis) => now += Duration::from_millis(millis),
                Step::Turn => client.turn(&hub, now),
                Step::Break => client.live = None,
                Step::Return if client.live.is_none() => client.start(&hub, &viewer, &kinds),
                Step::Return => {}
            }
        }
        for (suppressed, from, to) in &client.summaries {
            let within = matching.iter().filter(|seq| (from..=to).contains(seq)).count();
            prop_assert_eq!(*suppressed, within as u64);
            prop_assert!(matching.contains(from) && matching.contains(to));
        }
        let told = |seq: u64| {
            client.summaries.iter().any(|(_, from, to)| (*from..=*to).contains(&seq))
                || client.unrecovered.iter().any(|(after, to)| (after + 1..=*to).contains(&seq))
        };
        let heard: Vec<_> = matching.iter().copied().filter(|seq| !told(*seq)).collect();
        prop_assert_eq!(&client.events, &heard);
        // One window, and what is of two windows that touch.
        let at = |seq: &u64| noticed[usize::try_from(*seq).unwrap()];
        for events in &client.live_events {
            for (n, first) in events.iter().enumerate() {
                let second = events[n..].iter().take_while(|seq| at(seq).duration_since(at(first)) < WINDOW).count();
                prop_assert!(second <= 2 * RATE, "{} in a second", second);
            }
        }
    }
}

#[test]
fn a_gap_of_more_events_than_are_replayed_counts_only_those_that_match() {
    let hub = hub();
    let now = Instant::now();
    for n in 0..1_000 {
        publish_at(&hub, if n % 200 == 0 { "task.created" } else { "agent.joined" }, None, now);
    }
    let start = |patterns: &[&str]| {
        let since = Some(Since { epoch: hub.epoch().to_owned(), seq: 0 });
        Subscription::start(&hub, Viewer { tenant: None }, kinds(patterns), since, REPLAY).1
    };
    let found = start(&["task.*"]);
    assert_eq!((found.recovered, found.replayed.len(), found.head), (true, 5, 1_000));
    let lost = start(&[]);
    assert_eq!((lost.recovered, lost.replayed.len(), lost.head), (false, 0, 1_000));
}
