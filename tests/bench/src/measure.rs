//! The measurements, one after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use skillhost_lifecycle::{Config, Host, Options, Recording, RunRequest};
use skillhost_types::{Caller, Digest, LimitsPatch, Tenant};

use crate::bare::Bare;
use crate::http::Http;
use crate::{Failure, grants, guest, http, models};

/// Calls before any is counted: caches and pools fill.
const WARM_UP: usize = 1_000;
/// Durable calls wait for commits; a tenth of the others' count is enough for a p99.
const DURABLE_SHARE: usize = 10;
/// One and two callers take turns so often, each time for so long.
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(600);
/// Skills that lie idle while memory is read.
const IDLE: usize = 100;
/// Replacements under load, and the callers meanwhile.
const SWAPS: usize = 40;
const CALLERS: usize = 4;
/// Absorptions from the cache.
const ABSORPTIONS: usize = 20;

pub(crate) const SKILL: &str = "healthy";
pub(crate) const TOOL: &str = "echo";
pub(crate) const INPUT: &str = r#"{"text":"the quick brown fox jumps over the lazy dog"}"#;

#[derive(Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

#[derive(Serialize)]
struct Report {
    bare: Times,
    host_relaxed: Times,
    host_durable: Times,
    ratio_p50: f64,
    ratio_p99: f64,
    two_threads: f64,
    absorb_cached: f64,
    swap_added_p99: f64,
    calls_lost: u64,
    idle_skill_kib: f64,
    grant_check_ns: f64,
    ratio_20_grants: f64,
    completion_added: f64,
    piece_added: f64,
    #[serde(flatten)]
    http: Http,
    n: usize,
}

pub(crate) fn request(skill: &str, tool: &str, input: &str) -> RunRequest {
    RunRequest {
        skill: skill.to_owned(),
        tool: Some(tool.to_owned()),
        input: input.to_owned(),
        caller: Caller::Cli,
        tenant: Tenant::default(),
        limits: LimitsPatch::default(),
        progress: None,
        cancel: None,
    }
}

pub(crate) async fn all(calls: usize, as_json: bool) -> Result<(), Failure> {
    let bytes = guest::bytes()?;
    let folder = tempfile::tempdir()?;
    // First, while this process is small.
    let idle_skill_kib = idle(folder.path(), &bytes).await?;
    let relaxed = host(folder.path(), "relaxed", Recording::Relaxed, &bytes).await?;
    let durable = host(folder.path(), "durable", Recording::Durable, &bytes).await?;
    let bare = Bare::new(&bytes)?;

    let (bare_times, relaxed_times) = alternate(&bare, &relaxed, calls).await?;
    let durable_times = sequence(&durable, calls / DURABLE_SHARE).await?;
    let two_threads = two_threads(&relaxed).await?;
    let (swap_added_p99, calls_lost) = swaps(&relaxed, &folder.path().join("relaxed/skills"), &bytes).await?;
    relaxed.close().await;
    durable.close().await;
    let absorb_cached = absorb_cached(folder.path(), &bytes).await?;
    let ratio_20_grants = grants::ratio(folder.path(), &bytes).await?;
    let models = models::added(folder.path()).await?;
    let http = http::all(folder.path(), &bytes).await?;

    let report = Report {
        ratio_p50: rounded(at(&relaxed_times, 0.5) / at(&bare_times, 0.5), 2),
        ratio_p99: rounded(at(&relaxed_times, 0.99) / at(&bare_times, 0.99), 2),
        bare: times(&bare_times),
        host_relaxed: times(&relaxed_times),
        host_durable: times(&durable_times),
        two_threads: rounded(two_threads, 2),
        absorb_cached: rounded(absorb_cached, 1),
        swap_added_p99: rounded(swap_added_p99, 1),
        calls_lost,
        idle_skill_kib: rounded(idle_skill_kib, 1),
        grant_check_ns: rounded(grants::check()?, 1),
        ratio_20_grants: rounded(ratio_20_grants, 3),
        completion_added: rounded(models.completion, 1),
        piece_added: rounded(models.piece, 2),
        http,
        n: calls,
    };
    show(&report, as_json)
}

fn show(report: &Report, as_json: bool) -> Result<(), Failure> {
    if as_json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    println!("a fresh isolated call          p50 µs    p99 µs");
    for (name, times) in [
        ("bare wasmtime", &report.bare),
        ("host, relaxed", &report.host_relaxed),
        ("host, durable", &report.host_durable),
    ] {
        println!("  {name:<26} {:>8.1}  {:>8.1}", times.p50, times.p99);
    }
    println!("host, relaxed / bare           {:>8.2}  {:>8.2}", report.ratio_p50, report.ratio_p99);
    println!("two callers / one              {:>8.2}", report.two_threads);
    println!("absorbed from the cache        {:>8.1} µs", report.absorb_cached);
    println!("a swap adds at p99             {:>8.1} µs, {} calls lost", report.swap_added_p99, report.calls_lost);
    println!("an idle skill holds            {:>8.1} KiB", report.idle_skill_kib);
    println!("a check among 20 grants        {:>8.1} ns", report.grant_check_ns);
    println!("a call with 20 grants / 1      {:>8.3}", report.ratio_20_grants);
    println!(
        "a model's answer takes longer  {:>8.1} µs, {:.2} µs a piece",
        report.completion_added, report.piece_added
    );
    report.http.show();
    Ok(())
}

