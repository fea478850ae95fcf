//! Every endpoint, asked by everybody: nobody gets more than the contract gives.

use std::collections::BTreeSet;

use serde_json::json;
use skillhost_tests::{Http, World};

use super::started;

/// What it takes to be let in.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Takes {
    Nothing,
    /// The feed is told the token in its first message as well; what is no WebSocket gets nowhere.
    Upgrade,
    Viewer,
    Caller,
    Admin,
}

/// An endpoint as the description names it, as it is asked here, and what it answers to whoever may ask.
struct Endpoint {
    method: &'static str,
    described: &'static str,
    asked: &'static str,
    takes: Takes,
    allowed: &'static [u16],
    /// What a token of another tenant hears instead, where that is something else.
    stranger: Option<u16>,
}

const fn endpoint(
    method: &'static str,
    described: &'static str,
    asked: &'static str,
    takes: Takes,
    allowed: &'static [u16],
) -> Endpoint {
    Endpoint { method, described, asked, takes, allowed, stranger: None }
}

/// `RUN` stands for a run of the tenant `default`, `ID` for an approval that waits.
const ENDPOINTS: [Endpoint; 20] = [
    endpoint("GET", "/health", "/health", Takes::Nothing, &[200]),
    endpoint("GET", "/ready", "/ready", Takes::Nothing, &[200]),
    endpoint("GET", "/api/openapi.json", "/api/openapi.json", Takes::Nothing, &[200]),
    endpoint("GET", "/ws", "/ws", Takes::Upgrade, &[400, 426]),
    endpoint("GET", "/metrics", "/metrics", Takes::Viewer, &[200]),
    // Whoever may ask hears what is wrong with an empty message, or with no session.
    endpoint("POST", "/mcp", "/mcp", Takes::Viewer, &[400, 406]),
    endpoint("GET", "/mcp", "/mcp", Takes::Viewer, &[400, 406]),
    endpoint("DELETE", "/mcp", "/mcp", Takes::Viewer, &[400]),
    endpoint("GET", "/api/skills", "/api/skills", Takes::Viewer, &[200]),
    endpoint("GET", "/api/skills/{skill}", "/api/skills/healthy", Takes::Viewer, &[200]),
    endpoint("GET", "/api/runs", "/api/runs", Takes::Viewer, &[200]),
    Endpoint { stranger: Some(404), ..endpoint("GET", "/api/runs/{run}", "/api/runs/RUN", Takes::Viewer, &[200]) },
    endpoint("GET", "/api/events", "/api/events", Takes::Viewer, &[200]),
    endpoint("GET", "/api/agents", "/api/agents", Takes::Viewer, &[200]),
    endpoint("GET", "/api/budget", "/api/budget", Takes::Viewer, &[200]),
    endpoint("GET", "/api/ledger", "/api/ledger", Takes::Viewer, &[200]),
    endpoint("POST", "/api/skills/{skill}/tools/{tool}", "/api/skills/healthy/tools/echo", Takes::Caller, &[200]),
    endpoint("GET", "/api/approvals", "/api/approvals?all=true", Takes::Admin, &[200]),
    endpoint("POST", "/api/approvals/{id}/reject", "/api/approvals/none/reject", Takes::Admin, &[404]),
    endpoint("POST", "/api/approvals/{id}/approve", "/api/approvals/none/approve", Takes::Admin, &[404]),
];

