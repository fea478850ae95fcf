//! `config.yaml`, `--config`, and the environment above both.

use serde_json::json;
use skillhost_tests::{PATIENCE, Ran, World, eventually};

/// Runs with settings of the environment.
#[track_caller]
fn with_environment(world: &World, settings: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = world.command(arguments);
    command.envs(settings.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn fuel_of(ran: &Ran) -> u64 {
    assert_eq!(ran.kind(), "fuel", "{ran}");
    ran.json()["usage"]["fuel"].as_u64().unwrap()
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_and_its_line() {
    let world = World::with(&["healthy"]);
    for (yaml, key, line) in [
        ("limits:\n  fuel: 1000\n  fule: 7\n", "fule", 3),
        ("nonsense: 1\n", "nonsense", 1),
        ("# a comment\n\nrecording: durable\nlimit: {}\n", "limit", 4),
        ("skills:\n  healthy:\n    limits:\n      fuell: 1\n", "fuell", 4),
    ] {
        world.configure(yaml);
        for arguments in [&["list", "--json"] as &[&str], &["run", "healthy.echo"], &["up"], &["runs"]] {
            let ran = world.run(arguments);
            assert_eq!(ran.code, Some(2), "{ran}");
            assert!(ran.stdout.is_empty(), "{ran}");
            assert!(ran.stderr.contains(&format!("`{key}`")), "names the key: {ran}");
            assert!(ran.stderr.contains(&format!("line {line}")), "names the line: {ran}");
            assert!(ran.stderr.contains("config.yaml"), "names the file: {ran}");
        }
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_an_error_at_its_line() {
    let world = World::new();
    for (yaml, line) in [
        ("limits:\n  timeout: 5\n", 2),
        ("limits:\n  memory: 64\n", 2),
        ("limits:\n  fuel: much\n", 2),
        ("recording: sometimes\n", 1),
        ("limits:\n  fuel: 1\n  fuel: 2\n", 3),
        ("limits: [\n", 0),
    ] {
        world.configure(yaml);
        let ran = world.run(&["list"]);
        assert_eq!(ran.code, Some(2), "{yaml}: {ran}");
        assert!(line == 0 || ran.stderr.contains(&format!("line {line}")), "{yaml}: {ran}");
    }
}

#[test]
fn limits_of_the_file_hold_and_a_skills_own_section_and_the_command_line_go_before_it() {
    let world = World::with(&["hostile", "healthy"]);
    world.configure("limits: { fuel: 20000, memory: 2MiB, timeout: 200ms }\n");
    assert_eq!(fuel_of(&world.call("hostile.spin", &[])), 20_000);
    assert_eq!(world.call("hostile.grow", &[]).kind(), "memory");
    assert_eq!(world.call("hostile.sleep", &[]).kind(), "deadline");
    assert_eq!(fuel_of(&world.call("hostile.spin", &["--fuel", "30000"])), 30_000);
    world.configure("limits: { fuel: 20000 }\nskills: { hostile: { limits: { fuel: 40000 } } }\n");
    assert_eq!(fuel_of(&world.call("hostile.spin", &[])), 40_000);
    world.configure("skills: { hostile: { limits: { fuel: 300 } } }\n");
    assert_eq!(fuel_of(&world.call("hostile.spin", &[])), 300);
    assert_eq!(world.call("healthy.echo", &[]).code, Some(0), "only that skill's");
    world.configure("limits: { input: 64B, output: 1KiB, host_calls: 5 }\n");
    let long = format!("a={}", "x".repeat(100));
    assert_eq!(world.call("healthy.echo", &[&long]).kind(), "invalid-input");
    assert_eq!(world.call("hostile.huge-output", &["bytes=2000"]).kind(), "output");
    assert_eq!(world.call("hostile.host-call-loop", &[]).kind(), "host-calls");
}

#[test]
fn config_may_name_another_file_which_must_be_there() {
    let world = World::with(&["hostile"]);
    world.configure("limits: { fuel: 20000 }\n");
    world.aside("other.yaml", b"limits: { fuel: 10000 }\n");
    assert_eq!(fuel_of(&world.call("hostile.spin", &["--config", "other.yaml"])), 10_000);
    let missing = world.run(&["list", "--config", "missing.yaml"]);
    assert_eq!(missing.code, Some(2), "{missing}");
    assert!(missing.stderr.contains("missing.yaml"), "{missing}");
}

#[test]
fn the_environment_overrides_the_file_and_is_checked_as_well() {
    let world = World::with(&["hostile"]);
    world.configure("limits: { fuel: 20000 }\n");
    let spin = ["run", "hostile.spin", "--json"];
    let (code, stdout, _) = with_environment(&world, &[("SKILLHOST_LIMITS__FUEL", "15000")], &spin);
    assert!(code == Some(6) && stdout.contains("\"fuel\":15000"), "{code:?} {stdout}");
    let sleep = ["run", "hostile.sleep", "--json"];
    let (code, stdout, _) = with_environment(&world, &[("SKILLHOST_LIMITS__TIMEOUT", "150ms")], &sleep);
    assert!(code == Some(6) && stdout.contains("deadline"), "{code:?} {stdout}");
    let (code, stdout, _) = with_environment(
        &world,
        &[("SKILLHOST_LIMITS__FUEL", "15000")],
        &["run", "hostile.spin", "--json", "--fuel", "12000"],
    );
    assert!(code == Some(6) && stdout.contains("\"fuel\":12000"), "the command line goes before it: {stdout}");
    for (name, value) in [
        ("SKILLHOST_LIMITS__FULE", "1"),
        ("SKILLHOST_LIMITS__FUEL", "much"),
        ("SKILLHOST_LIMITS__TIMEOUT", "5"),
        ("SKILLHOST_RECORDING", "sometimes"),
    ] {
        let (code, stdout, stderr) = with_environment(&world, &[(name, value)], &["list"]);
        assert_eq!(code, Some(2), "{name}={value}: {stdout} {stderr}");
        assert!(stdout.is_empty() && stderr.contains(name), "names the variable: {stderr}");
    }
}

#[test]
fn skills_dir_and_data_dir_of_the_file_stand_where_no_flag_is_given() {
    let world = World::new();
    std::fs::create_dir(world.root().join("elsewhere")).unwrap();
    std::fs::copy(skillhost_tests::guest("healthy"), world.root().join("elsewhere/healthy.wasm")).unwrap();
    world.configure("skills_dir: elsewhere\ndata_dir: kept/here\n");
    let mut command = std::process::Command::new(skillhost_tests::binary());
    let output = command.current_dir(world.root()).args(["run", "healthy.echo", "a=1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(world.root().join("kept/here").is_dir());
    let listed = world.list();
    assert!(listed.is_empty(), "the flags go before the file: {listed:?}");
}

#[test]
fn what_the_command_line_sets_is_no_edit_of_the_file() {
    let world = World::new();
    let mut up = world.up_with(&["--listen", &format!("unix:{}", world.root().join("http.sock").display())]);
    up.address();
    world.configure("recording: relaxed\n");
    let mut configured = Vec::new();
    eventually("the edit takes effect", PATIENCE, || {
        configured = up.notices().into_iter().filter(|notice| notice["what"] == "configured").collect();
        !configured.is_empty()
    });
    assert_eq!(configured, [json!({"what": "configured", "changed": ["recording"], "at_next_start": []})]);
}
