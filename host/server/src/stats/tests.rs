use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use skillhost_events::{NewEvent, Recording};
use skillhost_types::{Caller, RunError, RunId, RunRecord, Source, System, Usage};

use super::*;

/// A clock that stands where it was put.
struct At(AtomicU64);

impl Source for At {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        System.monotonic()
    }

    fn fill(&self, bytes: &mut [u8]) {
        System.fill(bytes);
    }
}

const HOUR: u64 = 3_600_000;

fn minutes(count: u64) -> Timestamp {
    Timestamp(HOUR * 1_000 + count * 60_000)
}

fn ended(skill: &str, at: Timestamp) -> Ended<'_> {
    Ended {
        at,
        skill,
        tenant: None,
        error: None,
        wall_us: 1_000,
        fuel: 7,
        host_calls: 1,
        input_tokens: 2,
        output_tokens: 3,
    }
}

fn record(source: &dyn Source, skill: &str, tenant: &str, error: Option<ErrorKind>) -> RunRecord {
    RunRecord {
        run: RunId::new(source),
        skill: skill.into(),
        tool: "t".into(),
        digest: None,
        tenant: tenant.parse().unwrap(),
        caller: Caller::Cli,
        started_at: source.now(),
        ok: error.is_none(),
        output: None,
        error: error.map(|kind| RunError::new(kind, "no")),
        usage: Usage { fuel: 11, wall_us: 4_200, llm_input_tokens: 5, llm_output_tokens: 6, ..Usage::default() },
        log: Vec::new(),
        calls: Vec::new(),
    }
}

