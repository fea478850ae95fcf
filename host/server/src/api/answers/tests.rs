use skillhost_types::System;
use tempfile::TempDir;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Two tokens.
const CI: i64 = 7;
const CLI: i64 = -7;

fn run() -> RunId {
    RunId::new(&System)
}

fn call(key: &str, input: &str) -> Call {
    Call::new(Tenant::default(), CI, "healthy", "echo", key, input)
}

fn answer(text: &str) -> Answer {
    Answer { status: StatusCode::OK, body: Bytes::from(text.to_owned()) }
}

fn later(by: Duration) -> Timestamp {
    Timestamp(NOW.0 + u64::try_from(by.as_millis()).unwrap())
}

#[tokio::test]
async fn an_outcome_is_given_again_for_a_day_and_no_longer() {
    let folder = TempDir::new().unwrap();
    let answers = Answers::open(folder.path()).unwrap();
    let (call, first) = (call("k", "{}"), run());
    let Claim::First(running) = answers.claim(&call, first, NOW).await.unwrap() else { panic!("it is the first") };
    assert!(matches!(answers.claim(&call, run(), NOW).await.unwrap(), Claim::Runs(run) if run == first));
    answers.keep(&call, answer("out")).await.unwrap();
    drop(running);
    drop(answers);

    let answers = Answers::open(folder.path()).unwrap();
    let last = later(KEPT);
    assert!(
        matches!(answers.claim(&call, run(), last).await.unwrap(), Claim::Answered(given) if given == answer("out"))
    );
    let next = later(KEPT + Duration::from_millis(1));
    assert!(matches!(answers.claim(&call, run(), next).await.unwrap(), Claim::First(_)));
}

#[tokio::test]
async fn a_claim_whose_process_is_gone_is_lost_and_not_free() {
    let folder = TempDir::new().unwrap();
    let first = run();
    let answers = Answers::open(folder.path()).unwrap();
    drop(answers.claim(&call("k", "{}"), first, NOW).await.unwrap());
    drop(answers);
    let answers = Answers::open(folder.path()).unwrap();
    assert!(matches!(answers.claim(&call("k", "{}"), run(), NOW).await.unwrap(), Claim::Lost(run) if run == first));
    answers.release(&call("k", "{}")).await.unwrap();
    assert!(matches!(answers.claim(&call("k", "{}"), run(), NOW).await.unwrap(), Claim::First(_)));
}

#[tokio::test]
async fn a_key_is_one_tenants_one_tokens_and_one_tools_and_for_one_input() {
    let folder = TempDir::new().unwrap();
    let answers = Answers::open(folder.path()).unwrap();
    let of = |tenant: &str, token: i64, skill: &str, tool: &str, key: &str| {
        Call::new(tenant.parse().unwrap(), token, skill, tool, key, "{}")
    };
    for call in [
        of("default", CI, "a", "b", "k"),
        of("acme", CI, "a", "b", "k"),
        of("default", CLI, "a", "b", "k"),
        of("default", CI, "ab", "", "k"),
        of("default", CI, "a", "bk", ""),
    ] {
        assert!(matches!(answers.claim(&call, run(), NOW).await.unwrap(), Claim::First(_)));
    }
    let other = Call::new(Tenant::default(), CI, "a", "b", "k", "{ }");
    assert!(matches!(answers.claim(&other, run(), NOW).await.unwrap(), Claim::OtherInput(_)));
}

#[tokio::test]
async fn a_token_and_a_tenant_have_room_for_so_much_and_take_none_of_anothers() {
    let folder = TempDir::new().unwrap();
    let answers = Answers::open(folder.path()).unwrap();
    let of = |tenant: &str, token, key: &str| Call::new(tenant.parse().unwrap(), token, "a", "b", key, "{}");
    let claim =
        async |tenant: &str, token, key: &str| answers.claim(&of(tenant, token, key), run(), NOW).await.unwrap();
    let database = Database::open(&folder.path().join(FILE), MIGRATIONS, Durability::Normal).unwrap();
    let held = || {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let sql = "SELECT keys, bytes FROM held WHERE tenant = 'default' AND token = ?1";
        database.read(|connection| connection.query_row(sql, (CI,), read)).unwrap()
    };
    // As if there were that many.
    let fill = |token: i64, room: Room| {
        let sql = "INSERT OR REPLACE INTO held VALUES ('default', ?1, ?2, ?3)";
        database.transact(|transaction| transaction.execute(sql, (token, room.keys, room.bytes))).unwrap();
    };
    assert!(matches!(claim("default", CI, "1").await, Claim::First(_)));
    let kept = of("default", CI, "1");
    answers.keep(&kept, answer("12345")).await.unwrap();
    assert_eq!(held(), (1, 5));

    fill(CI, Room { keys: OF_TOKEN.keys, bytes: 5 });
    assert!(matches!(claim("default", CI, "2").await, Claim::Full));
    assert!(matches!(claim("default", CI, "1").await, Claim::Answered(_)), "what is kept is given all the same");
    assert!(matches!(claim("default", CLI, "2").await, Claim::First(_)), "another token has its own share");
    answers.release(&kept).await.unwrap();
    assert_eq!(held(), (OF_TOKEN.keys - 1, 0));
    assert!(matches!(claim("default", CI, "2").await, Claim::First(_)));
    fill(CI, Room { keys: 2, bytes: OF_TOKEN.bytes });
    assert!(matches!(claim("default", CI, "3").await, Claim::Full));

    for other in 0..3 {
        fill(other, Room { keys: OF_TOKEN.keys, bytes: OF_TOKEN.bytes });
    }
    assert!(matches!(claim("default", CLI, "4").await, Claim::Full), "all of its tokens fill a tenant");
    assert!(matches!(claim("acme", CI, "4").await, Claim::First(_)));
}

#[tokio::test]
async fn what_is_out_of_date_goes_by_and_by() {
    let folder = TempDir::new().unwrap();
    let answers = Answers::open(folder.path()).unwrap();
    for key in 0..40 {
        drop(answers.claim(&call(&format!("old {key}"), "{}"), run(), NOW).await.unwrap());
    }
    for key in 0..3 {
        drop(answers.claim(&call(&format!("new {key}"), "{}"), run(), later(KEPT * 2)).await.unwrap());
    }
    let database = Database::open(&folder.path().join(FILE), MIGRATIONS, Durability::Normal).unwrap();
    let counted =
        |sql: &str| database.read(|connection| connection.query_row(sql, (), |row| row.get::<_, i64>(0))).unwrap();
    assert_eq!((counted("SELECT count(*) FROM answers"), counted("SELECT sum(keys) FROM held")), (3, 3));
    for key in 0..3 {
        answers.release(&call(&format!("new {key}"), "{}")).await.unwrap();
    }
    assert_eq!(counted("SELECT count(*) FROM held"), 0, "who has none is not kept");
}