pub(crate) fn config(root: &Path, name: &str, recording: Recording) -> Config {
    let root = root.join(name);
    Config { data_dir: root.join("data"), skills_dir: root.join("skills"), recording, ..Config::default() }
}

async fn host(root: &Path, name: &str, recording: Recording, bytes: &[u8]) -> Result<Host, Failure> {
    open(config(root, name, recording), bytes).await
}

/// A host that serves these bytes.
pub(crate) async fn open(config: Config, bytes: &[u8]) -> Result<Host, Failure> {
    std::fs::create_dir_all(&config.skills_dir)?;
    std::fs::write(config.skills_dir.join("healthy.wasm"), bytes)?;
    let host = Host::open(Options::new(config)).await?;
    host.absorb_folder().await?;
    called(&host).await.map(|()| host)
}

async fn called(host: &Host) -> Result<(), Failure> {
    match &host.run(request(SKILL, TOOL, INPUT)).await.error {
        None => Ok(()),
        Some(error) => Err(error.message.clone().into()),
    }
}

/// Bare and host in turn. In nanoseconds.
async fn alternate(bare: &Bare, host: &Host, calls: usize) -> Result<(Histogram<u64>, Histogram<u64>), Failure> {
    let (mut bare_times, mut host_times) = (histogram()?, histogram()?);
    for call in 0..WARM_UP + calls {
        let begun = Instant::now();
        bare.call(TOOL, INPUT).await?;
        let between = Instant::now();
        called(host).await?;
        let ended = Instant::now();
        if call >= WARM_UP {
            bare_times.saturating_record(nanos(between - begun));
            host_times.saturating_record(nanos(ended - between));
        }
    }
    Ok((bare_times, host_times))
}

async fn sequence(host: &Host, calls: usize) -> Result<Histogram<u64>, Failure> {
    let mut times = histogram()?;
    for _ in 0..calls {
        let begun = Instant::now();
        called(host).await?;
        times.saturating_record(nanos(begun.elapsed()));
    }
    Ok(times)
}

/// How many times as much two callers get done as one, the median of some rounds.
async fn two_threads(host: &Host) -> Result<f64, Failure> {
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let one = throughput(host, 1).await?;
        let two = throughput(host, 2).await?;
        ratios.push(two / one);
    }
    ratios.sort_by(f64::total_cmp);
    ratios.get(ROUNDS / 2).copied().ok_or_else(|| "no rounds".into())
}

/// Calls per second of so many callers, each on a thread of its own: tasks could come to lie on one thread of the executor,
/// where one that never waits keeps the other from its turn.
async fn throughput(host: &Host, callers: usize) -> Result<f64, Failure> {
    let executor = tokio::runtime::Handle::current();
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let (host, executor) = (host.clone(), executor.clone());
            tokio::task::spawn_blocking(move || {
                executor.block_on(async {
                    let begun = Instant::now();
                    let mut calls = 0_u32;
                    while begun.elapsed() < ROUND {
                        called(&host).await?;
                        calls += 1;
                    }
                    Ok::<_, Failure>(f64::from(calls) / begun.elapsed().as_secs_f64())
                })
            })
        })
        .collect();
    let mut sum = 0.0;
    for thread in threads {
        sum += thread.await??;
    }
    Ok(sum)
}

