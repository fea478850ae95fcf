use std::sync::atomic::{AtomicU64, Ordering};

use skillhost_types::{System, Timestamp};

use super::*;

/// A wall clock that a test moves.
#[derive(Default)]
struct Clock(AtomicU64);

impl Source for Clock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
    fn monotonic(&self) -> std::time::Duration {
        System.monotonic()
    }
    fn fill(&self, bytes: &mut [u8]) {
        System.fill(bytes);
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn board(limits: BoardLimits) -> (DiskBoard, Arc<Clock>, tempfile::TempDir) {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(Clock::default()));
    (DiskBoard::open(folder.path(), limits, clock.clone()).unwrap(), clock, folder)
}

/// Keys and bytes that the file says a tenant holds, and those that it does hold.
fn totals(board: &DiskBoard, tenant: &Tenant) -> [(i64, i64); 2] {
    let counted = "SELECT keys, bytes FROM spaces WHERE tenant = ?1";
    let held = "SELECT count(*), coalesce(sum(octet_length(key) + octet_length(value) + 128), 0) FROM entries WHERE tenant = ?1";
    [counted, held].map(|query| {
        board
            .database
            .read(|connection| connection.query_row(query, [tenant.as_str()], |row| Ok((row.get(0)?, row.get(1)?))))
            .unwrap()
    })
}

#[tokio::test]
async fn every_bound_is_refused_by_name_and_a_refusal_does_not_hold_up_its_batch() {
    let limits = BoardLimits { value_bytes: 8, keys: 2, total_bytes: 300, subscribers: 1, ..BoardLimits::default() };
    let (board, _, _folder) = board(limits);
    let tenant = Tenant::default();
    let set = async |name: &str, value: &str| board.set(&tenant, &key(name), value.into(), Ttl::Forever).await;
    let (long, short) = tokio::join!(set("a", "123456789"), set("a", "1"));
    assert!(matches!(long, Err(BoardError::Limit(text)) if text.contains("8B")));
    assert_eq!(short, Ok(()));
    set("b", "1").await.unwrap();
    assert!(matches!(set("c", "1").await, Err(BoardError::Limit(text)) if text.contains("2 keys")));
    set("b", "2").await.unwrap();
    board.delete(&tenant, &key("a")).await.unwrap();
    assert!(matches!(set(&"k".repeat(100), "1").await, Err(BoardError::Limit(text)) if text.contains("300B")));
    let held = board.subscribe(&tenant, vec![Glob::new("*")]).unwrap();
    assert!(matches!(board.subscribe(&tenant, vec![Glob::new("*")]), Err(BoardError::Limit(_))));
    drop(held);
    assert!(board.subscribe(&tenant, vec![Glob::new("*")]).is_ok());
}

#[tokio::test]
async fn expired_values_are_gone_at_once_and_their_rows_with_the_next_writes() {
    let (board, clock, _folder) = board(BoardLimits::default());
    let (tenant, other) = (Tenant::default(), Tenant::new("other").unwrap());
    for number in 0..4 {
        let ttl = Ttl::For(std::time::Duration::from_millis(10));
        board.set(&tenant, &key(&format!("k{number}")), "1".into(), ttl).await.unwrap();
    }
    board.set(&tenant, &key("kept"), "1".into(), Ttl::Forever).await.unwrap();
    clock.0.store(10, Ordering::Relaxed);
    assert_eq!(board.get(&tenant, &key("k0")).await, Ok(None));
    assert_eq!(board.delete(&tenant, &key("k0")).await, Ok(false));
    let all = Selection::all(Glob::new("*"));
    assert_eq!(board.keys(&tenant, &all, 10).await, Ok(vec![key("kept")]));
    assert_eq!(totals(&board, &tenant)[0].0, 4);
    for _ in 0..2 {
        board.set(&other, &key("any"), "1".into(), Ttl::Forever).await.unwrap();
    }
    assert_eq!(totals(&board, &tenant)[0].0, 1);
    assert_eq!(board.clear(&tenant, &all).await, Ok(1));
    for tenant in [tenant, other] {
        let [counted, held] = totals(&board, &tenant);
        assert_eq!(counted, held);
    }
}

#[tokio::test]
async fn messages_are_written_only_while_another_process_listens_and_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Clock::default());
    let open = || DiskBoard::open(folder.path(), BoardLimits::default(), clock.clone()).unwrap();
    let (board, other, tenant) = (open(), open(), Tenant::default());
    let written = || {
        let count = |connection: &rusqlite::Connection| {
            connection.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, i64>(0))
        };
        board.database.read(count).unwrap()
    };
    let send = async |channel: &str| {
        let message = Message {
            id: "01".into(),
            channel: crate::Channel::new(channel).unwrap(),
            payload: "1".into(),
            source: None,
            hops: 0,
            published_at: Timestamp(0),
        };
        board.publish(&tenant, message).await.unwrap()
    };
    let _own = board.subscribe(&tenant, vec![Glob::new("*")]).unwrap();
    assert_eq!((send("a").await, written()), (1, 0));
    let _others = other.subscribe(&tenant, vec![Glob::new("b")]).unwrap();
    assert_eq!((send("a").await, written()), (1, 0));
    for _ in 0..5 {
        assert_eq!(send("b").await, 2);
    }
    assert_eq!(written(), 5);
    // Later than messages are kept, but not than a listener counts: it is renewed by the clock that was.
    clock.0.store(5_000, Ordering::Relaxed);
    let _again = other.subscribe(&tenant, vec![Glob::new("b")]).unwrap();
    clock.0.store(10_500, Ordering::Relaxed);
    for _ in 0..5 {
        assert_eq!(send("b").await, 2);
    }
    assert_eq!(written(), 5);
}
