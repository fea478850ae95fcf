use skillhost_types::System;
use tempfile::TempDir;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn run() -> RunId {
    RunId::new(&System)
}

fn call(key: &str, input: &str) -> Call {
    Call::new(Tenant::default(), "ci", "healthy", "echo", key, input)
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
    let of = |tenant: &str, token: &str, skill: &str, tool: &str, key: &str| {
        Call::new(tenant.parse().unwrap(), token, skill, tool, key, "{}")
    };
    for call in [
        of("default", "ci", "a", "b", "k"),
        of("acme", "ci", "a", "b", "k"),
        of("default", "cli", "a", "b", "k"),
        of("default", "ci", "ab", "", "k"),
        of("default", "ci", "a", "bk", ""),
    ] {
        assert!(matches!(answers.claim(&call, run(), NOW).await.unwrap(), Claim::First(_)));
    }
    let other = Call::new(Tenant::default(), "ci", "a", "b", "k", "{ }");
    assert!(matches!(answers.claim(&other, run(), NOW).await.unwrap(), Claim::OtherInput(_)));
}

#[tokio::test]
async fn a_tenant_has_room_for_so_much_and_takes_none_of_anothers() {
    let folder = TempDir::new().unwrap();
    let answers = Answers::open(folder.path()).unwrap();
    let claim = async |tenant: &str, key: &str, now| {
        let call = Call::new(tenant.parse().unwrap(), "ci", "a", "b", key, "{}");
        answers.claim(&call, run(), now).await.unwrap()
    };
    let database = Database::open(&folder.path().join(FILE), MIGRATIONS, Durability::Normal).unwrap();
    let held = || {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let sql = "SELECT keys, bytes FROM held WHERE tenant = 'default'";
        database.read(|connection| connection.query_row(sql, (), read)).unwrap()
    };
    // As if there were that many.
    let fill = |column: &str, amount: u64| {
        let sql = format!("UPDATE held SET {column} = {amount} WHERE tenant = 'default'");
        database.transact(|transaction| transaction.execute(&sql, ())).unwrap();
    };
    assert!(matches!(claim("default", "1", NOW).await, Claim::First(_)));
    let kept = Call::new(Tenant::default(), "ci", "a", "b", "1", "{}");
    answers.keep(&kept, answer("12345")).await.unwrap();
    assert_eq!(held(), (1, 5));
    fill("keys", KEYS);
    assert!(matches!(claim("default", "2", NOW).await, Claim::Full));
    assert!(matches!(claim("default", "1", NOW).await, Claim::Answered(_)), "what is kept is given all the same");
    assert!(matches!(claim("acme", "2", NOW).await, Claim::First(_)));
    answers.release(&kept).await.unwrap();
    assert_eq!(held(), (i64::try_from(KEYS).unwrap() - 1, 0));
    assert!(matches!(claim("default", "2", NOW).await, Claim::First(_)));
    fill("keys", 2);
    fill("bytes", BYTES);
    assert!(matches!(claim("default", "3", NOW).await, Claim::Full));
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
}
