use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use rusqlite::Transaction;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::lead::{SHORT, SWIFT};
use crate::{Commit, Database, Durability, Health, QueueLimits, Weigh, WriteError, Writer};

/// What happens as it is written.
enum Entry {
    Nothing,
    /// As many bytes go into the file.
    Long(usize),
    /// The disk takes its time.
    Slow,
    /// The first tells that it is being written, and waits for the second; without which it panics.
    Held(SyncSender<()>, Receiver<()>),
    Fails,
    /// Takes longer than its weight lets expect.
    Broad,
}

impl Weigh for Entry {
    fn weight(&self) -> usize {
        if let Self::Long(length) = self { *length } else { 1 }
    }

    fn is_plain(&self) -> bool {
        !matches!(self, Self::Broad)
    }
}

/// On which threads were the transactions?
type Threads = Arc<Mutex<Vec<ThreadId>>>;

struct Watched(Threads);

impl Commit for Watched {
    type Entry = Entry;
    type Receipt = ();

    fn begin(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }

    fn write(&mut self, transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
        let mut length = 0;
        match entry {
            Entry::Nothing | Entry::Broad => {}
            Entry::Long(long) => length = *long,
            Entry::Slow => std::thread::sleep(2 * SWIFT),
            Entry::Held(begun, go) => {
                begun.send(()).unwrap();
                go.recv().unwrap();
            }
            Entry::Fails => return Err(rusqlite::Error::InvalidQuery),
        }
        transaction.execute("INSERT INTO entries (body) VALUES (zeroblob(?1))", (length as i64,)).map(drop)
    }

    fn finish(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }

    fn committed(&mut self) {
        self.0.lock().unwrap().push(std::thread::current().id());
    }
}

/// A writer whose thread sleeps.
struct Fixture {
    folder: TempDir,
    database: Database,
    writer: Arc<Writer<Watched>>,
    threads: Threads,
}

impl Fixture {
    fn new(durability: Durability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let migrations = &["CREATE TABLE entries (id INTEGER PRIMARY KEY, body BLOB)"];
        let database = Database::open(&folder.path().join("x.db"), migrations, durability).unwrap();
        let threads = Threads::default();
        let writer = database.writer(Watched(threads.clone()), QueueLimits::default()).unwrap();
        let fixture = Self { folder, database, writer: Arc::new(writer), threads };
        fixture.rest();
        fixture
    }

    /// Until the thread sleeps.
    fn rest(&self) {
        while !matches!(self.writer.queue.lock().thread, super::Thread::Lingering | super::Thread::Idle) {
            std::thread::yield_now();
        }
    }

    /// The same, and the last commit was quick.
    fn quick(&self) {
        let processors = std::thread::available_parallelism().unwrap().get();
        assert!(processors > 1, "with one processor nobody commits alone, so this cannot be tested");
        self.rest();
        self.writer.queue.lock().swift = true;
    }

    /// Has an entry be written by its sender until it is let go on.
    fn hold(&self) -> (JoinHandle<Result<(), WriteError>>, SyncSender<()>) {
        self.quick();
        let ((begun, is_begun), (go, may_go)) = (sync_channel(1), sync_channel(1));
        let held = self.send(Entry::Held(begun, may_go));
        is_begun.recv().unwrap();
        assert!(self.writer.queue.lock().led);
        (held, go)
    }

    fn send(&self, entry: Entry) -> JoinHandle<Result<(), WriteError>> {
        let writer = self.writer.clone();
        tokio::spawn(async move { writer.durable(entry).await })
    }

    /// Writes `entry` when the thread sleeps, and says whether that was done here.
    async fn write(&self, entry: Entry) -> bool {
        self.rest();
        self.writer.durable(entry).await.unwrap();
        *self.threads.lock().unwrap().last().unwrap() == std::thread::current().id()
    }

    /// Until a commit is made here: on a busy machine, some take long.
    async fn leads_again(&self) {
        for _ in 0..1_000 {
            if self.write(Entry::Nothing).await {
                return;
            }
        }
        panic!("all commits were the thread's");
    }

    fn written(&self) -> usize {
        let count = |row: &rusqlite::Row<'_>| row.get::<_, u32>(0);
        self.database.read(|reader| reader.query_row("SELECT count(*) FROM entries", (), count)).unwrap() as usize
    }
}

#[tokio::test]
async fn who_is_alone_commits_at_once_and_wakes_nobody() {
    let fixture = Fixture::new(Durability::Normal);
    assert!(!fixture.write(Entry::Nothing).await, "the first commit waits for the disk");
    for _ in 0..10 {
        fixture.quick();
        assert!(fixture.write(Entry::Nothing).await);
    }
    for long in [Entry::Long(SHORT + 1), Entry::Broad] {
        fixture.quick();
        assert!(!fixture.write(long).await);
    }
    // Where every commit waits for the disk, the thread does.
    let full = Fixture::new(Durability::Full);
    full.quick();
    assert!(!full.write(Entry::Nothing).await);
}

#[tokio::test]
async fn a_slow_disk_holds_up_one_caller_once_and_then_the_thread() {
    let fixture = Fixture::new(Durability::Normal);
    fixture.quick();
    assert!(fixture.write(Entry::Slow).await);
    assert!(!fixture.write(Entry::Slow).await);
    assert!(!fixture.write(Entry::Nothing).await);
    fixture.leads_again().await;
}

