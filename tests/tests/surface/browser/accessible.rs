//! Everybody can use it: every page held against axe-core, in light and dark, on a desk and on a phone.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use skillhost_tests::{Browser, World};

use super::{OWN, SCREENS, healthy, is_well, logged_in, picture};

/// The checker, by its version.
const AXE: &str = "axe-core@4.14.1";

/// The pages by the names of their pictures; `RUN` stands for a run, `FAILED` for one with a [`LONG`] error.
const PAGES: [(&str, &str); 16] = [
    ("overview", "/"),
    ("skills", "/skills"),
    ("skill", "/skills/healthy"),
    ("approvals", "/approvals"),
    ("activity", "/activity?all=on"),
    ("events", "/events"),
    ("runs", "/runs"),
    ("run", "/runs/RUN"),
    ("failed-run", "/runs/FAILED"),
    ("agents", "/agents"),
    ("models", "/models"),
    ("ledger", "/ledger"),
    ("settings", "/settings"),
    ("nothing", "/runs/nothing"),
    ("nowhere", "/nowhere"),
    ("instructions", "/skills/helper"),
];

/// A text without a place to break it, in bytes: as long as a reason may get.
const LONG: usize = 3 << 10;

/// The checker's script, fetched once per target folder.
#[track_caller]
fn axe() -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(AXE.replace('@', "-"));
    let script: PathBuf = folder.join("node_modules/axe-core/axe.min.js");
    if !script.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", AXE]).current_dir(&folder);
        let ran = npm.output().unwrap_or_else(|error| panic!("npm: {error}; install it with: apt-get install npm"));
        assert!(ran.status.success(), "npm install {AXE}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    std::fs::read_to_string(script).unwrap()
}

/// What is serious or worse on the page that is open, in words.
#[track_caller]
fn faults(browser: &Browser, axe: &str) -> Vec<String> {
    browser.run(axe, &[]);
    let found = browser.run_async(
        "const done = arguments[arguments.length - 1];
         axe.run(document, { resultTypes: ['violations'] })
             .then(({ violations }) => done(violations), (error) => done([{ impact: 'critical', id: String(error), nodes: [] }]));",
        &[],
    );
    let is_serious = |fault: &&Value| fault["impact"] == "serious" || fault["impact"] == "critical";
    let words = |fault: &Value| {
        let nodes = fault["nodes"].as_array().into_iter().flatten().take(3);
        let nodes: Vec<_> = nodes.map(|node| format!("{}: {}", node["html"], node["failureSummary"])).collect();
        format!("{}: {}: {nodes:#?}", fault["id"], fault["help"])
    };
    found.as_array().expect("a list of faults").iter().filter(is_serious).map(words).collect()
}

/// A world with something on every page.
fn furnished() -> World {
    let world = World::new();
    world.configure(
        "approval: { auto: [\"blackboard.* self:*\", \"blackboard.subscribe *\", \"events.append skill.*\"] }\n\
         budgets: [{ tenant: default, llm_tokens: { day: 200000 } }, { skill: healthy, usd: { day: 1.50 } }]\n\
         llm: { models: { local: [ollama/llama3.2, openai/gpt-4o-mini] } }\n",
    );
    world.put("healthy.wasm", &healthy(0, OWN));
    world.put("broken.wasm", b"no component");
    world.put(&format!("{}.wasm", "long".repeat(50)), b"no component");
    world.add("hostile");
    std::fs::create_dir(world.skills().join("helper")).unwrap();
    let text = "---\nname: helper\ndescription: Helps\n---\n# Help\n";
    std::fs::write(world.skills().join("helper/SKILL.md"), text).unwrap();
    world
}

#[test]
fn no_page_has_a_serious_fault_in_any_colours_and_at_any_width() {
    let axe = axe();
    let world = furnished();
    let mut up = world.up_with(&["--listen", "127.0.0.1:0"]);
    let address = up.address();
    up.wait_for("absorbed", "healthy.wasm");
    up.wait_for("refused", "broken.wasm");
    up.wait_for("absorbed", "hostile.wasm");
    let ran = world.call("healthy.count", &[]);
    let run = ran.json()["run"].as_str().unwrap().to_owned();
    let input = json!({"as": "error", "bytes": LONG}).to_string();
    let failed = world.call("hostile.huge-output", &["--input", &input]).json()["run"].as_str().unwrap().to_owned();
    assert_eq!(world.call("healthy.echo", &["--input", "[]"]).kind(), "invalid-input");
    world.put("healthy.wasm", &healthy(1, &format!("{OWN};llm.complete *;http.request https://api.github.com/*")));
    up.wait_for("pending", "healthy.wasm");

    let browser = logged_in(&mut up, SCREENS[0]);
    let mut faulty = Vec::new();
    let mut look = |browser: &Browser, name: &str| {
        // Between a desk and a phone it is only not to be wider than the screen.
        browser.resize(900, 800);
        is_well(browser, &format!("{name}-900"));
        for (width, height) in SCREENS {
            browser.resize(width, height);
            for (dark, colours) in [(false, "light"), (true, "dark")] {
                browser.prefer_dark(dark);
                let place = format!("{name}-{width}-{colours}");
                is_well(browser, &place);
                browser.picture(&picture(&place));
                faulty.extend(faults(browser, &axe).into_iter().map(|fault| format!("{place}: {fault}")));
            }
        }
    };
    for (name, path) in PAGES {
        browser.go(&format!("{address}{}", path.replace("RUN", &run).replace("FAILED", &failed)));
        look(&browser, name);
    }
    // Before the login.
    let stranger = Browser::start();
    stranger.go(&address);
    look(&stranger, "login");
    assert!(faulty.is_empty(), "{}", faulty.join("\n\n"));
}

#[test]
fn every_control_is_reached_with_the_keyboard_and_seen_when_it_is() {
    let world = furnished();
    let mut up = world.up_with(&["--listen", "127.0.0.1:0"]);
    let address = up.address();
    up.wait_for("absorbed", "healthy.wasm");
    let browser = logged_in(&mut up, SCREENS[0]);
    for path in ["/skills/healthy", "/activity", "/runs"] {
        browser.go(&format!("{address}{path}"));
        let missing = browser.run(
            "return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
                 .filter((one) => one.checkVisibility() && one.tabIndex < 0).map((one) => one.outerHTML)",
            &[],
        );
        assert_eq!(missing, json!([]), "{path}: out of the keyboard's reach");
        browser.run("document.body.focus()", &[]);
        browser.find("body").type_in("\u{e004}");
        let first = browser.run("return document.activeElement.textContent", &[]);
        assert_eq!(first, "Skip to the content", "{path}: the first stop");
        let outline = browser.run("return getComputedStyle(document.activeElement).outlineStyle", &[]);
        assert_eq!(outline, "solid", "{path}: focus is seen");
    }
}
