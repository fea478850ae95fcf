use proptest::prelude::*;
use serde_json::json;
use skillhost_types::{Caller, Digest, ErrorKind, Glob, Output, RunError, System, Tenant, Usage};

use skillhost_types::RunId;

use super::*;
use crate::entry::Entry;
use crate::event::Event;
use crate::query::{Page, Query, RunQuery};

fn open(folder: &Path) -> EventLog {
    EventLog::open(folder, Arc::new(System)).unwrap()
}

fn event(kind: &str, source: &str) -> NewEvent {
    NewEvent { kind: kind.into(), source: source.into(), run: None, tenant: None, data: json!({}) }
}

fn record(skill: &str, output: Option<Output>) -> Arc<RunRecord> {
    Arc::new(RunRecord {
        run: RunId::new(&System),
        skill: skill.into(),
        tool: "t".into(),
        digest: Some(Digest::of(b"x")),
        tenant: Tenant::default(),
        caller: Caller::Cli,
        started_at: System.now(),
        ok: output.is_some(),
        output: output.map(Arc::new),
        error: None,
        usage: Usage { fuel: 7, ..Usage::default() },
        log: vec![],
        calls: vec![],
    })
}

fn all() -> Query {
    Query { limit: usize::MAX, ..Query::default() }
}

#[tokio::test]
async fn a_run_is_two_events_and_a_record_that_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let good = record("a", Some(Output { data: Some(json!([1, "é"])), content: vec![] }));
    let bad = record("b", None);
    log.record_run(&good, Recording::Durable).await.unwrap();
    log.record_run(&bad, Recording::Relaxed).await.unwrap();
    log.close().await;
    let log = open(folder.path());
    let events = log.read(&all()).unwrap();
    let kinds: Vec<_> = events.iter().map(|event| (event.seq, event.kind.as_str(), event.run)).collect();
    let (a, b) = (Some(good.run), Some(bad.run));
    let expected = [(1, "tool.called", a), (2, "tool.completed", a), (3, "tool.called", b), (4, "tool.failed", b)];
    assert_eq!(kinds, expected);
    assert_eq!(events[1].data["usage"]["fuel"], 7);
    assert_eq!(events[1].data["digest"], json!(Digest::of(b"x")));
    assert_eq!(log.run(good.run).unwrap().as_ref(), Some(&*good));
    assert_eq!(log.runs(&RunQuery { limit: 10, ..RunQuery::default() }).unwrap(), [(*bad).clone(), (*good).clone()]);
    assert_eq!(log.runs(&RunQuery { skill: Some("a"), limit: 10, ..RunQuery::default() }).unwrap(), [(*good).clone()]);
    assert_eq!(log.run(RunId::new(&System)).unwrap(), None);
}

#[tokio::test]
async fn a_large_output_is_left_out_of_the_record_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let large = record("a", Some(Output { data: Some(json!("x".repeat(100_000))), content: vec![] }));
    log.record_run(&large, Recording::Durable).await.unwrap();
    let stored = log.run(large.run).unwrap().unwrap();
    assert!(stored.ok && stored.output.is_none());
}

#[tokio::test]
async fn two_logs_on_one_folder_share_one_sequence_without_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let logs = [open(folder.path()), open(folder.path())];
    let mut tasks = Vec::new();
    for log in &logs {
        for _ in 0..50 {
            let log = log.clone();
            tasks.push(tokio::spawn(async move { log.append(event("skill.x", "s")).await.unwrap() }));
        }
    }
    let mut positions = Vec::new();
    for task in tasks {
        positions.push(task.await.unwrap());
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=100).collect::<Vec<_>>());
    assert_eq!(logs[0].head().unwrap(), 100);
    let read: Vec<_> = logs[1].read(&all()).unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(read, positions);
}

#[tokio::test]
async fn a_log_that_is_made_anew_has_another_epoch() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, again, other] =
        [&folders[0], &folders[0], &folders[1]].map(|folder| open(folder.path()).epoch().unwrap());
    assert_eq!((first.len(), &first), (32, &again));
    assert_ne!(first, other);
}