#[tokio::test]
async fn who_finds_the_database_taken_leaves_it_to_the_thread() {
    let fixture = Fixture::new(Durability::Normal);
    let other = rusqlite::Connection::open(fixture.folder.path().join("x.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    fixture.quick();
    let mut written = std::pin::pin!(fixture.write(Entry::Nothing));
    tokio::select! {
        biased;
        _ = &mut written => panic!("it did not wait"),
        () = std::future::ready(()) => {}
    }
    other.execute_batch("ROLLBACK").unwrap();
    assert!(!written.await);
}

#[tokio::test]
async fn a_failure_is_the_senders_and_the_thread_sees_whether_it_lasts() {
    let fixture = Fixture::new(Durability::Normal);
    fixture.quick();
    assert!(matches!(fixture.writer.durable(Entry::Fails).await, Err(WriteError::Failed(_))));
    assert!(matches!(fixture.writer.health(), Health::Failing { kept: 0, .. }));
    fixture.quick();
    assert!(!fixture.write(Entry::Nothing).await);
    assert!(matches!(fixture.writer.health(), Health::Well));
    fixture.leads_again().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_comes_while_one_commits_alone_is_written_behind_it() {
    let fixture = Fixture::new(Durability::Normal);
    let (first, go) = fixture.hold();
    let second = fixture.send(Entry::Nothing);
    fixture.writer.relaxed(Entry::Nothing).await.unwrap();
    let flushed = tokio::spawn({
        let writer = fixture.writer.clone();
        async move { writer.flush().await }
    });
    while fixture.writer.queue.lock().queue.len() < 2 || fixture.writer.queue.lock().flushes.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!flushed.is_finished() && fixture.written() == 0);
    go.send(()).unwrap();
    flushed.await.unwrap().unwrap();
    assert_eq!(fixture.written(), 3);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_end_waits_for_who_commits_alone() {
    let fixture = Fixture::new(Durability::Normal);
    let (held, go) = fixture.hold();
    let closed = tokio::task::spawn_blocking({
        let writer = fixture.writer.clone();
        move || writer.close()
    });
    while fixture.writer.queue.lock().thread != super::Thread::Behind {
        tokio::task::yield_now().await;
    }
    assert!(!closed.is_finished());
    go.send(()).unwrap();
    closed.await.unwrap().unwrap();
    held.await.unwrap().unwrap();
    assert_eq!(fixture.written(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_panics_leaves_nobody_waiting_and_loses_nothing_of_others() {
    let fixture = Fixture::new(Durability::Normal);
    let (held, go) = fixture.hold();
    fixture.writer.relaxed(Entry::Nothing).await.unwrap();
    let behind = fixture.send(Entry::Nothing);
    while fixture.writer.queue.lock().queue.len() < 2 {
        tokio::task::yield_now().await;
    }
    drop(go);
    assert!(held.await.is_err());
    behind.await.unwrap().unwrap();
    fixture.writer.close().unwrap();
    assert_eq!(fixture.written(), 2);
    assert!(matches!(fixture.writer.durable(Entry::Nothing).await, Err(WriteError::Closed)));
    assert!(fixture.writer.flush().await.is_err());
}

#[tokio::test]
async fn the_write_ahead_log_is_copied_by_the_thread_when_there_is_enough_of_it() {
    let fixture = Fixture::new(Durability::Normal);
    let size = |name: &str| std::fs::metadata(fixture.folder.path().join(name)).unwrap().len();
    // Short ones, of which who is alone writes most.
    let mut here = 0;
    for _ in 0..1_024 {
        here += usize::from(fixture.write(Entry::Long(SHORT)).await);
    }
    fixture.rest();
    assert!(here > 0);
    assert!(size("x.db") >= 8 << 20, "{}", size("x.db"));
    assert!(size("x.db-wal") < 48 << 20, "{}", size("x.db-wal"));
    // While somebody reads what was, the log cannot be copied whole, and the thread looks after that.
    let reader = rusqlite::Connection::open(fixture.folder.path().join("x.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row("SELECT count(*) FROM entries", (), |_| Ok(())).unwrap();
    for _ in 0..40 {
        fixture.write(Entry::Long(1 << 20)).await;
    }
    fixture.quick();
    assert!(!fixture.write(Entry::Nothing).await);
    drop(reader);
    fixture.leads_again().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_wait_at_once_share_a_commit() {
    let (callers, each) = (16, 50);
    let fixture = Fixture::new(Durability::Normal);
    let (held, go) = fixture.hold();
    let call = |writer: Arc<Writer<Watched>>| async move {
        for _ in 0..each {
            writer.durable(Entry::Nothing).await.unwrap();
        }
    };
    let calls: Vec<_> = (0..callers).map(|_| tokio::spawn(call(fixture.writer.clone()))).collect();
    while fixture.writer.queue.lock().queue.len() < callers {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(fixture.written(), 1 + callers * each);
    let transactions = fixture.threads.lock().unwrap().len();
    assert!(transactions < callers * each / 4, "{transactions} transactions");
}
