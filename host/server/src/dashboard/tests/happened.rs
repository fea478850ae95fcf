//! What sessions of several tenants and roles see of what happened, through the routes.

use serde_json::{Value, json};
use skillhost_events::{NewEvent, Recording};
use skillhost_types::{
    Caller, ErrorKind, HostCallRecord, Level, LogLine, RunError, RunId, RunRecord, System, Tenant, Usage,
};

use super::*;

impl Pages {
    /// The page, which is there.
    async fn page(&self, cookie: &str, path: &str) -> String {
        let answer = self.get(path, Some(cookie)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.text
    }

    /// A run of `skill` for `tenant`, on record.
    async fn ran(&self, skill: &str, tenant: &str, error: Option<RunError>) -> RunId {
        let run = RunId::new(&System);
        let record = RunRecord {
            run,
            skill: skill.into(),
            tool: "summarize".into(),
            digest: None,
            tenant: Tenant::new(tenant).unwrap(),
            caller: Caller::Cli,
            started_at: run.started_at(),
            ok: error.is_none(),
            output: None,
            error,
            usage: Usage { wall_us: 3_200, host_calls: 2, ..Usage::default() },
            log: vec![LogLine { level: Level::Warn, from: "run".into(), message: "a word of \u{202e}warning".into() }],
            calls: vec![HostCallRecord {
                call: "blackboard.get".into(),
                what: "<b>key</b>".into(),
                at_us: 100,
                took_us: 50,
                error: Some("not granted".into()),
            }],
        };
        self.host.events().record_run(&record, Recording::Durable).await.unwrap();
        run
    }

    async fn happened(&self, kind: &str, tenant: Option<&str>, data: Value) {
        let tenant = tenant.map(|tenant| Tenant::new(tenant).unwrap());
        let event = NewEvent { kind: kind.into(), source: "textkit".into(), run: None, tenant, data };
        self.host.events().append(event).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_is_shown_with_its_calls_its_log_and_its_error() {
    let pages = Pages::new(|_| {}).await;
    let (cookie, _) = pages.reader(Role::Viewer, "*").await;
    let error = RunError::new(ErrorKind::ToolError, "no <i>such</i> text");
    let run = pages.ran("textkit", "default", Some(error)).await;
    let page = pages.page(&cookie, &format!("/runs/{run}")).await;
    for shown in
        ["blackboard.get", "&#60;b&#62;key", "not granted", "+100 µs", "no &#60;i&#62;such", "tool-error", "3.20 ms"]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(page.contains(r"a word of \u{202e}warning"), "what is unseen is made visible");
    assert!(page.contains("Counted but not listed: 1"));
    assert!(!page.contains("<b>") && !page.contains("<i>"));
}

#[tokio::test]
async fn runs_are_found_by_skill_and_outcome() {
    let pages = Pages::new(|_| {}).await;
    let (cookie, _) = pages.reader(Role::Viewer, "*").await;
    let well = pages.ran("a", "default", None).await.to_string();
    let badly = pages.ran("a", "default", Some(RunError::new(ErrorKind::Trap, "trapped"))).await.to_string();
    let other = pages.ran("b", "default", None).await.to_string();
    for (query, shown) in [
        ("", [true, true, true]),
        ("?skill=a", [true, true, false]),
        ("?skill=a&outcome=failed", [false, true, false]),
        ("?outcome=ok", [true, false, true]),
        ("?skill=nobody", [false; 3]),
    ] {
        let page = pages.page(&cookie, &format!("/runs{query}")).await;
        assert_eq!([&well, &badly, &other].map(|run| page.contains(run.as_str())), shown, "{query}");
    }
}

#[tokio::test]
async fn what_is_another_tenants_is_not_there() {
    let pages = Pages::new(|_| {}).await;
    let (cookie, _) = pages.reader(Role::Admin, "ours").await;
    let (ours, theirs) = (pages.ran("textkit", "ours", None).await, pages.ran("textkit", "theirs", None).await);
    pages.happened("skill.note", Some("theirs"), json!({"secret": "theirs-only"})).await;
    let page = pages.page(&cookie, "/runs").await;
    assert!(page.contains(&ours.to_string()) && !page.contains(&theirs.to_string()));
    assert_eq!(pages.get(&format!("/runs/{theirs}"), Some(&cookie)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(pages.get("/runs/nonsense", Some(&cookie)).await.status, StatusCode::NOT_FOUND);
    for path in ["/events", "/activity?all=on", "/activity/new?after=0&all=on", &format!("/events?run={theirs}")] {
        let page = pages.page(&cookie, path).await;
        assert!(!page.contains("theirs-only") && !page.contains(&format!("/runs/{theirs}")), "{path}: {page}");
    }
    for path in ["/agents", "/models", "/ledger"] {
        pages.page(&cookie, path).await;
    }
    assert!(pages.page(&cookie, "/ledger?account=tenant:theirs").await.contains("Entries of <code>tenant:ours</code>"));
}

#[tokio::test]
async fn a_session_of_one_tenant_sees_of_the_hosts_own_events_what_the_feed_tells_it() {
    let pages = Pages::new(|_| {}).await;
    let (cookie, _) = pages.reader(Role::Viewer, "ours").await;
    for (kind, told) in [("skill.note", "of-all"), ("approval.note", "of-nobody")] {
        pages.happened(kind, None, json!({"note": told})).await;
    }
    for path in ["/events", "/activity?all=on", "/activity/new?after=0&all=on"] {
        let page = pages.page(&cookie, path).await;
        assert!(page.contains("of-all") && !page.contains("of-nobody"), "{path}: {page}");
    }
}

#[tokio::test]
async fn the_log_is_paged_both_ways_without_a_gap_or_a_repeat() {
    let pages = Pages::new(|_| {}).await;
    let (cookie, _) = pages.reader(Role::Viewer, "*").await;
    for number in 1..=250 {
        pages.happened("skill.note", None, json!({"step": format!("n{number}.")})).await;
    }
    let link = |page: &str, rel: &str| {
        let (_, rest) = page.split_once(&format!("rel=\"{rel}\" href=\""))?;
        Some(rest.split('"').next().unwrap().replace("&#38;", "&"))
    };
    let numbers = |page: &str| -> Vec<u32> {
        page.split("&#34;n").skip(1).map(|rest| rest.split('.').next().unwrap().parse().unwrap()).collect()
    };
    let mut page = pages.page(&cookie, "/events?kind=skill.*").await;
    let mut seen = numbers(&page);
    assert!(link(&page, "prev").is_none(), "there is nothing newer");
    while let Some(older) = link(&page, "next") {
        page = pages.page(&cookie, &older).await;
        seen.extend(numbers(&page));
    }
    // Each is there twice: in a line, and whole.
    seen.dedup();
    assert_eq!(seen, (1..=250).rev().collect::<Vec<_>>());
    let mut back = numbers(&page);
    while let Some(newer) = link(&page, "prev") {
        page = pages.page(&cookie, &newer).await;
        back.splice(0..0, numbers(&page));
        assert!(back.len() <= 500, "it ends");
    }
    back.dedup();
    assert_eq!(back, (1..=250).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_new_comes_once_and_a_gap_is_told() {
    let pages = Pages::new(|_| {}).await;
    let (cookie, _) = pages.reader(Role::Viewer, "*").await;
    pages.happened("skill.note", None, json!({})).await;
    let news = async |after: u64| {
        let text = pages.page(&cookie, &format!("/activity/new?family=skill&after={after}")).await;
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let first = news(0).await;
    let head = first["head"].as_u64().unwrap();
    assert_eq!((first["events"].as_array().unwrap().len(), &first["gap"]), (1, &json!(false)));
    assert_eq!(first["events"][0]["event_type"], "skill.note");
    pages.happened("message.published", None, json!({})).await;
    let second = news(head).await;
    assert_eq!(
        (&second["events"], &second["head"]),
        (&json!([]), &json!(head + 1)),
        "of another family, and behind us"
    );
    for _ in 0..120 {
        pages.happened("skill.note", None, json!({})).await;
    }
    let third = news(head).await;
    assert_eq!((third["events"].as_array().unwrap().len(), &third["gap"]), (100, &json!(true)));
    assert_eq!(third["events"][99]["seq"], third["head"]);
}

#[tokio::test]
async fn only_a_caller_lets_parked_messages_wait_again() {
    let pages = Pages::new(|_| {}).await;
    for (role, status) in [(Role::Viewer, StatusCode::FORBIDDEN), (Role::Caller, StatusCode::SEE_OTHER)] {
        let (cookie, mark) = pages.reader(role, "*").await;
        let replay =
            async |mark: &str| pages.post("/agents/replay", Some(&cookie), Some(OWN), &[("csrf", mark)]).await.status;
        assert_eq!(replay(&mark).await, status, "{role}");
        assert_eq!(replay("0").await, StatusCode::FORBIDDEN, "{role}");
    }
}
