//! Two and more processes on one data directory: they share keys, lose no update, and hear each other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod support;

use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use skillhost_blackboard::{Backend, Blackboard, BoardLimits, DiskBoard, Message, Selection, Subscription, Ttl};
use skillhost_types::{Glob, System, Tenant};
use support::{key, message, until};

/// Tells the program that it is the other process, and where the directory is.
const CHILD: &str = "BOARD_CHILD";

const CHILDREN: u32 = 3;

/// Updates of the counter that every process makes.
const UPDATES: u64 = 200;

fn open(folder: &Path) -> DiskBoard {
    DiskBoard::open(folder, BoardLimits::default(), Arc::new(System)).unwrap()
}

async fn next(subscription: &mut Subscription) -> Arc<Message> {
    tokio::time::timeout(Duration::from_secs(20), subscription.next()).await.unwrap().unwrap()
}

async fn count_up(board: &DiskBoard) {
    let (tenant, counter) = (Tenant::default(), key("counter"));
    for _ in 0..UPDATES {
        loop {
            let held = board.get(&tenant, &counter).await.unwrap();
            let next = held.as_deref().map_or(0, |held| held.parse::<u64>().unwrap()) + 1;
            let swap = board.compare_and_swap(&tenant, &counter, held.as_deref(), next.to_string(), Ttl::Forever);
            if swap.await.unwrap() {
                break;
            }
        }
        board.add(&tenant, &key("sum"), 1).await.unwrap();
    }
}

/// What the other process does: says that it is there, waits for the word, counts, and says that it is done.
async fn child(folder: &Path) {
    let (board, tenant) = (open(folder), Tenant::default());
    let mut heard = board.subscribe(&tenant, vec![Glob::new("parent:*")]).unwrap();
    let own = format!("of:{}", std::process::id());
    board.set(&tenant, &key(&own), "here".into(), Ttl::Forever).await.unwrap();
    assert_eq!(board.publish(&tenant, message("child:here", &format!("{{\"id\":\"{own}\"}}"))).await, Ok(1));
    assert_eq!(next(&mut heard).await.channel.as_str(), "parent:go");
    count_up(&board).await;
    assert_eq!(board.publish(&tenant, message("child:done", "null")).await, Ok(1));
    // Until it is killed.
    next(&mut heard).await;
}

struct Children(Vec<Child>);

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may have ended by itself, which the parent has noticed otherwise.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_one_directory_share_keys_counters_and_messages() {
    if let Some(folder) = std::env::var_os(CHILD) {
        return child(folder.as_ref()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let (board, tenant) = (open(folder.path()), Tenant::default());
    assert_eq!(board.health().backend, Backend::Embedded);
    let mut heard = board.subscribe(&tenant, vec![Glob::new("child:*")]).unwrap();
    let spawn = |_| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes_on_one_directory_share_keys_counters_and_messages", "--nocapture"]);
        command.env(CHILD, folder.path()).spawn().unwrap()
    };
    let children = Children((0..CHILDREN).map(spawn).collect());
    let mut said = Vec::new();
    for _ in 0..CHILDREN {
        let message = next(&mut heard).await;
        assert_eq!(
            (message.channel.as_str(), message.source.as_deref(), message.hops),
            ("child:here", Some("tester"), 2)
        );
        said.push(message.payload.to_string());
    }
    said.sort();
    let all = board.keys(&tenant, &Selection::all(Glob::new("of:*")), 10).await.unwrap();
    let mut present: Vec<String> = all.iter().map(|key| format!("{{\"id\":\"{}\"}}", key.as_str())).collect();
    present.sort();
    assert_eq!(said, present);

    assert_eq!(board.publish(&tenant, message("parent:go", "{}")).await, Ok(CHILDREN));
    count_up(&board).await;
    for _ in 0..CHILDREN {
        assert_eq!(next(&mut heard).await.channel.as_str(), "child:done");
    }
    let counted = Ok(Some((UPDATES * u64::from(CHILDREN + 1)).to_string()));
    assert_eq!(board.get(&tenant, &key("counter")).await, counted);
    assert_eq!(board.get(&tenant, &key("sum")).await, counted);

    drop(children);
    let longest = Duration::from_secs(10);
    until("killed listeners count no more", longest, async || {
        board.publish(&tenant, message("parent:late", "{}")).await == Ok(0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_keeps_what_was_written_when_its_process_ends_and_forgets_who_listened() {
    let folder = tempfile::tempdir().unwrap();
    let tenant = Tenant::default();
    let (other, mut heard) = {
        let (board, other) = (open(folder.path()), open(folder.path()));
        board.set(&tenant, &key("a"), "kept".into(), Ttl::Forever).await.unwrap();
        board.set(&tenant, &key("b"), "gone".into(), Ttl::For(Duration::from_millis(1))).await.unwrap();
        let _listens = board.subscribe(&tenant, vec![Glob::new("*")]).unwrap();
        let heard = other.subscribe(&tenant, vec![Glob::new("*")]).unwrap();
        assert_eq!(other.publish(&tenant, message("a", "1")).await, Ok(2));
        (other, heard)
    };
    assert_eq!(other.publish(&tenant, message("a", "2")).await, Ok(1));
    assert_eq!((&*next(&mut heard).await.payload, &*next(&mut heard).await.payload), ("1", "2"));
    drop(other);
    let board = open(folder.path());
    assert_eq!(board.get(&tenant, &key("a")).await, Ok(Some("kept".into())));
    until("the other expires", Duration::from_secs(1), async || board.get(&tenant, &key("b")).await == Ok(None)).await;
}
