use std::path::Path;
use std::sync::Arc;

use rusqlite::{Transaction, params};
use serde_json::{Value, json};
use skillhost_store::{Commit as _, Database, Durability};
use skillhost_types::{Caller, RunId, RunRecord, Source as _, System, Tenant, Timestamp, Usage};
use tokio::sync::watch;

use super::*;
use crate::commit::{Item, MIGRATIONS, Segments, Told};
use crate::{Event, EventLog, NewEvent, Query, Recording};

fn open(folder: &Path) -> EventLog {
    EventLog::open(folder, Arc::new(System)).unwrap()
}

fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join("events.db")).unwrap()
}

fn event(data: Value) -> NewEvent {
    NewEvent { kind: "skill.x".into(), source: "s".into(), run: None, tenant: None, data }
}

fn run() -> RunRecord {
    RunRecord {
        run: RunId::new(&System),
        skill: "a".into(),
        tool: "t".into(),
        digest: None,
        tenant: Tenant::default(),
        caller: Caller::Cli,
        started_at: System.now(),
        ok: true,
        output: None,
        error: None,
        usage: Usage::default(),
        log: vec![],
        calls: vec![],
    }
}

/// An event, a run, and two events: positions 1, 2 to 3, 4 and 5. Who waits for each gets a row for each.
async fn four_rows(folder: &Path) -> EventLog {
    let log = open(folder);
    log.append(event(json!({"n": 1}))).await.unwrap();
    log.record_run(&run(), Recording::Durable).await.unwrap();
    log.append(event(json!({"n": 4}))).await.unwrap();
    log.append(event(json!({"n": 5}))).await.unwrap();
    log
}

/// What is found of a change, which is undone then.
fn changed<T>(
    raw: &mut Connection,
    expected: Option<Hash>,
    change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Option<Broken> {
    let transaction = raw.transaction().unwrap();
    change(&transaction).unwrap();
    verify(&transaction, expected).unwrap().broken
}

fn broken(seq: u64, reason: Reason) -> Option<Broken> {
    Some(Broken { seq, reason })
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_whole_up_to_its_head() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let empty = log.chain_head().unwrap();
    assert_eq!(log.verify(Some(empty.hash)).unwrap(), Verdict { head: empty, older: 0, broken: None });
    log.close().await;
    let log = four_rows(folder.path()).await;
    let head = log.chain_head().unwrap();
    assert_eq!(head.seq, 5);
    assert_eq!(log.verify(None).unwrap(), Verdict { head, older: 0, broken: None });
    log.append(event(json!(null))).await.unwrap();
    // Heads that were kept earlier are found: what came after them is newer.
    for kept in [empty, head, log.chain_head().unwrap()] {
        assert_eq!(log.verify(Some(kept.hash)).unwrap().broken, None, "{kept}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_logs_that_append_to_one_file_at_once_leave_one_chain_and_a_check_meanwhile_finds_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    let logs = [open(folder.path()), open(folder.path())];
    let mut tasks = Vec::new();
    for log in logs.iter().cycle().take(8) {
        let log = log.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0..50 {
                log.append(event(json!(n))).await.unwrap();
            }
        }));
    }
    let reader = open(folder.path());
    let mut kept = reader.chain_head().unwrap();
    while tasks.iter().any(|task| !task.is_finished()) {
        let reader = reader.clone();
        kept = tokio::task::spawn_blocking(move || {
            let verdict = reader.verify(Some(kept.hash)).unwrap();
            assert_eq!(verdict.broken, None);
            assert!(verdict.head.seq >= kept.seq);
            verdict.head
        })
        .await
        .unwrap();
    }
    for task in tasks {
        task.await.unwrap();
    }
    let verdict = reader.verify(Some(kept.hash)).unwrap();
    assert_eq!((verdict.head.seq, verdict.broken), (400, None));
}

#[tokio::test]
async fn a_check_sees_the_log_as_it_was_when_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let log = four_rows(folder.path()).await;
    let raw = raw(folder.path());
    let snapshot = raw.unchecked_transaction().unwrap();
    let before = verify(&snapshot, None).unwrap();
    log.append(event(json!(6))).await.unwrap();
    assert_eq!(verify(&snapshot, None).unwrap(), before);
    drop(snapshot);
    assert_eq!(verify(&raw, None).unwrap().head.seq, 6);
}

