//! `redis-py` on one side and the board on the other: keys, times to live, channels, JSON both ways.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use skillhost_blackboard::{Blackboard, BoardError, BoardLimits, RedisBoard, Selection, Subscription, Ttl};
use skillhost_types::{Glob, System, Tenant};
use support::{Server, key, message, notices, until};

/// The version of `redis-py` that is installed where there is none.
const REDIS_PY: &str = "redis>=5,<8";

/// A Python that has `redis-py`: the system's, or one of its own beside the build's files.
fn python() -> PathBuf {
    let has_it = |python: &Path| {
        let import = Command::new(python).args(["-c", "import redis"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    };
    let system = PathBuf::from("python3");
    if has_it(&system) {
        return system;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-py");
    let own = folder.join("bin/python");
    if !has_it(&own) {
        let run = |command: &mut Command| command.status().is_ok_and(|status| status.success());
        let made = run(Command::new(&system).args(["-m", "venv"]).arg(&folder))
            && run(Command::new(&own).args(["-m", "pip", "install", "--quiet", REDIS_PY]));
        assert!(made, "no redis-py: install it with `pip install redis` for `python3`");
    }
    own
}

async fn next(subscription: &mut Subscription) -> Arc<skillhost_blackboard::Message> {
    tokio::time::timeout(Duration::from_secs(10), subscription.next()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_program_and_the_board_share_keys_times_channels_and_json() {
    // First: installing takes a while, and times to live run.
    let (python, server) = (python(), Server::start());
    let limits = BoardLimits { default_ttl: Some(Duration::from_secs(3_600)), ..BoardLimits::default() };
    let board = RedisBoard::open(server.options("timmy"), limits, Arc::new(System), notices().0).unwrap();
    let (tenant, other) = (Tenant::default(), Tenant::new("other").unwrap());
    let long = Ttl::For(Duration::from_secs(600));
    board.set(&tenant, &key("skill"), "from a skill, grün".into(), long).await.unwrap();
    board.set(&tenant, &key("forever"), "1".into(), Ttl::Forever).await.unwrap();
    board.set(&tenant, &key("default"), "1".into(), Ttl::Default).await.unwrap();
    board.set(&other, &key("skill"), "of another tenant".into(), Ttl::Default).await.unwrap();
    assert_eq!(board.add(&tenant, &key("count"), 42).await, Ok(42));
    let mut heard = board.subscribe(&tenant, vec![Glob::new("to-skill")]).unwrap();
    // The first message makes sure that the server knows of the subscription.
    assert_eq!(board.publish(&tenant, message("to-skill", "0")).await, Ok(1));
    assert_eq!(&*next(&mut heard).await.payload, "0");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/board.py");
    let mut child =
        Command::new(python).arg(script).arg(server.port().to_string()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "ready");
    let sent = message("to-python", r#"{"n":12345678901234567890,"list":[1.5,null]}"#);
    assert_eq!(board.publish(&tenant, sent).await, Ok(1));
    assert_eq!(said.next().map(Result::unwrap).as_deref(), Some("done"));
    assert!(child.wait().unwrap().success());

    let first = next(&mut heard).await;
    assert_eq!(&*first.payload, r#"{"n": 12345678901234567890, "text": "grün"}"#);
    assert_eq!((first.source.clone(), first.hops, first.id.len()), (None, 0, 26));
    // What is no JSON is left out, and nobody is believed who is no host.
    let second = next(&mut heard).await;
    assert_eq!((&*second.payload, second.source.clone(), second.hops), (r#"{"a": 1.50}"#, None, 0));

    assert_eq!(board.get(&tenant, &key("python")).await, Ok(Some("from python, grün".into())));
    assert_eq!(board.get(&tenant, &key("count")).await, Ok(Some("47".into())));
    until("what python wrote expires", Duration::from_secs(1), async || {
        board.get(&tenant, &key("soon")).await == Ok(None)
    })
    .await;
    for foreign in ["list", "bytes"] {
        let got = board.get(&tenant, &key(foreign)).await;
        assert!(matches!(&got, Err(BoardError::Invalid(text)) if text.contains(foreign)), "{got:?}");
    }
    assert!(matches!(board.add(&tenant, &key("list"), 1).await, Err(BoardError::Invalid(_))));
    let all = board.keys(&tenant, &Selection::all(Glob::new("*")), 100).await.unwrap();
    let names: Vec<&str> = all.iter().map(|key| key.as_str()).collect();
    assert_eq!(names, ["bytes", "count", "default", "forever", "python", "skill"]);
}