#[test]
fn every_endpoint_lets_in_whom_it_is_to_let_in_and_nobody_else() {
    let world = World::with(&["healthy", "recorder"]);
    world.configure(
        "approval: { auto: [\"* *\"] }\nbudgets: [{ tenant: default, llm_tokens: { day: 10 } }]\nagents: { recorder: { skill: recorder } }\n",
    );
    let (mut up, admin) = started(&world);
    let run = super::call(&admin, "healthy.echo", &json!({"secret": "of default"})).json();
    let run = run["run"].as_str().unwrap();
    let token = |role: &str, tenant: &str| admin.with_token(&world.token(&format!("{role}-{tenant}"), role, tenant));
    let nobody = up.http();
    let callers = [
        ("no token", nobody.clone(), None),
        ("a wrong token", nobody.with_token(&format!("skh_{}", "A".repeat(43))), None),
        ("no token at all", nobody.with_token("nonsense"), None),
        ("a viewer", token("viewer", "default"), Some(Takes::Viewer)),
        ("a caller", token("caller", "default"), Some(Takes::Caller)),
        ("an administrator", token("admin", "default"), Some(Takes::Admin)),
        ("an administrator of all tenants", admin.clone(), Some(Takes::Admin)),
        ("another tenant's administrator", token("admin", "acme"), Some(Takes::Admin)),
    ];
    let mut wrong = Vec::new();
    for endpoint in &ENDPOINTS {
        let path = endpoint.asked.replace("RUN", run);
        for (who, http, role) in &callers {
            let reply = http.send(endpoint.method, &path, &[("content-type", "application/json")], b"");
            let expected: Vec<u16> = match (endpoint.takes, role) {
                (Takes::Nothing, _) => endpoint.allowed.to_vec(),
                (Takes::Upgrade, _) if *who == "no token" => endpoint.allowed.to_vec(),
                (_, None) => vec![401],
                (takes, Some(role)) if (takes as u8) > (*role as u8) => vec![403],
                _ if who.starts_with("another") => {
                    endpoint.stranger.map_or(endpoint.allowed.to_vec(), |status| vec![status])
                }
                _ => endpoint.allowed.to_vec(),
            };
            let problem = reply.header("content-type") == Some("application/problem+json");
            if !expected.contains(&reply.status) || (matches!(reply.status, 401 | 403) && !problem) {
                let Endpoint { method, described, .. } = endpoint;
                wrong.push(format!("{method} {described} for {who}: {}, not {expected:?}", reply.status));
            }
            if who.starts_with("another") || role.is_none() {
                assert!(
                    !reply.text().contains("of default"),
                    "{path} tells {who} another tenant's business: {}",
                    reply.text()
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_has_every_endpoint_that_is_described() {
    let world = World::new();
    let mut up = world.up();
    let document = up.http().get("/api/openapi.json").json();
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let tested: BTreeSet<String> =
        ENDPOINTS.iter().map(|endpoint| format!("{} {}", endpoint.method, endpoint.described)).collect();
    assert_eq!(tested, described);
}

/// Whose objects are in a list.
#[track_caller]
fn tenants(http: &Http, path: &str) -> BTreeSet<String> {
    let list = http.get(path).json();
    let tenant = |item: &serde_json::Value| item["tenant"].as_str().unwrap_or_default().to_owned();
    list.as_array().unwrap_or_else(|| panic!("no list: {list}")).iter().map(tenant).collect()
}

#[test]
fn a_token_of_one_tenant_sees_that_tenants_runs_events_and_agents_and_one_of_all_sees_everybodys() {
    let world = World::with(&["healthy", "recorder"]);
    world.configure(
        "approval: { auto: [\"* *\"] }\nagents:\n  ours: { skill: recorder, tenant: acme }\n  theirs: { skill: recorder }\n\
         budgets: [{ tenant: acme, llm_tokens: { day: 10 } }, { tenant: default, llm_tokens: { day: 10 } }]\n",
    );
    let (_up, admin) = started(&world);
    let acme = admin.with_token(&world.token("acme", "caller", "acme"));
    let [ours, theirs] = [&acme, &admin].map(|http| super::call(http, "healthy.echo", &json!({})).json());
    assert_eq!((&ours["tenant"], &theirs["tenant"]), (&json!("acme"), &json!("default")));
    for path in ["/api/runs", "/api/agents"] {
        assert_eq!(tenants(&acme, path), BTreeSet::from(["acme".to_owned()]), "{path}");
        assert_eq!(tenants(&admin, path), BTreeSet::from(["acme".to_owned(), "default".to_owned()]), "{path}");
    }
    let scopes = acme.get("/api/budget").json();
    assert_eq!(scopes.as_array().unwrap().iter().map(|budget| &budget["scope"]).collect::<Vec<_>>(), ["tenant:acme"]);
    acme.get("/api/ledger?account=tenant:default").problem(403);

    let events =
        |http: &Http, query: &str| http.get(&format!("/api/events?{query}")).json().as_array().unwrap().clone();
    for query in ["", "after=0", "after=0&limit=1000"] {
        let seen = events(&acme, query);
        let runs: BTreeSet<&str> = seen.iter().filter_map(|event| event["run"].as_str()).collect();
        assert_eq!(runs, BTreeSet::from([ours["run"].as_str().unwrap()]), "{query}");
        assert!(seen.iter().any(|event| event["kind"] == "skill.absorbed"), "{query}: {seen:?}");
        assert!(
            !seen.iter().any(|event| event["kind"].as_str().unwrap().starts_with("approval.")),
            "{query}: {seen:?}"
        );
    }
    let all: BTreeSet<_> =
        events(&admin, "").iter().filter_map(|event| event["run"].as_str().map(str::to_owned)).collect();
    assert_eq!(all.len(), 2);
}
