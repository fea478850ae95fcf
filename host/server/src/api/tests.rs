//! What is answered to whom, without a network.

use axum::body::to_bytes;
use http::header::LINK;
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use skillhost_access::{Role, Tokens};
use skillhost_events::NewEvent;
use skillhost_lifecycle::{Config, Host, Options};
use tower::ServiceExt as _;

use super::*;
use crate::listener::Connected;
use crate::log::REACH;
use crate::routes::routes;
use crate::shared::App;

struct Api {
    router: Router,
    token: String,
    host: Host,
    _folder: tempfile::TempDir,
}

impl Api {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, skills_dir) = (folder.path().join("data"), folder.path().join("skills"));
        std::fs::create_dir_all(&skills_dir).unwrap();
        let config = Config { data_dir: data_dir.clone(), skills_dir, ..Config::default() };
        let shared = Arc::new(Shared::new(&config).unwrap());
        let host = Host::open(Options::new(config)).await.unwrap();
        let tokens = Tokens::open(&data_dir).unwrap();
        let now = host.events().source().now();
        let token = tokens.add("ann", Role::Viewer, "*".parse().unwrap(), now).unwrap().expose().to_owned();
        shared.open(App::new(host.clone(), tokens, &shared).unwrap());
        Self { router: routes(shared), token, host, _folder: folder }
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, Value) {
        let connected = Connected { peer: [127, 0, 0, 1].into(), here: None };
        let request = Request::get(path).header("host", "localhost:8650").extension(connected);
        let request = request.header("authorization", format!("Bearer {}", self.token)).body(Body::empty()).unwrap();
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (head.status, head.headers, serde_json::from_slice(&body).unwrap())
    }
}

#[tokio::test]
async fn a_look_for_what_is_rare_ends_and_says_where_it_goes_on() {
    let api = Api::new().await;
    let data = json!({"text": "x".repeat(60_000)});
    let event = |kind: &str| {
        let (kind, data) = (kind.to_owned(), data.clone());
        NewEvent { kind, source: "test".into(), run: None, tenant: None, data }
    };
    api.host.events().append(event("rare.first")).await.unwrap();
    for _ in 0..2 * REACH / 60_000 {
        api.host.events().append_relaxed(event("usual.one")).await.unwrap();
    }
    api.host.events().append(event("rare.last")).await.unwrap();
    for (path, expected) in [
        ("/api/events?kind=rare.*", json!(["rare.last", "rare.first"])),
        ("/api/events?kind=rare.*&after=0&limit=7", json!(["rare.first", "rare.last"])),
        ("/api/events?kind=nothing", json!([])),
        ("/api/runs?skill=none", json!([])),
    ] {
        let (mut found, mut pages, mut path) = (Vec::new(), 0, path.to_owned());
        loop {
            let (status, headers, list) = api.get(&path).await;
            assert_eq!(status, StatusCode::OK, "{path}: {list}");
            found.extend(list.as_array().unwrap().iter().map(|event| event["kind"].clone()));
            pages += 1;
            let Some(link) = headers.get(LINK) else { break };
            let next = link.to_str().unwrap().strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
            path = next.to_owned();
        }
        assert_eq!(Value::from(found), expected, "{path}");
        assert!((2..5).contains(&pages), "{path}: {pages}");
    }
}