#[tokio::test]
async fn a_log_whose_process_was_killed_goes_on_with_its_chain() {
    let (folder, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = four_rows(folder.path()).await;
    let kept = log.chain_head().unwrap();
    // What a killed process leaves: the file and the write-ahead log, neither closed.
    for file in ["events.db", "events.db-wal"] {
        std::fs::copy(folder.path().join(file), left.path().join(file)).unwrap();
    }
    let log = open(left.path());
    assert_eq!(log.chain_head().unwrap(), kept);
    log.append(event(json!(6))).await.unwrap();
    let verdict = log.verify(Some(kept.hash)).unwrap();
    assert_eq!((verdict.head.seq, verdict.broken), (6, None));
}

#[tokio::test]
async fn a_transaction_that_failed_leaves_nothing_in_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let log = four_rows(folder.path()).await;
    let raw = raw(folder.path());
    raw.execute_batch("CREATE TRIGGER full BEFORE INSERT ON segments BEGIN SELECT raise(ABORT, 'no'); END").unwrap();
    assert!(log.append(event(json!(6))).await.is_err());
    raw.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(log.append(event(json!(6))).await.unwrap(), 6);
    assert_eq!(log.verify(None).unwrap().broken, None);
}

#[test]
fn a_transaction_of_several_rows_is_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("events.db"), MIGRATIONS, Durability::Normal).unwrap();
    let mut segments = Segments::new(watch::channel(0).0, Arc::default());
    let (kind, source, data) = ("a.b".to_owned(), "test".to_owned(), json!({}));
    let told = Told::Event(Arc::new(Event { seq: 0, at: Timestamp(0), kind, source, run: None, tenant: None, data }));
    let item = Item { line: vec![b'x'; 600 << 10], told };
    let transaction = |transaction: &Transaction<'_>| {
        segments.begin(transaction)?;
        for _ in 0..5 {
            segments.write(transaction, &item)?;
        }
        segments.finish(transaction)?;
        transaction.query_row("SELECT count(*) FROM segments", (), |row| row.get(0))
    };
    let rows: i64 = database.transact(transaction).unwrap();
    assert_eq!(rows, 3);
    let verdict = database.read(|reader| verify(reader, None)).unwrap();
    assert_eq!((verdict.head.seq, verdict.broken), (5, None));
}

/// A log as it was before there was a chain: positions 1 and 2 to 3.
fn older(folder: &Path) -> EventLog {
    let database = Database::open(&folder.join("events.db"), &MIGRATIONS[..1], Durability::Normal).unwrap();
    database
        .transact(|transaction| {
            let insert = "INSERT INTO segments (first_seq, last_seq, body) VALUES (?1, ?2, ?3)";
            let line = br#"E{"at":"2026-01-01T00:00:00.000Z","kind":"skill.x","source":"s","run":null,"data":{}}"#;
            transaction.execute(insert, params![1, 1, line])?;
            transaction.execute(insert, params![2, 3, [line.as_slice(), line].join(&b'\n')])
        })
        .unwrap();
    drop(database);
    open(folder)
}

#[tokio::test]
async fn a_log_from_before_the_chain_is_covered_from_the_first_event_that_is_written_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = older(folder.path());
    let kept = log.chain_head().unwrap();
    assert_eq!(log.verify(None).unwrap(), Verdict { head: kept, older: 3, broken: None });
    assert_eq!(log.append(event(json!(4))).await.unwrap(), 4);
    log.append(event(json!(5))).await.unwrap();
    let verdict = log.verify(Some(kept.hash)).unwrap();
    assert_eq!((verdict.head.seq, verdict.older, verdict.broken), (5, 3, None));
    assert_eq!(log.read(&Query { limit: 9, ..Query::default() }).unwrap().len(), 5);
    let mut raw = raw(folder.path());
    for (sql, seq, reason) in [
        ("UPDATE segments SET body = x'45' WHERE first_seq = 1", 4, Reason::ChangedOrOlder { older: 3 }),
        ("UPDATE segments SET body = x'45' WHERE first_seq = 4", 4, Reason::ChangedOrOlder { older: 3 }),
        ("UPDATE segments SET last_seq = 0 WHERE first_seq = 1", 1, Reason::Changed),
        ("UPDATE segments SET body = x'45' WHERE first_seq = 5", 5, Reason::Changed),
        ("DELETE FROM segments WHERE first_seq = 2", 2, Reason::Missing { last: 3 }),
    ] {
        assert_eq!(changed(&mut raw, None, |raw| raw.execute_batch(sql)), broken(seq, reason), "{sql}");
    }
}

mod tampered;
