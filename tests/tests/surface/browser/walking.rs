//! The walk: drop a skill, run it, get an update that wants more, approve it.

use skillhost_tests::{Browser, PATIENCE, World, eventually};

use super::{OWN, SCREENS, healthy, is_well, logged_in, picture};

/// A want that nobody gets by default.
const MORE: &str = "llm.complete *";

/// Goes to a section as a person does: over the menu, where there is one.
#[track_caller]
fn section(browser: &Browser, path: &str) {
    if browser.run("return getComputedStyle(document.querySelector('.menu')).display !== 'none'", &[]) == true {
        browser.find(".menu").click();
    }
    browser.find(&format!("nav.sections a[href='{path}']")).click();
    eventually(&format!("the page {path}"), PATIENCE, || browser.address().ends_with(path));
}

#[track_caller]
fn walk(screen: (u32, u32)) {
    let width = screen.0;
    let keep = |browser: &Browser, step: &str| {
        is_well(browser, &format!("{step} at {width} px"));
        browser.picture(&picture(&format!("walk-{width}-{step}")));
    };
    let world = World::new();
    let mut up = world.up_with(&["--listen", "127.0.0.1:0"]);
    let address = up.address();
    let browser = logged_in(&mut up, screen);
    keep(&browser, "1-overview");

    // Dropped; it appears on a page that is not loaded again.
    section(&browser, "/skills");
    browser.wait_for_text("No skill yet");
    browser.run("window.isSame = true", &[]);
    world.put("healthy.wasm", &healthy(0, OWN));
    browser.find("#skills a[href='/skills/healthy']");
    assert_eq!(browser.run("return window.isSame", &[]), true, "the page was loaded again");
    keep(&browser, "2-skills");

    // Run from its form.
    browser.find("#skills a[href='/skills/healthy']").click();
    browser.find("#tool-slow input[type='number']").type_in("20");
    browser.find("#run-slow").click();
    browser.find("#tool-slow .result .state.good");
    let result = browser.find("#tool-slow .result").text();
    assert!(result.contains("\"generation\": \"0\""), "{result}");
    keep(&browser, "3-run");

    // Seen on Activity, which another run reaches while it is open.
    section(&browser, "/activity");
    browser.wait_for_text("healthy.slow ran in");
    browser.run("window.isSame = true", &[]);
    assert_eq!(world.call("healthy.echo", &[]).code, Some(0));
    browser.wait_for_text("healthy.echo ran in");
    assert_eq!(browser.run("return window.isSame", &[]), true, "the page was loaded again");
    keep(&browser, "4-activity");
    browser.find("#feed a[href^='/runs/']").click();
    browser.wait_for_text("Events of this run");
    keep(&browser, "5-of-a-run");

    // An update that wants more waits, and what served serves.
    section(&browser, "/approvals");
    browser.wait_for_text("Nothing waits");
    browser.run("window.isSame = true", &[]);
    world.put("healthy.wasm", &healthy(1, &format!("{OWN};{MORE}")));
    up.wait_for("pending", "healthy.wasm");
    // Where the feed is out of reach, one looks again.
    browser.go(&format!("{address}/approvals"));
    // Whoever gives a whole capability away is to mean it.
    browser.find("#waiting button[value='all'].plain");
    assert!(!browser.has("#waiting button[value='chosen'].plain"));
    assert_eq!(world.call("healthy.generation", &[]).data()["generation"], "0");
    keep(&browser, "6-approval");

    // Approved, it serves.
    let mark = up.mark();
    browser.find("#waiting button[value='all']").click();
    up.wait_after(mark, "replaced", "healthy.wasm");
    browser.wait_for_text("Nothing waits");
    keep(&browser, "7-approved");
    browser.go(&format!("{address}/skills/healthy"));
    browser.find("#tool-generation form button").click();
    browser.find("#tool-generation .result .state.good");
    let result = browser.find("#tool-generation .result").text();
    assert!(result.contains("\"generation\": \"1\""), "{result}");
    keep(&browser, "8-serves");
}