#[tokio::test]
async fn who_follows_the_log_gets_every_event_once_in_bounded_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for _ in 0..60 {
        let large = NewEvent { data: json!("x".repeat(60 << 10)), ..event("skill.x", "s") };
        log.append_relaxed(large).await.unwrap();
    }
    log.append(event("skill.y", "s")).await.unwrap();
    let (mut seen, mut after, mut pieces) = (Vec::new(), 7, 0);
    loop {
        let (events, reached) = log.following(after).unwrap();
        if reached == after {
            break;
        }
        seen.extend(events.iter().map(|event| event.seq()));
        (after, pieces) = (reached, pieces + 1);
    }
    assert_eq!(seen, (8..=61).collect::<Vec<_>>());
    assert!(pieces >= 2, "{pieces}");
}

#[tokio::test]
async fn what_was_written_lately_is_told_as_the_file_tells_it_and_never_with_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (log, other) = (open(folder.path()), open(folder.path()));
    let failed = |message: &str| {
        let error = RunError::new(ErrorKind::ToolError, message.to_owned());
        Arc::new(RunRecord { error: Some(error), ..(*record("b", None)).clone() })
    };
    log.append(event("skill.x", "s")).await.unwrap();
    log.record_run(&record("a", Some(Output { data: Some(json!(1)), content: vec![] })), Recording::Durable)
        .await
        .unwrap();
    log.record_run(&failed(&"long ".repeat(2_000)), Recording::Durable).await.unwrap();
    let told = |entries: Vec<Entry>| entries.iter().map(|entry| entry.event().into_owned()).collect::<Vec<_>>();
    for after in 0..5 {
        assert_eq!(told(log.recent(after).unwrap().0), told(log.following(after).unwrap().0));
    }
    assert_eq!(log.recent(0).unwrap().1, 5);
    // Another process writes, then this one again.
    other.append(event("skill.y", "s")).await.unwrap();
    assert!(log.recent(5).is_none());
    log.append(event("skill.z", "s")).await.unwrap();
    assert!(log.recent(5).is_none(), "6 is not known");
    assert_eq!(told(log.recent(6).unwrap().0), told(log.following(6).unwrap().0));
}

#[tokio::test]
async fn a_long_log_is_read_piece_by_piece_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for number in 0..150 {
        let kind = if number % 40 == 7 { "skill.rare" } else { "skill.x" };
        let large = NewEvent { data: json!("x".repeat(60 << 10)), ..event(kind, "s") };
        log.append_relaxed(large).await.unwrap();
    }
    log.append(event("skill.rare", "s")).await.unwrap();
    let rare = Query { kinds: vec![Glob::new("skill.rare")], ..all() };
    assert!(log.read_page(&rare, 4 << 20).unwrap().next.is_some(), "it takes more than one look");
    let seqs = |events: Vec<Event>| events.iter().map(|event| event.seq).collect::<Vec<_>>();
    assert_eq!(seqs(log.read_async(rare.clone()).await.unwrap()), [8, 48, 88, 128, 151]);
    assert_eq!(seqs(log.read_async(Query { limit: 3, ..rare.clone() }).await.unwrap()), [8, 48, 88]);
    assert_eq!(seqs(log.read_async(Query { after: Some(88), limit: 2, ..rare }).await.unwrap()), [128, 151]);
}

#[tokio::test]
async fn a_tenant_sees_its_own_events_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let tenant = |name: &str| Some(Tenant::new(name).unwrap());
    for whose in [None, tenant("alice"), tenant("bob")] {
        log.append(NewEvent { tenant: whose, ..event("skill.x", "s") }).await.unwrap();
    }
    log.record_run(&record("a", None), Recording::Durable).await.unwrap();
    let seen = |whose: Option<Tenant>| {
        log.read(&Query { tenant: whose, ..all() }).unwrap().iter().map(|event| event.seq).collect::<Vec<_>>()
    };
    assert_eq!(seen(tenant("alice")), [2]);
    assert_eq!(seen(tenant("bob")), [3]);
    assert_eq!(seen(Some(Tenant::default())), [4, 5]);
    assert_eq!(seen(None), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_malformed_event_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for kind in ["", "skill", "skill.", ".x", "skill.X", "skill.\u{1b}", &format!("skill.{}", "x".repeat(64))] {
        assert!(matches!(log.append(event(kind, "s")).await, Err(EventError::Invalid(_))), "{kind}");
    }
    let huge = NewEvent { data: json!("x".repeat(65 << 10)), ..event("skill.x", "s") };
    assert!(matches!(log.append(huge).await, Err(EventError::TooLarge(_))));
}

