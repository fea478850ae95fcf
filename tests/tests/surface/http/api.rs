//! What reads: lists, pages, and what is told to whoever asks for nonsense.

use serde_json::{Value, json};
use skillhost_tests::World;

use super::{call, runs, started};

#[test]
fn lists_are_what_the_command_line_prints() {
    let world = World::with(&["healthy", "greedy", "liar-not-utf8"]);
    let (_up, admin) = started(&world);
    let sorted = |list: Value| {
        let mut list = list.as_array().unwrap().clone();
        list.sort_by_key(|entry| entry["file"].to_string());
        list
    };
    assert_eq!(sorted(admin.get("/api/skills").json()), sorted(world.run(&["list", "--json"]).json()));
    for skill in ["healthy", "greedy", "liar-not-utf8"] {
        let inspected = world.run(&["inspect", skill, "--json"]).json();
        assert_eq!(admin.get(&format!("/api/skills/{skill}")).json(), inspected);
    }
    admin.get("/api/skills/nobody").problem(404);
    assert_eq!(admin.get("/api/approvals").json(), world.run(&["approvals", "--json"]).json());
    assert_eq!(admin.get("/api/budget").json(), world.run(&["budget", "--json"]).json());
    assert_eq!(admin.get("/api/agents").json(), world.run(&["agents", "--json"]).json());
}

#[test]
fn runs_come_newest_first_and_as_many_as_are_asked_for() {
    let world = World::with(&["healthy", "errors"]).allowing_all();
    let (_up, admin) = started(&world);
    let names: Vec<Value> =
        (0..5).map(|n| call(&admin, "healthy.echo", &json!({"n": n})).json()["run"].clone()).collect();
    call(&admin, "errors.failed", &json!({}));
    let of = |query: &str| admin.get(&format!("/api/runs?{query}")).json().as_array().unwrap().clone();
    let newest: Vec<_> = of("skill=healthy&limit=2").iter().map(|run| run["run"].clone()).collect();
    assert_eq!(newest, [names[4].clone(), names[3].clone()]);
    assert_eq!((of("skill=errors").len(), of("skill=nobody").len(), runs(&admin).len()), (1, 0, 6));
    for query in
        ["limit=0", "limit=1001", "limit=-1", "limit=ten", "limit=1&limit=2", "skil=healthy", "skill=%ff&skill="]
    {
        admin.get(&format!("/api/runs?{query}")).problem(400);
    }
    for run in ["nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "%20"] {
        admin.get(&format!("/api/runs/{run}")).problem(404);
    }
}

#[test]
fn events_are_read_in_pages_in_the_order_of_the_log() {
    let world = World::with(&["healthy"]).allowing_all();
    let (_up, admin) = started(&world);
    (0..150).for_each(|n| drop(call(&admin, "healthy.echo", &json!({"n": n}))));
    let of = |query: &str| admin.get(&format!("/api/events?{query}")).json().as_array().unwrap().clone();
    let seq = |event: &Value| event["seq"].as_u64().unwrap();
    let last = of("");
    assert_eq!(last.len(), 100);
    assert!(last.is_sorted_by_key(seq));
    // Page after page, all of them and each once.
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = of(&format!("after={after}&limit=37"));
        let Some(end) = page.last() else { break };
        after = seq(end);
        all.extend(page);
    }
    assert_eq!(all, of("after=0&limit=1000"));
    assert_eq!(&all[all.len() - 100..], last);
    assert_eq!(all.iter().map(seq).collect::<Vec<_>>(), (1..=all.len() as u64).collect::<Vec<_>>());
    let kinds = |query: &str| {
        let mut kinds: Vec<_> = of(query).iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds("kind=tool.*"), ["tool.called", "tool.completed"]);
    for query in ["kind=tool.called,skill.absorbed", "kind=tool.called&kind=skill.absorbed"] {
        assert_eq!(kinds(&format!("after=0&limit=1000&{query}")), ["skill.absorbed", "tool.called"], "{query}");
    }
    assert_eq!(of("kind=tool.completed&limit=3").len(), 3);
    assert_eq!(of("after=18446744073709551615"), Vec::<Value>::new());
    for query in ["after=-1", "after=x", "limit=0", "limit=1001", "kinds=a", &format!("kind={}", "a,".repeat(33))] {
        admin.get(&format!("/api/events?{query}")).problem(400);
    }
}

#[test]
fn an_approval_is_decided_once_in_whole_or_in_part() {
    let world = World::with(&["greedy", "healthy"]);
    let (_up, admin) = started(&world);
    let queue = admin.get("/api/approvals").json();
    let id = queue[0]["id"].as_str().unwrap();
    assert_eq!((queue.as_array().unwrap().len(), &queue[0]["skill"]), (1, &json!("greedy")));
    let approve = |body: &Value| admin.post(&format!("/api/approvals/{id}/approve"), body);
    for wrong in [
        json!({"only": ["nonsense"]}),
        json!({"only": "x"}),
        json!({"onyl": []}),
        json!([]),
        json!({"only": ["fs.read elsewhere"]}),
    ] {
        approve(&wrong).problem(400);
    }
    let decided = approve(&json!({"only": ["blackboard.read mine:*"]}));
    assert_eq!(decided.status, 200, "{}", decided.text());
    let decided = decided.json();
    assert_eq!(
        (&decided["granted"], &decided["decided_by"]),
        (&json!(["blackboard.read mine:*"]), &json!("http:admin"))
    );
    assert_eq!(admin.get("/api/skills/greedy").json()["state"], "active");
    assert_eq!(call(&admin, "greedy.echo", &json!({})).status, 200);
    approve(&json!({})).problem(409);
    admin.post(&format!("/api/approvals/{id}/reject"), &json!({})).problem(409);
    admin.post("/api/approvals/nobody/approve", &json!({})).problem(404);
    assert_eq!(admin.get("/api/approvals").json(), json!([]));
    assert_eq!(admin.get("/api/approvals?all=true").json()[0]["id"], id);
    admin.get("/api/approvals?all=perhaps").problem(400);
}

#[test]
fn nonsense_is_told_as_a_problem() {
    let world = World::with(&["healthy"]).allowing_all();
    let (_up, admin) = started(&world);
    admin.get("/api/nothing").problem(404);
    admin.get("/api").problem(404);
    admin.send("DELETE", "/api/skills", &[], b"").problem(405);
    let reply = admin.send("GET", "/api/skills/healthy/tools/echo", &[], b"");
    reply.problem(405);
    assert_eq!(reply.header("allow"), Some("POST"));
}
