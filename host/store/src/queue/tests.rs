use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Transaction;

use crate::{Commit, Database, Durability, QueueLimits, Weigh, Writer};

struct Entry;

impl Weigh for Entry {
    fn weight(&self) -> usize {
        1
    }
}

/// Counts transactions.
struct Counted(Arc<AtomicUsize>);

impl Commit for Counted {
    type Entry = Entry;
    type Receipt = ();

    fn begin(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }

    fn write(&mut self, transaction: &Transaction<'_>, _: &Entry) -> rusqlite::Result<()> {
        transaction.execute("INSERT INTO entries DEFAULT VALUES", ()).map(drop)
    }

    fn finish(&mut self, _: &Transaction<'_>) -> rusqlite::Result<()> {
        Ok(())
    }

    fn committed(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Has so many callers wait for so many commits each. Gives the number of transactions that this took.
async fn transactions(callers: usize, each: usize) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let migrations = &["CREATE TABLE entries (id INTEGER PRIMARY KEY)"];
    let database = Database::open(&folder.path().join("x.db"), migrations, Durability::Normal).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let writer: Arc<Writer<Counted>> =
        Arc::new(database.writer(Counted(count.clone()), QueueLimits::default()).unwrap());
    let call = |writer: Arc<Writer<Counted>>| async move {
        for _ in 0..each {
            writer.durable(Entry).await.unwrap();
        }
    };
    let calls: Vec<_> = (0..callers).map(|_| tokio::spawn(call(writer.clone()))).collect();
    for call in calls {
        call.await.unwrap();
    }
    let written: u32 =
        database.read(|reader| reader.query_row("SELECT count(*) FROM entries", (), |row| row.get(0))).unwrap();
    assert_eq!(written as usize, callers * each);
    count.load(Ordering::Relaxed)
}

#[tokio::test]
async fn callers_who_wait_at_once_share_a_commit_and_one_alone_has_its_own() {
    let shared = transactions(16, 50).await;
    assert!(shared < 16 * 50 / 4, "{shared} transactions");
    assert_eq!(transactions(1, 50).await, 50);
}
