//! The pages as a browser asks for them, without one.

mod happened;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use skillhost_access::{Role, Tokens};
use skillhost_lifecycle::{Config, Host, Options};
use tower::ServiceExt as _;
use url::form_urlencoded::Serializer;

use super::*;
use crate::listener::Connected;
use crate::routes::routes;
use crate::shared::App;

const OWN: &str = "http://localhost:8650";

/// A host without a network, and its pages.
struct Pages {
    router: Router,
    tokens: Tokens,
    host: Host,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Pages {
    async fn new(prepare: impl FnOnce(&Path)) -> Self {
        Self::called(&[], prepare).await
    }

    /// The same, of a host that is reached by these names.
    async fn called(names: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, skills_dir) = (folder.path().join("data"), folder.path().join("skills"));
        std::fs::create_dir_all(&skills_dir).unwrap();
        prepare(&skills_dir);
        let mut config = Config { data_dir: data_dir.clone(), skills_dir, ..Config::default() };
        config.http.hosts = names.iter().map(|name| (*name).to_owned()).collect();
        let shared = Arc::new(Shared::new(&config).unwrap());
        let host = Host::open(Options::new(config)).await.unwrap();
        host.absorb_folder().await.unwrap();
        let tokens = Tokens::open(&data_dir).unwrap();
        shared.open(App::new(host.clone(), tokens.clone(), &shared).unwrap());
        Self { router: routes(shared), tokens, host, _folder: folder }
    }

    fn token(&self, name: &str, role: Role, tenants: &str) -> String {
        let now = self.host.events().source().now();
        self.tokens.add(name, role, tenants.parse().unwrap(), now).unwrap().expose().to_owned()
    }

