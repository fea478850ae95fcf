//! `demo`: the guided tour. It uses the commands' own code on embedded defaults and ends by itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use skillhost_blackboard::Selection;
use skillhost_events::RunQuery;
use skillhost_lifecycle::{Config, Host, Options, RunRequest};
use skillhost_types::{Caller, Glob, LimitsPatch, RunRecord, Tenant, Usage};

use crate::args::Common;
use crate::fail::Fail;
use crate::{build, print, run, session};

/// The skill that the tour replaces, and its tool: small, so that compiling it twenty times is soon done.
const SWAPPED: &str = "units";
const SWAPPED_TOOL: &str = "units.human-size";
/// The skill that messages wake.
const AGENT: &str = "triage";
/// The skill that reads files.
const READER: &str = "repo-scan";
/// How much of an output is shown: lines, and characters of one.
const LINES: usize = 8;
const WIDTH: usize = 72;
/// How often the tour replaces a skill under load.
const SWAPS: u32 = 20;
/// Callers that never pause meanwhile.
const CALLERS: usize = 4;
/// How long a new file may take to serve before the tour gives up.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn demo(common: &Common) -> Result<ExitCode, Fail> {
    if common.json {
        return Err(Fail::usage("the tour is for people; it has no JSON"));
    }
    let sources = Path::new("skills");
    if !sources.join("Cargo.toml").exists() {
        return Err(Fail::usage("the tour needs the example skills; run it in a checkout of skillhost"));
    }
    let config = session::config(common)?;
    let folder = config.skills_dir.clone();

    title("1. Build the example skills into the drop folder");
    build::build(common, &crate::args::Build { paths: vec![sources.into()] })?;

    title("2. Start a host on embedded defaults; it absorbs what it finds");
    let host = Host::open(Options::new(config)).await?;
    let watch = host.watch();
    host.absorb_folder().await?;
    for entry in host.entries() {
        let tools = entry.own().into_iter().flat_map(|skill| skill.tools.iter()).map(|tool| tool.name.to_string());
        let tools: Vec<_> = tools.collect();
        print::line(&format!("   {:<10} {:<8} {}", entry.name, entry.state.as_str(), tools.join(" ")));
    }

    title("3. Run them on real files");
    let readme = std::fs::read_to_string("README.md").unwrap_or_default();
    let mut used = Vec::new();
    used.push(call(&host, "textkit.summarize", json!({"text": readme, "sentences": 2})).await?);
    used.push(call(&host, "markdown.outline", json!({"text": readme})).await?);
    let manifest = json!({"packages": ["host", "sdk", "skills"], "edition": 2024});
    let query = json!({"filter": ".packages | map(ascii_upcase)", "input": manifest});
    used.push(call(&host, "jq.query", query).await?);

    title("4. Decide on what asks for more than every skill has");
    decide(&host, AGENT).await?;
    decide(&host, READER).await?;
    used.push(call(&host, "repo-scan.scan", json!({"dir": "skills", "top": 3, "todos": 3})).await?);

    title("5. Wake an agent with a message");
    used.push(agent(&host).await?);

    title("6. Replace a skill while four callers use it at full speed");
    used.push(swap_under_load(&folder).await?);

    title("7. What each used");
    for (target, usage) in used {
        let Usage { wall_us, fuel, peak_memory_bytes, host_calls, .. } = usage;
        print::line(&format!(
            "   {target:<20} {wall_us:>6} µs {fuel:>10} fuel {:>6} KiB {host_calls:>3} host calls",
            peak_memory_bytes >> 10
        ));
    }
    watch.stop().await;
    host.close().await;
    print::line(
        "\nGo on with `skillhost list`, `skillhost run textkit.keywords text=@README.md`, `skillhost new hello`.",
    );
    Ok(ExitCode::SUCCESS)
}