/// All that `look` leads to, page after page.
fn pages<T>(mut look: impl FnMut(Option<u64>) -> Page<T>, mut add: impl FnMut(Vec<T>)) -> usize {
    let (mut at, mut pages) = (None, 0);
    loop {
        let Page { found, next } = look(at);
        add(found);
        pages += 1;
        if next.is_none() {
            return pages;
        }
        at = next;
    }
}

#[tokio::test]
async fn who_goes_on_where_a_bounded_look_ended_gets_all_runs_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for number in 0..50 {
        let record = record(if number % 7 == 0 { "rare" } else { "usual" }, None);
        // Rows of one run, and rows of several.
        let recording = if number % 3 == 0 { Recording::Durable } else { Recording::Relaxed };
        log.record_run(&record, recording).await.unwrap();
    }
    log.append(event("system.end", "s")).await.unwrap();
    for skill in ["rare", "usual", "none"] {
        let of = |before, limit| RunQuery { skill: Some(skill), before, limit, ..RunQuery::default() };
        let whole = log.runs(&of(None, usize::MAX)).unwrap();
        for (limit, reach) in [(1, usize::MAX), (3, usize::MAX), (usize::MAX, 1), (2, 4_000)] {
            let mut all = Vec::new();
            let count = pages(|before| log.runs_page(&of(before, limit), reach).unwrap(), |found| all.extend(found));
            assert_eq!(all, whole, "{skill} {limit} {reach}");
            assert!(reach == usize::MAX || count > 2, "{count}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn queries_give_what_a_filter_over_a_list_gives(
        written in proptest::collection::vec((0..3_usize, 0..2_usize), 1..80),
        kind in 0..4_usize,
        after in proptest::option::of(0..90_u64),
        before in proptest::option::of(0..90_u64),
        limit in 1..50_usize,
    ) {
        let kinds = ["skill.a", "skill.b.c", "system.x"];
        let sources = ["s", "t"];
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (kind, source) in &written {
            runtime.block_on(log.append_relaxed(event(kinds[*kind], sources[*source]))).unwrap();
        }
        runtime.block_on(log.append(event("system.end", "s"))).unwrap();
        let globs = ["*", "skill.*", "*.c", "system.?"];
        let query = Query { kinds: vec![Glob::new(globs[kind])], source: Some("s".into()), after, before, limit, ..Query::default() };
        let mut expected: Vec<u64> = written
            .iter()
            .map(|(kind, source)| (kinds[*kind], sources[*source]))
            .chain([("system.end", "s")])
            .zip(1..)
            .filter(|((kind, source), _)| query.kinds[0].matches(kind) && *source == "s")
            .filter(|(_, seq)| after.is_none_or(|after| *seq > after) && before.is_none_or(|before| *seq < before))
            .map(|(_, seq)| seq)
            .collect();
        let last: Vec<_> = log.last(&query).unwrap().iter().map(|event| event.seq).collect();
        prop_assert_eq!(&last, &expected[expected.len().saturating_sub(limit)..]);
        let seqs = |events: &[Event]| events.iter().map(|event| event.seq).collect::<Vec<_>>();
        let mut forwards = Vec::new();
        let page = |at: Option<u64>| log.read_page(&Query { after: at.or(after), ..query.clone() }, 1).unwrap();
        pages(page, |found| forwards.extend(seqs(&found)));
        prop_assert_eq!(&forwards, &expected);
        let mut backwards = Vec::new();
        let page = |at: Option<u64>| log.last_page(&Query { before: at.or(before), ..query.clone() }, 1).unwrap();
        pages(page, |found| backwards.splice(..0, seqs(&found)).for_each(drop));
        prop_assert_eq!(&backwards, &expected);
        expected.truncate(limit);
        let first: Vec<_> = log.read(&query).unwrap().iter().map(|event| event.seq).collect();
        prop_assert_eq!(first, expected);
    }
}
