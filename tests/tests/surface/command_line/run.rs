//! `run`: input, output, outcomes and their exit codes.

use std::fs;

use serde_json::{Value, json};
use skillhost_tests::{Ran, World, guest};

use crate::{has_fields, is_digest, is_run, is_time};

/// Holds what `run --json` printed to the contract, and gives it.
#[track_caller]
fn object(ran: &Ran) -> Value {
    assert_eq!(ran.stdout.lines().count(), 1, "one object on one line: {ran}");
    let object = ran.json();
    let documented = ["run", "skill", "tool", "digest", "tenant", "ok", "output", "error", "usage"];
    has_fields(&object, &documented, &["started_at", "caller", "log", "calls"]);
    assert!(is_run(object["run"].as_str().unwrap()), "{object}");
    assert!(object["digest"].is_null() || is_digest(&object["digest"]), "{object}");
    assert!(is_time(&object["started_at"]), "{object}");
    let usage =
        ["fuel", "wall_us", "peak_memory_bytes", "host_calls", "log_bytes", "llm_input_tokens", "llm_output_tokens"];
    has_fields(&object["usage"], &usage, &["dropped"]);
    assert!(object["usage"].as_object().unwrap().values().all(Value::is_u64), "{object}");
    if object["ok"] == true {
        has_fields(&object["output"], &["data", "content"], &[]);
        assert!(object["error"].is_null(), "{object}");
    } else {
        assert!(object["output"].is_null(), "{object}");
        has_fields(&object["error"], &["kind", "message"], &[]);
        assert!(!object["error"]["message"].as_str().unwrap().is_empty(), "{object}");
    }
    object
}

/// The outcome must be this, in JSON as well as for people.
#[track_caller]
fn ends(world: &World, arguments: &[&str], kind: &str, code: i32) -> Value {
    let ran = world.run(&[&["run"], arguments, &["--json"]].concat());
    let outcome = object(&ran);
    assert_eq!((ran.kind().as_str(), ran.code), (kind, Some(code)), "{ran}");
    let plain = world.run(&[&["run"], arguments].concat());
    assert_eq!(plain.code, Some(code), "the same without --json: {plain}");
    assert_eq!(plain.stdout.is_empty(), code != 0, "only results on standard output: {plain}");
    assert_eq!(code != 0, plain.stderr.contains("error"), "what went wrong on standard error: {plain}");
    outcome
}

#[test]
fn an_output_is_one_object_with_digest_and_usage() {
    let world = World::with(&["healthy"]);
    let entry = world.entry("healthy.wasm");
    let outcome = object(&world.call("healthy.echo", &["a=1"]));
    assert_eq!(outcome["skill"], "healthy");
    assert_eq!(outcome["tool"], "echo");
    assert_eq!(outcome["tenant"], "default");
    assert_eq!(outcome["digest"], entry["digest"]);
    assert_eq!(outcome["ok"], true);
    assert_eq!(outcome["output"], json!({"data": {"a": "1"}, "content": []}));
    assert!(outcome["usage"]["fuel"].as_u64() > Some(0) && outcome["usage"]["peak_memory_bytes"].as_u64() > Some(0));
    let counted = object(&world.call("healthy.count", &[]));
    assert!(counted["usage"]["host_calls"].as_u64() > Some(0), "{counted}");
    let for_people = world.run(&["run", "healthy.echo", "a=1"]);
    assert_eq!(serde_json::from_str::<Value>(&for_people.stdout).unwrap(), json!({"a": "1"}), "{for_people}");
}

#[test]
fn content_comes_as_in_mcp() {
    let world = World::with(&["hostile"]);
    let outcome = object(&world.call("hostile.all-content", &[]));
    let parts = outcome["output"]["content"].as_array().unwrap();
    assert!(!outcome["output"]["data"].is_null(), "{outcome}");
    let mut kinds = Vec::new();
    for part in parts {
        kinds.push(part["type"].as_str().unwrap());
        match part["type"].as_str() {
            Some("text") => has_fields(part, &["type", "text"], &[]),
            _ => has_fields(part, &["type", "data", "mimeType"], &[]),
        }
    }
    assert_eq!(kinds, ["text", "image", "audio"]);
    let empty = object(&world.call("hostile.empty-output", &[]));
    assert_eq!(empty["output"], json!({"data": null, "content": []}));
}