/// A tool and what one run of it used.
type Used = (&'static str, Usage);

fn swapped_input() -> Value {
    json!({"bytes": 1536, "base": "binary"})
}

fn title(text: &str) {
    print::raw(&format!("\n{}", console::style(text).bold()));
}

async fn run_one(host: &Host, target: &str, input: &Value) -> Arc<RunRecord> {
    let (skill, tool) = target.split_once('.').unwrap_or((target, ""));
    host.run(RunRequest {
        skill: skill.to_owned(),
        tool: Some(tool.to_owned()),
        input: input.to_string(),
        caller: Caller::Cli,
        tenant: Tenant::default(),
        limits: LimitsPatch::default(),
        progress: None,
        cancel: None,
    })
    .await
}

/// Runs a tool and shows the beginning of what it gave.
async fn call(host: &Host, target: &'static str, input: Value) -> Result<Used, Fail> {
    let record = run_one(host, target, &input).await;
    print::line(&format!("   {target}  ({} µs, {} fuel)", record.usage.wall_us, record.usage.fuel));
    match (&record.output, &record.error) {
        (Some(output), _) => {
            let text = run::text_of(output);
            for line in text.lines().take(LINES) {
                print::line(&format!("     {}", console::truncate_str(line, WIDTH, "…")));
            }
            if text.lines().nth(LINES).is_some() {
                print::line("     …");
            }
            Ok((target, record.usage))
        }
        (None, Some(error)) => Err(Fail::failed(format!("{target} gave no output: {}", error.message))),
        (None, None) => Err(Fail::internal(format!("{target} gave neither output nor error"))),
    }
}

/// Says yes to what waits of `skill`, as `skillhost approve` would.
async fn decide(host: &Host, skill: &str) -> Result<(), Fail> {
    let waits = host.approvals(false)?.into_iter().find(|approval| approval.skill == skill);
    let Some(waits) = waits else {
        print::line(&format!("   {skill} was decided on before"));
        return Ok(());
    };
    for want in &waits.wants {
        print::line(&format!("   {skill} asks for {} {}: {}", want.capability, want.scope, want.reason));
    }
    host.approve(&waits.id, None, "cli:demo").await?;
    print::line(&format!("   approved, as `skillhost approve {}` would", waits.id));
    Ok(())
}

async fn agent(host: &Host) -> Result<Used, Fail> {
    let message = json!({"issue": 123, "title": "Crash when the file is empty", "action": "comment"});
    let tenant = Tenant::default();
    let begun = Instant::now();
    // The agent joins as the watch begins; until then a message has no receiver.
    while host.publish(&tenant, "dispatch:new", &message).await.map_err(Fail::internal)? == 0 {
        waited(begun, "the agent to join").await?;
    }
    let runs = || host.events().runs(&RunQuery { skill: Some(AGENT), limit: 20, ..RunQuery::default() });
    let usage = loop {
        if let Some(run) = runs()?.into_iter().find(|run| &*run.tool == "handle") {
            print::line(&format!(
                "   dispatch:new -> triage.handle  ({} µs, {} host calls)",
                run.usage.wall_us, run.usage.host_calls
            ));
            break run.usage;
        }
        waited(begun, "the agent to handle its message").await?;
    };
    let keys = host.blackboard().keys(&tenant, &Selection::all(Glob::new("agent:triage:*")), 10).await;
    for key in keys.map_err(Fail::internal)? {
        print::line(&format!("     wrote {}", key.as_str()));
    }
    Ok(("triage.handle", usage))
}

/// On a host of its own, so that some hundred thousand runs of a tour do not bury the others on record.
async fn swap_under_load(folder: &Path) -> Result<Used, Fail> {
    let file = format!("{SWAPPED}.wasm");
    let original = folder.join(&file);
    let original =
        std::fs::read(&original).map_err(|error| Fail::failed(format!("{}: {error}", original.display())))?;
    let aside = tempfile::tempdir().map_err(Fail::internal)?;
    let (skills_dir, data_dir) = (aside.path().join("skills"), aside.path().join("data"));
    std::fs::create_dir(&skills_dir).map_err(Fail::internal)?;
    let path = skills_dir.join(file);
    put(&path, &original).map_err(Fail::internal)?;
    let host = &Host::open(Options::new(Config { skills_dir, data_dir, ..Config::default() })).await?;
    host.absorb_folder().await?;
    let watch = host.watch();
    let done = Arc::new(AtomicBool::new(false));
    let failed = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (host, done, failed) = (host.clone(), done.clone(), failed.clone());
            tokio::spawn(async move {
                let mut latency = histogram().ok();
                let input = swapped_input();
                let mut generations = std::collections::HashSet::new();
                while !done.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    let record = run_one(&host, SWAPPED_TOOL, &input).await;
                    failed.fetch_add(u64::from(!record.ok), Ordering::Relaxed);
                    generations.extend(record.digest);
                    if let Some(latency) = &mut latency {
                        latency.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
                    }
                }
                (latency, generations)
            })
        })
        .collect();
    let result = replace(host, &path, &original).await;
    done.store(true, Ordering::Relaxed);
    let mut all = histogram()?;
    let mut generations = std::collections::HashSet::new();
    for caller in callers {
        let (latency, seen) = caller.await.map_err(Fail::internal)?;
        generations.extend(seen);
        if let Some(latency) = latency {
            all.add(latency).map_err(Fail::internal)?;
        }
    }
    result?;
    print::line(&format!(
        "   {} calls, {} failed, {} generations answered; p50 {} µs, p99 {} µs",
        all.len(),
        failed.load(Ordering::Relaxed),
        generations.len(),
        all.value_at_quantile(0.5),
        all.value_at_quantile(0.99)
    ));
    watch.stop().await;
    match failed.load(Ordering::Relaxed) {
        0 => Ok((SWAPPED_TOOL, run_one(host, SWAPPED_TOOL, &swapped_input()).await.usage)),
        lost => Err(Fail::failed(format!("{lost} calls failed while the skill was replaced"))),
    }
}

