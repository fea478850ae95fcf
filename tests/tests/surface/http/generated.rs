//! Requests that a generator makes of the description: `schemathesis`, with an administrator's token, a viewer's and none.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use skillhost_tests::{Http, World};

use super::started;

/// What is installed where there is none.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Requests that have to be made, all together.
const REQUESTS: u64 = 10_000;

/// Requests for each operation: there are a few more operations that take parameters than it takes for [`REQUESTS`].
const BY_ADMIN: u32 = 1_000;
const BY_VIEWER: u32 = 250;
const BY_NOBODY: u32 = 150;

/// What each answer is held to: those checks that say whether the description is true. What the generator thinks that a server
/// should have taken or refused is left out: the input's schema is each tool's own, and names are made up.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance,missing_required_header";

/// Protocols of their own, which the generator does not speak; they have tests of their own.
const NOT_SPOKEN: [&str; 2] = ["/ws", "/mcp"];

/// Tools that end at once, with and without an output. What is generated beside them is not there.
const SKILLS: [&str; 4] = ["healthy", "schemas", "errors", "output-breaks-schema"];
const TOOLS: [&str; 8] = ["echo", "generation", "typed", "required", "tree", "failed", "invalid-input", "breaks"];

/// One generator at work.
struct Generator {
    who: &'static str,
    child: Child,
    report: PathBuf,
    said: PathBuf,
}

impl Generator {
    #[track_caller]
    fn start(world: &World, http: &Http, who: &'static str, token: Option<&str>, examples: u32) -> Self {
        let address = format!("http://{}", http.host());
        let [document, report, said] =
            ["document.json", "report.json", "said.txt"].map(|file| world.root().join(format!("{who}-{file}")));
        std::fs::write(&document, narrowed(http).to_string()).unwrap();
        let mut command = Command::new(schemathesis());
        command.arg("run").arg(&document).args(["--url", &address, "--checks", CHECKS, "--no-color"]);
        // Everything that is wrong is told, and a failure's first form is as good as its shortest.
        command.args([
            "--phases",
            "examples,coverage,fuzzing",
            "--continue-on-failure",
            "--no-shrink",
            "--warnings",
            "off",
        ]);
        command.args(["--generation-database", "none", "--output-sanitize", "false"]);
        command.args(["--max-examples", &examples.to_string()]);
        command.args(["--report", "json", "--report-json-path"]).arg(&report);
        for path in NOT_SPOKEN {
            command.args(["--exclude-path", path]);
        }
        if let Some(token) = token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        let file = std::fs::File::create(&said).unwrap();
        command.current_dir(world.root()).stdin(Stdio::null()).stderr(file.try_clone().unwrap()).stdout(file);
        Self { who, child: command.spawn().expect("schemathesis starts"), report, said }
    }

    /// How many requests it made; fails the test if one of the answers was wrong.
    #[track_caller]
    fn requests(mut self) -> u64 {
        let ended = self.child.wait().unwrap();
        let said = std::fs::read_to_string(&self.said).unwrap_or_default();
        assert!(ended.success(), "{}: {said}", self.who);
        let report: Value = serde_json::from_slice(&std::fs::read(&self.report).unwrap()).unwrap();
        let cases = &report["test_cases"];
        assert_eq!((&cases["with_failures"], &cases["errored"]), (&json!(0), &json!(0)), "{}: {said}", self.who);
        assert_eq!((&report["complete"], &report["failures"]), (&json!(true), &json!([])), "{}: {said}", self.who);
        cases["generated"].as_u64().unwrap()
    }
}

/// The description, with the names of some skills and tools: among all texts no generator would find them.
#[track_caller]
fn narrowed(http: &Http) -> Value {
    let mut document = http.get("/api/openapi.json").json();
    let parameters = &mut document["paths"]["/api/skills/{skill}/tools/{tool}"]["post"]["parameters"];
    for parameter in parameters.as_array_mut().unwrap() {
        match parameter["name"].as_str() {
            Some("skill") => parameter["schema"]["enum"] = json!(SKILLS),
            Some("tool") => parameter["schema"]["enum"] = json!(TOOLS),
            _ => {}
        }
    }
    document
}

#[test]
fn ten_thousand_generated_requests_get_no_answer_that_is_not_described() {
    let world = World::with(&SKILLS);
    // Nothing that is generated waits for anything.
    world.configure("approval: { auto: [\"* *\"] }\nlimits: { timeout: 5s, fuel: 100000000 }\n");
    world.add("greedy");
    world.add("liar-not-utf8");
    let (_up, admin) = started(&world);
    let viewer = world.token("viewer", "viewer", "default");
    let before = called(&admin);
    let generators = [
        Generator::start(&world, &admin, "admin", admin.token(), BY_ADMIN),
        Generator::start(&world, &admin, "viewer", Some(&viewer), BY_VIEWER),
        Generator::start(&world, &admin, "nobody", None, BY_NOBODY),
    ];
    let requests: u64 = generators.into_iter().map(Generator::requests).sum();
    assert!(requests >= REQUESTS, "only {requests} requests were made");
    // The host's own log knows of the tools that ran: this was not all about names that there are not.
    let ran = called(&admin) - before;
    assert!(ran > u64::from(BY_ADMIN) / 10, "{ran} tools ran");
    eprintln!("{requests} requests, of which {ran} ran a tool");
}

/// How many runs are in the event log.
#[track_caller]
fn called(http: &Http) -> u64 {
    let (mut count, mut after) = (0, 0);
    loop {
        let page = http.get(&format!("/api/events?kind=tool.called&limit=1000&after={after}")).json();
        let page = page.as_array().unwrap();
        count += page.len() as u64;
        match page.last() {
            Some(last) => after = last["seq"].as_u64().unwrap(),
            None => return count,
        }
    }
}

/// The generator, in a place of its own beside the build's files.
#[track_caller]
fn schemathesis() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(SCHEMATHESIS);
        let own = folder.join("bin/st");
        if !works(&own) {
            let run = |command: &mut Command| command.status().is_ok_and(|status| status.success());
            let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
                && run(Command::new(folder.join("bin/python")).args(["-m", "pip", "install", "--quiet", SCHEMATHESIS]));
            assert!(
                made && works(&own),
                "no schemathesis; `python3 -m venv` and `pip install {SCHEMATHESIS}` have to work"
            );
        }
        own
    })
}

fn works(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