#[test]
fn each_kind_of_error_has_its_exit_code() {
    let world = World::with(&["healthy", "errors", "output-breaks-schema", "schemas", "hostile"]);
    world.put("broken.wasm", b"\0asm");
    ends(&world, &["healthy.echo", "a=1"], "", 0);
    ends(&world, &["errors.failed", "message=no"], "tool-error", 1);
    ends(&world, &["errors.transient", "message=later"], "tool-error", 1);
    ends(&world, &["output-breaks-schema.breaks"], "tool-error", 1);
    ends(&world, &["output-breaks-schema.no-data"], "tool-error", 1);
    ends(&world, &["output-breaks-schema.not-json"], "tool-error", 1);
    let several = ends(&world, &["healthy"], "usage", 2);
    for tool in ["echo", "generation", "slow", "count"] {
        assert!(several["error"]["message"].as_str().unwrap().contains(tool), "`{tool}` is named: {several}");
    }
    ends(&world, &["nobody.echo"], "not-found", 3);
    ends(&world, &["nobody"], "not-found", 3);
    ends(&world, &["healthy.nothing"], "not-found", 3);
    ends(&world, &["broken.run"], "not-found", 3);
    ends(&world, &["errors.invalid-input", "message=no"], "invalid-input", 4);
    ends(&world, &["healthy.echo", "--input", "{"], "invalid-input", 4);
    ends(&world, &["healthy.echo", "--input", "[1]"], "invalid-input", 4);
    ends(&world, &["hostile.trap"], "trap", 7);
    ends(&world, &["hostile.panic"], "trap", 7);
}

