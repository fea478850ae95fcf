//! What grants cost: one check, and a call that makes one.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use skillhost_lifecycle::{Host, Recording};
use skillhost_types::{Capability, Grant, Grants};

use crate::measure::{SKILL, at, config, histogram, nanos, open, request};
use crate::{Failure, guest};

/// As many grants as a skill with much to do holds.
const MANY: usize = 20;
/// Checks per batch, and batches; the median batch counts.
const CHECKS: u32 = 100_000;
const BATCHES: usize = 21;
/// Calls before any is counted, and calls.
const WARM_UP: usize = 1_000;
const CALLS: usize = 10_000;
/// The tool, which makes one host call, and what that takes.
const TOOL: &str = "count";
const NEEDED: &str = "blackboard.write healthy:*";

fn grants() -> Vec<String> {
    // The one that allows comes last in the order in which they are tried.
    let others = (1..MANY).map(|number| format!("blackboard.write a{number}:*:b"));
    others.chain([NEEDED.to_owned()]).collect()
}

/// Nanoseconds for one check that allows, with as many grants of the capability.
pub(crate) fn check() -> Result<f64, Failure> {
    let grants: Grants = grants().iter().map(|grant| grant.parse::<Grant>()).collect::<Result<_, _>>()?;
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let begun = Instant::now();
        for _ in 0..CHECKS {
            if !black_box(&grants).allows(Capability::BlackboardWrite, black_box("healthy:count")) {
                return Err("the check does not allow".into());
            }
        }
        batches.push(begun.elapsed().as_nanos() as f64 / f64::from(CHECKS));
    }
    batches.sort_by(f64::total_cmp);
    batches.get(BATCHES / 2).copied().ok_or_else(|| "no batches".into())
}

/// How many times as much a call costs with that many grants as with the one that it needs. The calls take turns.
pub(crate) async fn ratio(root: &Path, bytes: &[u8]) -> Result<f64, Failure> {
    let few = host(root, "few", &guest::with(bytes, "WANTS", NEEDED)?).await?;
    let many = host(root, "many", &guest::with(bytes, "WANTS", &grants().join(";"))?).await?;
    let (mut of_few, mut of_many) = (histogram()?, histogram()?);
    for call in 0..WARM_UP + CALLS {
        let begun = Instant::now();
        counted(&few).await?;
        let between = Instant::now();
        counted(&many).await?;
        let ended = Instant::now();
        if call >= WARM_UP {
            of_few.saturating_record(nanos(between - begun));
            of_many.saturating_record(nanos(ended - between));
        }
    }
    few.close().await;
    many.close().await;
    Ok(at(&of_many, 0.5) / at(&of_few, 0.5))
}

async fn host(root: &Path, name: &str, bytes: &[u8]) -> Result<Host, Failure> {
    let mut config = config(root, name, Recording::Relaxed);
    config.approval.auto = vec!["* *".parse()?];
    open(config, bytes).await
}

async fn counted(host: &Host) -> Result<(), Failure> {
    match &host.run(request(SKILL, TOOL, "{}")).await.error {
        None => Ok(()),
        Some(error) => Err(error.message.clone().into()),
    }
}
