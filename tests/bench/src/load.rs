//! A load that says what it was given, for tests that kill it.

use std::io::Write as _;
use std::path::PathBuf;

use skillhost_lifecycle::{Config, Host, Options};

use crate::Failure;
use crate::measure::request;

/// Calls `target` with `callers` callers until it is killed; prints each run's name once it has its outcome.
pub(crate) async fn for_ever(data: PathBuf, skills: PathBuf, target: &str, callers: usize) -> Result<(), Failure> {
    let host = opened(data, skills).await?;
    let (skill, tool) = target.split_once('.').ok_or("the target is SKILL.TOOL")?;
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (host, skill, tool) = (host.clone(), skill.to_owned(), tool.to_owned());
            tokio::spawn(async move {
                loop {
                    let record = host.run(request(&skill, &tool, "{}")).await;
                    let told = writeln!(std::io::stdout().lock(), "{}", record.run);
                    if told.is_err() || !record.ok {
                        return record.error.clone();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        if let Some(error) = task.await? {
            return Err(error.message.into());
        }
    }
    Ok(())
}

/// Absorbs what lies in `skills`, so that the next process finds it in the cache.
pub(crate) async fn absorb(data: PathBuf, skills: PathBuf) -> Result<(), Failure> {
    opened(data, skills).await?.close().await;
    Ok(())
}

async fn opened(data: PathBuf, skills: PathBuf) -> Result<Host, Failure> {
    let config = Config { data_dir: data, skills_dir: skills, ..Config::default() };
    let host = Host::open(Options::new(config)).await?;
    host.absorb_folder().await?;
    Ok(host)
}