/// Microseconds up to a minute, to three digits. What is over the range counts as its end.
fn histogram() -> Result<Histogram<u64>, Fail> {
    Histogram::new_with_bounds(1, 60_000_000, 3).map_err(Fail::internal)
}

/// Replaces the file with generations of itself, one after the other, and at last with the original.
async fn replace(host: &Host, path: &Path, original: &[u8]) -> Result<(), Fail> {
    for number in 0..=SWAPS {
        let bytes = if number == SWAPS { original.to_vec() } else { generation(original, number) };
        let digest = skillhost_types::Digest::of(&bytes);
        put(path, &bytes).map_err(|error| Fail::failed(format!("{}: {error}", path.display())))?;
        let begun = Instant::now();
        while host.skill(SWAPPED).is_none_or(|skill| skill.digest != digest) {
            waited(begun, "the new file to serve").await?;
        }
    }
    Ok(())
}

/// The same component with a custom section more, which says its number: another digest, the same code.
fn generation(original: &[u8], number: u32) -> Vec<u8> {
    let name = format!("generation {number:04}");
    let mut bytes = original.to_vec();
    // Section 0, its length, the length of its name, its name.
    bytes.extend([0, u8::try_from(name.len() + 1).unwrap_or_default(), u8::try_from(name.len()).unwrap_or_default()]);
    bytes.extend(name.as_bytes());
    bytes
}

fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let draft: PathBuf = path.with_file_name(".demo.part");
    std::fs::write(&draft, bytes)?;
    std::fs::rename(draft, path)
}

/// A short pause; an error once it has been too long.
async fn waited(since: Instant, what: &str) -> Result<(), Fail> {
    if since.elapsed() > PATIENCE {
        return Err(Fail::failed(format!("gave up waiting for {what}")));
    }
    // Between two looks: what is waited for tells nobody.
    tokio::time::sleep(Duration::from_millis(5)).await;
    Ok(())
}
