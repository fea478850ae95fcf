//! What a guest can see of its run and of the machine, and how it tries to see more.

use crate::bindings::skillhost::skill::run;
use crate::manifest::{Input, data, tool};
use crate::{Answer, Tool};
use serde_json::{Value, json};
use std::io::Read;
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};
use wasip2::{clocks, filesystem, random};

pub(super) fn tools() -> Vec<Tool> {
    let path = ("path", "string");
    let to = ("to", "string");
    vec![
        tool("remaining", "What is left of this run's budget.", &[]),
        tool("context", "Who runs, for whom, until when.", &[]),
        tool("env", "All that the guest can see of the machine.", &[]),
        tool("clock-and-random", "The time, and a few random numbers.", &[]),
        tool("read-file", "Reads a file.", &[path]),
        tool("write-file", "Writes a file.", &[path, ("text", "string")]),
        tool("list-dir", "Lists a directory.", &[path]),
        tool("remove-file", "Removes a file.", &[path]),
        tool("rename", "Renames a file.", &[path, to]),
        tool("hard-link", "Links a file to another name.", &[path, to]),
        tool("log", "Writes one log line.", &[("level", "string"), ("message", "string")]),
        tool("progress", "Reports once.", &[("done", "number"), ("total", "number"), ("message", "string")]),
    ]
}

pub(super) fn call(tool: &str, input: &Input) -> Option<Answer> {
    let (path, to) = (input.string("path", "/"), input.string("to", "/"));
    let answer = match tool {
        "remaining" => remaining(),
        "context" => context(),
        "env" => env_seen(),
        "clock-and-random" => clock_and_random(),
        "read-file" => tried(fs::read_to_string(path)),
        "write-file" => tried(fs::write(path, input.string("text", "written by a guest")).map(|()| "written")),
        "list-dir" => tried(names(path)),
        "remove-file" => tried(fs::remove_file(path).map(|()| "removed")),
        "rename" => tried(fs::rename(path, to).map(|()| "renamed")),
        "hard-link" => tried(fs::hard_link(path, to).map(|()| "linked")),
        "log" => {
            run::log(level(input.string("level", "info")), input.string("message", "a line"));
            json!({ "logged": true })
        }
        "progress" => {
            let done = input.0["done"].as_f64().unwrap_or(1.0);
            run::progress(done, input.0["total"].as_f64(), input.string("message", ""));
            json!({ "reported": true })
        }
        _ => return None,
    };
    Some(data(answer))
}

fn level(name: &str) -> run::Level {
    match name {
        "trace" => run::Level::Trace,
        "debug" => run::Level::Debug,
        "warn" => run::Level::Warn,
        "error" => run::Level::Error,
        _ => run::Level::Info,
    }
}

fn remaining() -> Value {
    let left = run::remaining();
    json!({
        "fuel": left.fuel, "wall_ms": left.wall_ms, "memory_bytes": left.memory_bytes, "host_calls": left.host_calls,
        "llm_tokens": left.llm_tokens,
    })
}

fn context() -> Value {
    let now = run::current();
    json!({
        "run_id": now.run_id, "skill": now.skill, "tenant": now.tenant, "agent": now.agent, "caller": now.caller,
        "deadline": now.deadline,
    })
}

/// A result as `{"ok"}` or `{"err"}` with the system's text.
fn tried<T: Into<Value>>(result: io::Result<T>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value.into() }),
        Err(error) => json!({ "err": format!("{:?}: {error}", error.kind()) }),
    }
}

fn names(path: &str) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

fn env_seen() -> Value {
    let mut stdin = String::new();
    let stdin = io::stdin().take(1024).read_to_string(&mut stdin).map(|_| stdin);
    let preopens: Vec<String> = filesystem::preopens::get_directories().into_iter().map(|(_, path)| path).collect();
    json!({
        "environment": env::vars().collect::<Vec<_>>(),
        "arguments": env::args().collect::<Vec<_>>(),
        "initial_directory": wasip2::cli::environment::initial_cwd(),
        "preopens": preopens,
        "root": tried(names("/")),
        "here": tried(names(".")),
        "stdin": tried(stdin),
        "terminal": wasip2::cli::terminal_stdin::get_terminal_stdin().is_some(),
        "tcp": tried(TcpStream::connect(("127.0.0.1", 8650)).map(|_| "connected")),
        "listen": tried(TcpListener::bind(("127.0.0.1", 0)).map(|_| "bound")),
        "udp": tried(UdpSocket::bind(("127.0.0.1", 0)).map(|_| "bound")),
        "name": tried(("localhost", 80).to_socket_addrs().map(|found| found.count())),
    })
}

fn clock_and_random() -> Value {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let first = clocks::monotonic_clock::now();
    json!({
        "wall_ms": u64::try_from(wall).unwrap_or(u64::MAX),
        "monotonic_ns": [first, clocks::monotonic_clock::now()],
        "resolution_ns": clocks::monotonic_clock::resolution(),
        "random": random::random::get_random_u64(),
        "random_bytes": random::random::get_random_bytes(8),
        "insecure": random::insecure::get_insecure_random_u64(),
        "seed": random::insecure_seed::insecure_seed().0,
    })
}