/// Comes back when `enough` says so.
async fn until(enough: impl Fn() -> bool) {
    let waited = async {
        while !enough() {
            // Between two looks, not in place of one.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("the statistics never came");
}

fn runs(hour: &LastHour) -> u64 {
    assert_eq!(hour.whole.runs, hour.minutes.iter().map(|minute| minute.runs).sum::<u64>());
    hour.whole.runs
}

#[tokio::test]
async fn runs_before_and_after_the_start_are_charted_and_only_those_after_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let source = Arc::new(At(AtomicU64::new(minutes(0).0)));
    let log = EventLog::open(folder.path(), source.clone()).unwrap();
    log.record_run(&record(&*source, "a", "default", None), Recording::Durable).await.unwrap();
    source.0.store(minutes(2).0, Ordering::Relaxed);
    let stats = Stats::start(log.clone(), &Hub::start(&log).unwrap(), CancellationToken::new());
    until(|| runs(&stats.series(None, None)) == 1).await;
    // Another process on the same data directory.
    let other = EventLog::open(folder.path(), source.clone()).unwrap();
    other.record_run(&record(&*source, "b", "acme", Some(ErrorKind::Fuel)), Recording::Durable).await.unwrap();
    log.record_run(&record(&*source, "a", "acme", None), Recording::Durable).await.unwrap();
    log.append(NewEvent { kind: "skill.x".into(), source: "a".into(), run: None, tenant: None, data: json!({}) })
        .await
        .unwrap();
    until(|| runs(&stats.series(None, None)) == 3).await;

    let all = stats.series(None, None).minutes;
    assert_eq!(all.len(), 60);
    assert!(all.windows(2).all(|pair| pair[1].at.0 - pair[0].at.0 == 60_000), "{all:?}");
    let [first, .., last] = &all[57..] else { panic!("{all:?}") };
    assert_eq!((first.at, first.runs, first.failed, first.fuel, first.tokens), (minutes(0), 1, 0, 11, 11));
    assert_eq!((last.at, last.runs, last.failed, last.fuel, last.tokens), (minutes(2), 2, 1, 22, 22));
    for quantile in [last.p50_us, last.p99_us] {
        assert!((3_900..=4_500).contains(&quantile), "{last:?}");
    }
    let acme = "acme".parse().unwrap();
    assert_eq!(runs(&stats.series(Some("a"), None)), 2);
    assert_eq!(runs(&stats.series(None, Some(&acme))), 2);
    assert_eq!(runs(&stats.series(Some("a"), Some(&acme))), 1);
    assert_eq!(runs(&stats.series(Some("c"), None)), 0);

    let totals = stats.totals().sum();
    assert_eq!((totals.completed, totals.failed, totals.wall_us), (1, [("fuel", 1)].into(), 8_400));
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let log = EventLog::open(folder.path(), Arc::new(System)).unwrap();
    let stop = CancellationToken::new();
    let stats = Stats::start(log.clone(), &Hub::start(&log).unwrap(), stop.clone());
    stop.cancel();
    until(|| Arc::strong_count(&stats.figures) == 1).await;
}

#[test]
fn an_hour_later_nothing_of_it_is_left() {
    let mut recent = Recent::default();
    recent.add(minutes(0), &ended("a", minutes(0)));
    assert_eq!(runs(&recent.series(minutes(59), Some("a"), None)), 1);
    assert_eq!(runs(&recent.series(minutes(60), Some("a"), None)), 0);
    recent.add(minutes(60), &ended("a", minutes(0)));
    assert_eq!(runs(&recent.series(minutes(60), None, None)), 0);
}

#[test]
fn the_hours_latency_is_that_of_all_its_runs_and_not_of_its_last_minute() {
    let mut recent = Recent::default();
    for number in 0..99 {
        recent.add(minutes(5), &Ended { wall_us: 100, ..ended("a", minutes(number % 5)) });
    }
    recent.add(minutes(5), &Ended { wall_us: 1_000_000, ..ended("a", minutes(5)) });
    let LastHour { minutes, whole } = recent.series(minutes(5), None, None);
    assert!((90..=110).contains(&whole.p50_us) && (90..=110).contains(&whole.p99_us), "{whole:?}");
    assert!(minutes[59].p50_us > 900_000, "{:?}", minutes[59]);
}

#[test]
fn what_was_refused_before_it_reached_its_skill_is_counted_and_does_not_make_it_look_quick() {
    let mut recent = Recent::default();
    recent.add(minutes(5), &ended("a", minutes(5)));
    for _ in 0..9 {
        let error = Some(ErrorKind::InvalidInput);
        recent.add(minutes(5), &Ended { wall_us: 0, error, ..ended("a", minutes(5)) });
    }
    let whole = recent.series(minutes(5), None, None).whole;
    assert_eq!((whole.runs, whole.failed), (10, 9));
    assert!((900..=1_100).contains(&whole.p50_us), "{whole:?}");
}

#[test]
fn a_clock_that_is_put_back_leaves_no_minute_that_is_yet_to_come() {
    let mut recent = Recent::default();
    recent.add(minutes(500), &ended("a", minutes(500)));
    recent.add(minutes(1), &ended("a", minutes(1)));
    recent.add(minutes(1), &ended("a", minutes(0)));
    let hour = recent.series(minutes(1), Some("a"), None);
    assert_eq!((hour.minutes[58].runs, hour.minutes[59].runs, runs(&hour)), (1, 1, 2));
}

#[test]
fn over_the_cap_of_pairs_runs_are_in_the_sum_alone_until_others_are_an_hour_old() {
    let mut recent = Recent::default();
    let names: Vec<String> = (0..1_000).map(|number| format!("s{number}")).collect();
    for name in &names {
        recent.add(minutes(0), &ended(name, minutes(0)));
    }
    assert_eq!(runs(&recent.series(minutes(0), None, None)), 1_000);
    let charted =
        |recent: &Recent, now| names.iter().filter(|name| runs(&recent.series(now, Some(name), None)) > 0).count();
    assert_eq!(charted(&recent, minutes(0)), 256);
    recent.add(minutes(61), &ended("s999", minutes(61)));
    assert_eq!(charted(&recent, minutes(61)), 1);
}

#[test]
fn over_the_cap_of_skills_counts_are_one() {
    let mut totals = Totals::default();
    for number in 0..1_000 {
        let name = format!("s{number}");
        totals.add(&ended(&name, minutes(0)));
        totals.add(&ended(&name, minutes(0)));
    }
    let skills: Vec<_> = totals.skills().collect();
    assert_eq!(skills.len(), 201);
    let other = skills.iter().find(|(name, _)| *name == "_other").unwrap();
    assert_eq!((other.1.runs(), totals.sum().runs()), (1_600, 2_000));
}

/// What this thread has worked: on a busy machine, it waits as well.
fn worked() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn a_run_costs_less_than_some_microseconds() {
    const RUNS: u32 = 200_000;
    let mut figures = Figures::default();
    let ran = |number| {
        let RunRecord { run, skill, tool, tenant, caller, started_at, ok, error, usage, .. } =
            record(&System, &format!("s{number}"), "acme", Some(ErrorKind::Fuel));
        Ran { run, skill, tool, digest: None, tenant, caller, started_at, ended_at: minutes(0), ok, error, usage }
    };
    let ended: Vec<Ran> = (0..100).map(ran).collect();
    let before = worked();
    for ran in ended.iter().cycle().take(RUNS as usize) {
        let ended = Ended::of(ran);
        figures.recent.add(minutes(0), &ended);
        figures.totals.add(&ended);
    }
    let each = (worked() - before) / RUNS;
    println!("{each:?} for each run");
    // Ten times what it takes on an idle machine.
    assert!(each < Duration::from_micros(5), "{each:?}");
}