#[test]
fn input_that_does_not_fit_is_refused_with_its_path() {
    let world = World::with(&["schemas"]);
    for (input, path) in [
        (r#"{"count":11}"#, "/count"),
        (r#"{"count":"one"}"#, "/count"),
        (r#"{"text":""}"#, "/text"),
        (r#"{"words":["a",2]}"#, "/words/1"),
        (r#"{"nested":{"list":[1,2,"x"]}}"#, "/nested/list/2"),
        (r#"{"strange":1}"#, "strange"),
    ] {
        let outcome = ends(&world, &["schemas.typed", "--input", input], "invalid-input", 4);
        assert!(outcome["error"]["message"].as_str().unwrap().contains(path), "{input} → {path}: {outcome}");
        assert_eq!(outcome["usage"]["fuel"], 0, "the guest never saw it: {outcome}");
    }
    let missing = ends(&world, &["schemas.required"], "invalid-input", 4);
    assert!(missing["error"]["message"].as_str().unwrap().contains("name"), "{missing}");
    let deep = ends(
        &world,
        &["schemas.tree", "--input", r#"{"children":[{"children":[{"children":3}]}]}"#],
        "invalid-input",
        4,
    );
    assert!(deep["error"]["message"].as_str().unwrap().contains("/children/0/children/0/children"), "{deep}");
}

#[test]
fn each_limit_of_the_command_line_is_reached_with_exit_code_6() {
    let world = World::with(&["hostile"]);
    let fuel = ends(&world, &["hostile.spin", "--fuel", "50000"], "fuel", 6);
    assert_eq!(fuel["usage"]["fuel"], 50_000);
    for (timeout, at_least_us) in [("100ms", 100_000), ("1s", 1_000_000)] {
        let late = ends(&world, &["hostile.sleep", "--timeout", timeout], "deadline", 6);
        let took = late["usage"]["wall_us"].as_u64().unwrap();
        assert!(took >= at_least_us && took < at_least_us + 1_000_000, "{timeout}: {late}");
    }
    for (memory, bytes) in [("2MiB", 2 << 20), ("4096KiB", 4 << 20)] {
        let full = ends(&world, &["hostile.grow", "--memory", memory], "memory", 6);
        assert!(full["usage"]["peak_memory_bytes"].as_u64().unwrap() <= bytes, "{full}");
    }
    ends(&world, &["hostile.huge-output"], "output", 6);
    ends(&world, &["hostile.host-call-loop"], "host-calls", 6);
}

#[test]
fn a_command_line_that_is_wrong_ends_with_2_and_says_so() {
    let world = World::with(&["healthy"]);
    for arguments in [
        &["frobnicate"] as &[&str],
        &[],
        &["run"],
        &["run", "healthy.echo", "novalue"],
        &["run", "healthy.echo", "=x"],
        &["run", "healthy.echo", "a:={"],
        &["run", "healthy.echo", "a=@no-such-file"],
        &["run", "healthy.echo", "--input", "@no-such-file"],
        &["run", "healthy.echo", "--input", "[1]", "a=1"],
        &["run", "healthy.echo", "--fuel", "much"],
        &["run", "healthy.echo", "--timeout", "5"],
        &["run", "healthy.echo", "--memory", "64"],
        &["run", "healthy.echo", "--memory", "64XB"],
        &["run", "healthy.echo", "--what"],
        &["list", "--what"],
        &["events", "--limit", "-1"],
        &["new"],
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran}");
    }
}

#[test]
fn with_json_an_object_comes_also_when_nothing_could_run() {
    let world = World::with(&["healthy"]);
    world.aside("broken.wasm", b"\0asm");
    for (arguments, kind, code) in [
        (&["healthy.echo", "novalue"] as &[&str], "usage", 2),
        (&["healthy.echo", "a=@no-such-file"], "usage", 2),
        (&["./no-such-file.wasm"], "not-found", 3),
        (&["./broken.wasm"], "not-found", 3),
    ] {
        let ran = world.run(&[&["run"], arguments, &["--json"]].concat());
        assert_eq!(ran.code, Some(code), "{ran}");
        assert_eq!(object(&ran)["error"]["kind"], kind, "{ran}");
    }
}

#[test]
fn a_field_becomes_what_the_schema_says_of_it() {
    let world = World::with(&["schemas"]);
    let fields =
        ["text=5", "count=3", "share=0.25", "yes=true", r#"words=["a","b"]"#, r#"nested={"list":[1]}"#, "any=7"];
    let expected = json!({"text": "5", "count": 3, "share": 0.25, "yes": true, "words": ["a", "b"],
        "nested": {"list": [1]}, "any": "7"});
    assert_eq!(world.call("schemas.typed", &fields).data(), expected);
    assert_eq!(world.call("schemas.required", &["name=abc", "other=1"]).data(), json!({"name": "abc", "other": "1"}));
}

#[test]
fn fields_take_files_and_json_and_lie_over_the_whole_input() {
    let world = World::with(&["healthy"]);
    let text = "zwei Zeilen\n{\"no\": json}\n= @ ü";
    world.aside("text.txt", text.as_bytes());
    world.aside("whole.json", br#"{"a":1,"b":[2]}"#);
    let call = |arguments: &[&str]| world.call("healthy.echo", arguments).data();
    assert_eq!(call(&["t=@text.txt"]), json!({"t": text}));
    assert_eq!(
        call(&["a:=1", "b:=null", r#"c:={"d":[true,"x"]}"#, "e:=\"f\""]),
        json!({"a": 1, "b": null, "c": {"d": [true, "x"]}, "e": "f"})
    );
    assert_eq!(call(&["a=b=c", "d=", "e= f "]), json!({"a": "b=c", "d": "", "e": " f "}));
    assert_eq!(
        call(&["big:=18446744073709551615", "small:=-9223372036854775808"]),
        json!({"big": u64::MAX, "small": i64::MIN})
    );
    assert_eq!(call(&["--input", r#"{"a":{"b":1}}"#]), json!({"a": {"b": 1}}));
    assert_eq!(call(&["--input", "@whole.json"]), json!({"a": 1, "b": [2]}));
    assert_eq!(call(&["--input", "@whole.json", "b:=3", "c=x"]), json!({"a": 1, "b": 3, "c": "x"}));
    assert_eq!(call(&[]), json!({}));
    let piped = world.run_with_input(&["run", "healthy.echo", "--input", "-", "--json"], br#"{"from":"a pipe"}"#);
    assert_eq!(piped.data(), json!({"from": "a pipe"}));
    let nothing = world.run_with_input(&["run", "healthy.echo", "--input", "-", "--json"], b"");
    assert_eq!((nothing.kind().as_str(), nothing.code), ("invalid-input", Some(4)), "{nothing}");
}

#[test]
fn a_target_may_be_a_path_and_the_only_tool_needs_no_name() {
    let world = World::new();
    fs::create_dir(world.root().join("else.where")).unwrap();
    let bytes = fs::read(guest("recorder")).unwrap();
    world.aside("else.where/recorder.wasm", &bytes);
    fs::copy(guest("healthy"), world.root().join("x.wasm")).unwrap();
    let absolute = world.root().join("x.wasm").display().to_string();
    for target in ["./x.wasm.echo", "x.wasm.echo", &format!("{absolute}.echo")] {
        assert_eq!(world.call(target, &["a=1"]).data(), json!({"a": "1"}), "{target}");
    }
    for target in ["else.where/recorder.wasm", "./else.where/recorder.wasm.echo"] {
        let hears = ["--grant", "blackboard.subscribe notes:*", "a=1"];
        assert_eq!(world.call(target, &hears).data(), json!({"a": "1"}), "{target}");
    }
    let several = world.call("./x.wasm", &[]);
    assert_eq!((several.kind().as_str(), several.code), ("usage", Some(2)), "{several}");
    assert_eq!(world.call("./x.wasm.nothing", &[]).code, Some(3));
    assert_eq!(world.list(), Vec::<Value>::new(), "a file that is run is not dropped");
    let world = world.allowing_all();
    world.put("recorder.wasm", &bytes);
    assert_eq!(world.call("recorder", &["a=1"]).data(), json!({"a": "1"}));
}

#[test]
fn a_guests_control_characters_never_reach_the_output_raw_and_are_whole_in_json() {
    let world = World::with(&["hostile"]);
    let raw =
        |text: &str| text.chars().any(|char| (char.is_control() && char != '\n' && char != '\t') || char == '\u{202e}');
    for form in ["text", "data", "error", "log", "stdout", "progress", "event"] {
        let ran = world.call("hostile.control-characters", &[&format!("as={form}")]);
        assert!(!raw(&ran.stdout) && !raw(&ran.stderr), "{form}: {ran}");
        let outcome = object(&ran);
        let said = match form {
            "text" => outcome["output"]["content"][0]["text"].clone(),
            "error" => outcome["error"]["message"].clone(),
            _ => continue,
        };
        assert!(said.as_str().unwrap().contains("\u{1b}[2J"), "{form}: {outcome}");
    }
    for arguments in [&["events", "--json"] as &[&str], &["runs", "--json"]] {
        let ran = world.run(arguments);
        assert!(ran.stdout.contains("\\u001b") && !raw(&ran.stdout), "{ran}");
    }
}
