//! Budgets that several processes spend from, and a process that dies over it.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use skillhost_tests::{PATIENCE, World, eventually};

use crate::accounts::{PROMPT, adds_up, balances, standing};
use crate::kit::{ask, budgets, cascade, is_refused, ledger, world};
use crate::models::{Models, Reply, costs};

/// `asker.complete` in a process of its own, which begins when the barrier goes.
fn behind(barrier: std::io::PipeReader, world: &World, input: &Value) -> Child {
    let command = world.command(&["run", "asker.complete", "--json", "--input", &input.to_string()]);
    let mut shell = Command::new("sh");
    // It reads until nobody can write any more, and then is the program.
    shell.args(["-c", "read -r _; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(command.get_current_dir().unwrap());
    shell.stdin(barrier).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell.spawn().expect("a shell")
}

#[test]
fn twenty_four_processes_that_spend_one_budget_at_once_never_go_over_it() {
    const PROCESSES: usize = 24;
    const FIT: u64 = 10;
    // Each spends to the token what is set aside for it, so that it does not matter who comes first.
    let output = 89;
    let model = Models::new(move |_| costs("Spent.", PROMPT, output));
    let limit = FIT * (PROMPT + output);
    let world = world(&json!({
        "llm": cascade(&[("one", model.ollama())]),
        "budgets": [{"tenant": "default", "llm_tokens": {"day": limit}}],
    }));
    // Compiles it once.
    world.list();
    let (reader, writer) = std::io::pipe().unwrap();
    let input = json!({"max_tokens": output});
    let children: Vec<_> = (0..PROCESSES).map(|_| behind(reader.try_clone().unwrap(), &world, &input)).collect();
    drop(reader);
    drop(writer);
    eventually("the first is asked", PATIENCE, || !model.asked().is_empty());
    let within = |standing: &Value| {
        let taken = standing["used"].as_u64().unwrap() + standing["reserved"].as_u64().unwrap();
        assert!(taken <= limit, "over the budget: {standing}");
        taken == limit && standing["reserved"] == 0
    };
    eventually("all is spent", PATIENCE, || within(&budgets(&world)[0]));
    let mut outcomes = [0, 0];
    for child in children {
        let output = child.wait_with_output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let ran: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}"));
        let data = &ran["output"]["data"];
        if data["ok"]["text"] == "Spent." {
            outcomes[0] += 1;
        } else {
            is_refused(data, "limit", &["tenant:default", &limit.to_string()]);
            outcomes[1] += 1;
        }
    }
    assert_eq!(outcomes, [FIT, PROCESSES as u64 - FIT]);
    assert_eq!(model.asked().len() as u64, FIT);
    assert_eq!(budgets(&world), [standing("tenant:default", "llm_tokens", "day", limit, limit)]);
    let entries = ledger(&world);
    adds_up(&entries);
    assert_eq!(balances(&entries, "llm_tokens")["tenant:default"], limit.cast_signed());
}

#[test]
fn what_a_killed_process_had_set_aside_is_free_again_a_minute_after_its_call_could_have_ended() {
    let model = Models::new(|asked| match asked.prompt() {
        "Wait." => Reply::Hangs,
        _ => costs("Yes.", PROMPT, 10),
    });
    let world = world(&json!({
        "llm": cascade(&[("one", model.ollama())]),
        "budgets": [{"tenant": "default", "llm_tokens": {"day": 1_000}}],
    }));
    world.list();
    let input = json!({"prompt": "Wait.", "max_tokens": 900}).to_string();
    let mut hanging = world.command(&["run", "asker.complete", "--json", "--timeout", "5s", "--input", &input]);
    let mut child = hanging.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the model is asked", PATIENCE, || !model.asked().is_empty());
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();

    // `Wait.` has two tokens, and eight for the message.
    let reserved = 900 + 2 + 8;
    let row = |used: u64, reserved: u64| json!({"scope": "tenant:default", "unit": "llm_tokens", "window": "day", "limit": 1_000, "used": used, "reserved": reserved});
    assert_eq!(budgets(&world), [row(0, reserved)]);
    // Others go on with what is left.
    is_refused(
        &ask(&world, "complete", &json!({"max_tokens": 90})),
        "limit",
        &["tenant:default", &reserved.to_string()],
    );
    assert_eq!(ask(&world, "complete", &json!({"max_tokens": 10}))["ok"]["text"], "Yes.");
    let used = PROMPT + 10;
    assert_eq!(budgets(&world), [row(used, reserved)]);
    // Its call could take five seconds, and a settlement a minute.
    eventually("the reservation is gone", Duration::from_secs(90), || budgets(&world) == [row(used, 0)]);
    assert_eq!(ask(&world, "complete", &json!({"max_tokens": 900}))["ok"]["text"], "Yes.");
    adds_up(&ledger(&world));
}