/// What replacing the file adds to the p99 of callers at full speed, in microseconds, and the calls lost.
async fn swaps(host: &Host, folder: &Path, bytes: &[u8]) -> Result<(f64, u64), Failure> {
    let variants = (0..SWAPS).map(|number| guest::with(bytes, "GENERATION", &number.to_string()));
    let variants = variants.collect::<Result<Vec<_>, _>>()?;
    let watch = host.watch();
    // Compiled ahead, so that what is measured is the swap and not a compiler on the same two cores.
    for variant in &variants {
        put(host, folder, variant).await?;
    }
    let lost = Arc::new(AtomicU64::new(0));
    let quiet = under_load(host, &lost, async {
        // The load alone, for as long as the replacements take about.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    })
    .await?;
    let swapping = under_load(host, &lost, async {
        for variant in &variants {
            put(host, folder, variant).await?;
        }
        Ok(())
    })
    .await?;
    watch.stop().await;
    let added = (at(&swapping, 0.99) - at(&quiet, 0.99)) / 1_000.0;
    Ok((added.max(0.0), lost.load(Ordering::Relaxed)))
}

async fn under_load(
    host: &Host,
    lost: &Arc<AtomicU64>,
    meanwhile: impl Future<Output = Result<(), Failure>>,
) -> Result<Histogram<u64>, Failure> {
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (host, done, lost) = (host.clone(), done.clone(), lost.clone());
            tokio::spawn(async move {
                let mut times = histogram()?;
                while !done.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    if called(&host).await.is_err() {
                        lost.fetch_add(1, Ordering::Relaxed);
                    }
                    times.saturating_record(nanos(begun.elapsed()));
                    // Four callers on two threads: each lets the next one have its turn.
                    tokio::task::yield_now().await;
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    let outcome = meanwhile.await;
    done.store(true, Ordering::Relaxed);
    let mut all = histogram()?;
    for caller in callers {
        all.add(caller.await??)?;
    }
    outcome.map(|()| all)
}

/// Puts a file in place and waits until it serves.
async fn put(host: &Host, folder: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let draft = folder.join(".draft");
    std::fs::write(&draft, bytes)?;
    std::fs::rename(&draft, folder.join("healthy.wasm"))?;
    let digest = Digest::of(bytes);
    let begun = Instant::now();
    while host.skill(SKILL).is_none_or(|skill| skill.digest != digest) {
        if begun.elapsed() > Duration::from_secs(60) {
            return Err("a new file did not come to serve within a minute".into());
        }
        // Between two looks; a swap tells nobody inside the process.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// From opening the file to a linked generation, with the compiled form in the cache. The median.
async fn absorb_cached(root: &Path, bytes: &[u8]) -> Result<f64, Failure> {
    let path = root.join("cached.wasm");
    std::fs::write(&path, bytes)?;
    let config = Config { skills_dir: root.join("none"), ..config(root, "cached", Recording::Relaxed) };
    let host = Host::open(Options::new(config)).await?;
    host.absorb_file(&path).await;
    let mut took = Vec::new();
    for _ in 0..ABSORPTIONS {
        let begun = Instant::now();
        host.absorb_file(&path).await;
        took.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    host.close().await;
    took.sort_by(f64::total_cmp);
    took.get(ABSORPTIONS / 2).copied().ok_or_else(|| "no absorptions".into())
}

/// Anonymous resident memory that an absorbed skill adds; its code is mapped from a file.
async fn idle(root: &Path, bytes: &[u8]) -> Result<f64, Failure> {
    let config = config(root, "idle", Recording::Relaxed);
    let folder = config.skills_dir.clone();
    std::fs::create_dir_all(&folder)?;
    let add = |number: usize| -> Result<(), Failure> {
        let named = guest::with(bytes, "NAME", &format!("idle-{number}"))?;
        Ok(std::fs::write(folder.join(format!("idle-{number}.wasm")), named)?)
    };
    // Compiled in a process of its own, so that new skills find no freed memory here to hide in; one skill is there
    // before the reading.
    for number in 0..=IDLE {
        add(number)?;
    }
    let mut absorb = std::process::Command::new(std::env::current_exe()?);
    absorb.arg("absorb").arg("--data").arg(&config.data_dir).arg("--skills").arg(&folder);
    if !absorb.status()?.success() {
        return Err("the idle skills were not absorbed".into());
    }
    let all: BTreeMap<usize, Vec<u8>> = (1..=IDLE)
        .map(|number| {
            let path = folder.join(format!("idle-{number}.wasm"));
            let bytes = std::fs::read(&path)?;
            std::fs::remove_file(path)?;
            Ok((number, bytes))
        })
        .collect::<Result<_, std::io::Error>>()?;
    let host = Host::open(Options::new(config)).await?;
    host.absorb_folder().await?;
    let before = resident_kib()?;
    for (number, bytes) in &all {
        std::fs::write(folder.join(format!("idle-{number}.wasm")), bytes)?;
    }
    drop(all);
    host.absorb_folder().await?;
    let after = resident_kib()?;
    let there = host.entries().len();
    host.close().await;
    if there != IDLE + 1 {
        return Err(format!("{there} skills were absorbed, not {}", IDLE + 1).into());
    }
    Ok((after - before).max(0.0) / IDLE as f64)
}

pub(crate) fn resident_kib() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("no RssAnon in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Nanoseconds up to a minute, to three digits.
pub(crate) fn histogram() -> Result<Histogram<u64>, Failure> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn at(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64
}

pub(crate) fn times(histogram: &Histogram<u64>) -> Times {
    Times { p50: rounded(at(histogram, 0.5) / 1_000.0, 1), p99: rounded(at(histogram, 0.99) / 1_000.0, 1) }
}

pub(crate) fn rounded(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}