    async fn send(&self, mut request: http::request::Builder, body: String) -> Answer {
        if let Some(headers) = request.headers_mut() {
            headers.entry(HOST).or_insert(HeaderValue::from_static("localhost:8650"));
        }
        // As over a Unix socket, where the host is `localhost` at any port.
        let connected = Connected { peer: [127, 0, 0, 1].into(), here: None };
        let request = request.extension(connected).body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: head.status, headers: head.headers, text }
    }

    async fn get(&self, path: &str, cookie: Option<&str>) -> Answer {
        let mut request = Request::get(path);
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        self.send(request, String::new()).await
    }

    async fn post(&self, path: &str, cookie: Option<&str>, origin: Option<&str>, fields: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in [(COOKIE, cookie), (ORIGIN, origin)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        self.send(request, Serializer::new(String::new()).extend_pairs(fields).finish()).await
    }

    /// The cookie of somebody who logs in.
    async fn login(&self, token: &str) -> String {
        let answer = self.post("/login", None, Some(OWN), &[("token", token)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// The cookie of somebody of this role, and the mark of their forms.
    async fn reader(&self, role: Role, tenants: &str) -> (String, String) {
        let cookie = self.login(&self.token(&format!("{role}-{}", tenants.replace('*', "all")), role, tenants)).await;
        let page = self.get("/", Some(&cookie)).await.text;
        let mark = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        (cookie, mark.to_owned())
    }
}

#[tokio::test]
async fn a_login_takes_a_token_and_gives_a_cookie_that_scripts_and_other_sites_do_not_get() {
    let pages = Pages::new(|_| {}).await;
    let token = pages.token("ann", Role::Viewer, "*");
    let gate = pages.get("/", None).await;
    assert_eq!(gate.status, StatusCode::OK);
    assert!(gate.text.contains("action=\"/login\"") && !gate.text.contains("Log out"));
    let policy = gate.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(pages.get("/skills", None).await.status, StatusCode::UNAUTHORIZED);
    // A part of a page that was left open is not replaced by a login: the whole page is.
    let part = pages.send(Request::get("/").header("hx-request", "true"), String::new()).await;
    assert_eq!(
        (part.status, &part.headers["hx-refresh"]),
        (StatusCode::UNAUTHORIZED, &HeaderValue::from_static("true"))
    );

    let fields = [("token", token.as_str()), ("next", "/skills")];
    let answer = pages.post("/login", None, Some(OWN), &fields).await;
    assert_eq!(
        (answer.status, &answer.headers[LOCATION]),
        (StatusCode::SEE_OTHER, &HeaderValue::from_static("/skills"))
    );
    let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains(&token), "{cookie}");
    let page = pages.get("/skills", Some(cookie.split(';').next().unwrap())).await;
    assert!(page.status == StatusCode::OK && page.text.contains("<strong>ann</strong>"), "{}", page.text);
}

#[tokio::test]
async fn a_wrong_token_and_a_login_from_elsewhere_are_refused() {
    let pages = Pages::new(|_| {}).await;
    let token = pages.token("ann", Role::Viewer, "*");
    let wrong = format!("{}A", &token[..token.len() - 1]);
    for attempt in [wrong.as_str(), "", "hunter2"] {
        let answer = pages.post("/login", None, Some(OWN), &[("token", attempt)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(!answer.headers.contains_key(SET_COOKIE) && answer.text.contains("role=\"alert\""));
        assert!(attempt.is_empty() || !answer.text.contains(attempt), "a token is not sent back");
    }
    for origin in [None, Some("null"), Some("http://evil.test"), Some("file://localhost:8650")] {
        let answer = pages.post("/login", None, origin, &[("token", &token)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin:?}");
        assert!(!answer.headers.contains_key(SET_COOKIE));
    }
    let next = [("token", token.as_str()), ("next", "//evil.test/")];
    assert_eq!(pages.post("/login", None, Some(OWN), &next).await.headers[LOCATION], "/");
}

#[tokio::test]
async fn a_login_is_taken_under_every_name_that_the_guard_knows() {
    let pages = Pages::called(&["skills.test"], |_| {}).await;
    let body = format!("token={}", pages.token("ann", Role::Viewer, "*"));
    for host in ["skills.test", "skills.test:443", "SKILLS.test"] {
        let request = Request::post("/login").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.header(HOST, host).header(ORIGIN, "https://skills.test");
        let answer = pages.send(request, body.clone()).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{host}: {}", answer.text);
        assert!(answer.headers[SET_COOKIE].to_str().unwrap().ends_with("; Secure"), "{host}");
    }
}

#[tokio::test]
async fn a_form_counts_only_with_the_mark_of_its_session_and_from_a_page_of_this_host() {
    let pages = Pages::new(|_| {}).await;
    let (cookie, mark) = pages.reader(Role::Admin, "*").await;
    let (_, other) = pages.reader(Role::Viewer, "*").await;
    assert_ne!(mark, other);
    for (mark, origin) in
        [("", Some(OWN)), (other.as_str(), Some(OWN)), (&mark, None), (&mark, Some("http://evil.test"))]
    {
        let answer = pages.post("/logout", Some(&cookie), origin, &[("csrf", mark)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{mark} {origin:?}");
    }
    assert_eq!(pages.get("/skills", Some(&cookie)).await.status, StatusCode::OK, "nothing was done");
    let answer = pages.post("/logout", Some(&cookie), Some(OWN), &[("csrf", &mark)]).await;
    assert!(
        answer.status == StatusCode::SEE_OTHER && answer.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0")
    );
    let answer = pages.get("/skills", Some(&cookie)).await;
    assert!(answer.status == StatusCode::UNAUTHORIZED && answer.text.contains("This session is over"));
    assert!(!pages.get("/skills", None).await.text.contains("role=\"alert\""), "a stranger had no session");
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_opens_nothing_but_pages() {
    let pages = Pages::new(|_| {}).await;
    let cookie = pages.login(&pages.token("ann", Role::Admin, "*")).await;
    for path in ["/api/skills", "/api/approvals", "/metrics"] {
        assert_eq!(pages.get(path, Some(&cookie)).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(pages.get("/skills", Some(&cookie)).await.status, StatusCode::OK);
    assert!(pages.tokens.revoke("ann").unwrap());
    // Also when it is asked for again, as a page does when a part of it is refused.
    for _ in 0..2 {
        let answer = pages.get("/skills", Some(&cookie)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.text.contains("The token of this session was revoked"), "{}", answer.text);
    }
    // Another token of the same name does not bring it back.
    pages.token("ann", Role::Admin, "*");
    assert_eq!(pages.get("/skills", Some(&cookie)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_role_sees_and_does_what_it_may_and_nothing_else() {
    let pages = Pages::new(|_| {}).await;
    let (viewer, caller) = (pages.reader(Role::Viewer, "*").await, pages.reader(Role::Caller, "*").await);
    let admin = pages.reader(Role::Admin, "*").await;
    for ((cookie, mark), runs, decides) in [(viewer, false, false), (caller, true, false), (admin, true, true)] {
        let page = pages.get("/", Some(&cookie)).await;
        assert_eq!(page.text.contains("href=\"/approvals\""), decides);
        let queue = pages.get("/approvals", Some(&cookie)).await;
        assert_eq!(queue.status, if decides { StatusCode::OK } else { StatusCode::FORBIDDEN });
        let form = format!("name=\"csrf\" value=\"{mark}\"");
        assert!(queue.text.contains("action=\"/logout\"") && queue.text.contains(&form), "{}", queue.text);
        let fields = [("csrf", mark.as_str()), ("decision", "all")];
        let decided = pages.post("/approvals/abcdef", Some(&cookie), Some(OWN), &fields).await;
        assert_eq!(decided.status, if decides { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN });
        // Whoever may run it hears that there is no such tool.
        let ran = pages.post("/skills/a/tools/b", Some(&cookie), Some(OWN), &fields).await;
        assert_eq!(ran.status, if runs { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN });
    }
}

#[tokio::test]
async fn the_hosts_own_settings_are_for_those_who_see_all_tenants() {
    let pages = Pages::new(|_| {}).await;
    let (all, _) = pages.reader(Role::Viewer, "*").await;
    let (acme, _) = pages.reader(Role::Admin, "acme").await;
    let page = pages.get("/settings", Some(&all)).await;
    assert!(page.text.contains("limits.fuel") && page.text.contains("1000000000"), "{}", page.text);
    assert!(page.text.contains("href=\"/settings\""));
    assert_eq!(pages.get("/settings", Some(&acme)).await.status, StatusCode::FORBIDDEN);
    assert!(
        !pages.get("/", Some(&acme)).await.text.contains("href=\"/settings\""),
        "nobody is led where they may not go"
    );
}

#[tokio::test]
async fn what_skills_say_is_text_on_every_page() {
    const HOSTILE: &str =
        "<script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\u{1b}[31m {{ 7 * 7 }} https://evil.test";
    let pages = Pages::new(|skills| {
        let skill = skills.join("helper");
        std::fs::create_dir(&skill).unwrap();
        let text = format!("---\nname: helper\ndescription: \"Helps\"\n---\n{HOSTILE}\n");
        std::fs::write(skill.join("SKILL.md"), text).unwrap();
        std::fs::write(skills.join("<script>alert(3)<!--\u{202e}\".wasm"), "junk").unwrap();
    })
    .await;
    let (cookie, _) = pages.reader(Role::Admin, "*").await;
    let skill = pages.get("/skills/helper", Some(&cookie)).await;
    assert!(skill.text.contains("&#60;script&#62;alert(1)"), "it is there, as text: {}", skill.text);
    assert!(skill.text.contains(r"\u{202e}\u{1b}[31m {{ 7 * 7 }}"), "{}", skill.text);
    let list = pages.get("/skills", Some(&cookie)).await;
    assert!(list.text.contains("&#60;script&#62;alert(3)"), "{}", list.text);
    for path in ["/", "/skills", "/skills/helper", "/approvals", "/settings", "/activity", "/events", "/runs"] {
        let page = pages.get(path, Some(&cookie)).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        for wrong in ["<script>", "<img src=x", "\u{202e}", "\u{1b}", "href=\"https", " style=", " onclick="] {
            assert!(!page.text.contains(wrong), "{path} holds {wrong:?}");
        }
    }
}

#[tokio::test]
async fn a_page_says_of_a_skill_only_what_there_is_to_it() {
    let pages = Pages::new(|skills| {
        std::fs::create_dir(skills.join("helper")).unwrap();
        std::fs::write(skills.join("helper/SKILL.md"), "---\nname: helper\ndescription: Helps\n---\nHelp.\n").unwrap();
        std::fs::write(skills.join("broken.wasm"), "junk").unwrap();
    })
    .await;
    let (cookie, _) = pages.reader(Role::Viewer, "*").await;
    let helper = pages.get("/skills/helper", Some(&cookie)).await.text;
    assert!(helper.contains("text for a language model to read") && helper.contains("Instructions"), "{helper}");
    for other in ["Limits of a run", "Latency", "works on its input alone"] {
        assert!(!helper.contains(other), "instructions do not run: {other}");
    }
    let broken = pages.get("/skills/broken", Some(&cookie)).await.text;
    assert!(broken.contains("<code>broken.wasm</code> was refused: ") && !broken.contains('`'), "{broken}");
    assert!(!broken.contains("Generations"), "there is none");
}

#[tokio::test]
async fn a_page_that_is_not_there_is_a_page_that_says_so() {
    let pages = Pages::new(|_| {}).await;
    let (cookie, _) = pages.reader(Role::Admin, "*").await;
    for path in ["/skills/nothing", "/skills/%3Cscript%3E", "/runs/nothing"] {
        let page = pages.get(path, Some(&cookie)).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.text.contains("<title>Not Found · skillhost</title>") && !page.text.contains("<script>"));
    }
}

#[tokio::test]
async fn where_nothing_is_a_browser_gets_a_page_and_a_program_a_problem() {
    let pages = Pages::new(|_| {}).await;
    for (path, accepted, kind) in [
        ("/nothing", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
        ("/nothing", "*/*", "application/problem+json"),
        ("/api/nothing", "text/html", "application/problem+json"),
    ] {
        let answer = pages.send(Request::get(path).header(ACCEPT, accepted), String::new()).await;
        assert_eq!(
            (answer.status, &answer.headers[CONTENT_TYPE]),
            (StatusCode::NOT_FOUND, &HeaderValue::from_static(kind))
        );
        assert_eq!(answer.headers.contains_key(CONTENT_SECURITY_POLICY), kind.starts_with("text/html"));
    }
}