#[test]
fn a_skill_is_dropped_run_updated_and_approved_on_a_desk() {
    walk(SCREENS[0]);
}

#[test]
fn a_skill_is_dropped_run_updated_and_approved_on_a_phone() {
    walk(SCREENS[1]);
}

#[test]
fn the_activity_page_can_be_paused_and_says_how_much_waits() {
    let world = World::new();
    world.put("healthy.wasm", &healthy(0, OWN));
    let mut up = world.up_with(&["--listen", "127.0.0.1:0"]);
    let address = up.address();
    up.wait_for("absorbed", "healthy.wasm");
    let browser = logged_in(&mut up, SCREENS[0]);
    browser.go(&format!("{address}/activity?family=tool"));
    browser.wait_for_text("Nothing of this kind has happened yet");
    browser.find("#pause").click();
    assert_eq!(world.call("healthy.echo", &[]).code, Some(0));
    browser.wait_for_text("Resume (1 waiting)");
    assert!(!browser.text().contains("healthy.echo ran in"));
    browser.find("#pause").click();
    browser.wait_for_text("healthy.echo ran in");
    let lines = browser.run("return document.querySelectorAll('#feed li').length", &[]);
    assert_eq!(lines, 1, "a run is one line: its call is not shown unless all events are");
    browser.go(&format!("{address}/activity?all=on"));
    browser.wait_for_text("healthy.echo was called by cli");
    // What comes live is set as what was there: a refusal names a command.
    browser.wait_for_text("Live: new events");
    world.put("broken.wasm", b"no component");
    assert_eq!(browser.find("#feed .words code").text(), "skillhost build");
    is_well(&browser, "activity");
}

#[test]
fn one_logs_in_and_looks_around_without_scripts() {
    let world = World::new();
    world.put("healthy.wasm", &healthy(0, OWN));
    let mut up = world.up_with(&["--listen", "127.0.0.1:0"]);
    let address = up.address();
    up.wait_for("absorbed", "healthy.wasm");
    let run = world.call("healthy.count", &[]).json()["run"].as_str().unwrap().to_owned();
    let http = up.http();
    assert!(http.get("/").text().contains("name=\"token\""), "without a session, the login page");
    let log_in = |token: &str| {
        let body = format!("next=%2Factivity&token={token}");
        let form = [("origin", address.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let reply = http.send("POST", "/login", &form, body.as_bytes());
        assert_eq!((reply.status, reply.header("location")), (303, Some("/activity")), "{reply:?}");
        let cookie = reply.header("set-cookie").unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        cookie.split(';').next().unwrap().to_owned()
    };
    let page_for = |cookie: &str, path: &str| {
        let reply = http.send("GET", path, &[("cookie", cookie)], b"");
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.text()
    };
    let admin = log_in(std::fs::read_to_string(world.data().join("token")).unwrap().trim());
    let page = |path: &str| page_for(&admin, path);
    assert!(page("/activity").contains("healthy.count ran in"));
    assert!(page("/runs").contains(&run));
    assert!(page(&format!("/runs/{run}")).contains("blackboard."), "a host call in the timeline");
    assert!(page(&format!("/events?run={run}")).contains("tool.completed"));
    assert!(page("/events?kind=skill.*").contains("skill.absorbed"));
    for path in ["/", "/skills", "/skills/healthy", "/agents", "/models", "/ledger"] {
        assert!(page(path).contains("</html>"), "{path}");
    }
    assert!(page("/skills/healthy").contains("id=\"run-count\""));
    let viewer = log_in(&world.token("vera", "viewer", "default"));
    let skill = page_for(&viewer, "/skills/healthy");
    assert!(!skill.contains("id=\"run-count\"") && skill.contains("takes the role <code>caller</code>"), "{skill}");
}
