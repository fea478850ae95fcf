//! Edits of the configuration's file take effect while the host runs.
//!
//! Contract: within two seconds of an edit being whole; a file with an error changes nothing and is an event. What is only read
//! when a host opens is named in the event and waits for that. Price: a look at the file's metadata twice a second.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;
use skillhost_types::ByteSize;
use tokio::sync::mpsc;

use crate::config::{Config, ConfigError, DEFAULT_FILE};
use crate::host::{Inner, Notice};
use crate::secrets;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Where the configuration comes from, and how it is read again: with what is laid over the file.
#[derive(Clone)]
pub struct Reload {
    /// The file that is looked at.
    pub file: PathBuf,
    /// Reads it.
    pub read: Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
}

/// What tells one state of the file from another; none: it is not there.
type Print = Option<(SystemTime, i64, i64, u64, u64)>;

fn print(file: &Path) -> Print {
    let data = std::fs::metadata(file).ok()?;
    // The time of change and the file's number as well: copies keep the time of writing.
    Some((data.modified().ok()?, data.ctime(), data.ctime_nsec(), data.ino(), data.len()))
}

/// Looks at the file for as long as it is let. `look` has the drop folder looked at.
pub(crate) async fn follow(inner: Arc<Inner>, reload: Reload, look: mpsc::Sender<()>) {
    // What changed since the host read it counts as changed now.
    let mut before: Option<Print> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = print(&reload.file);
        if before == Some(now) {
            continue;
        }
        let was_there = before.is_some_and(|before| before.is_some());
        before = Some(now);
        if now.is_none() {
            // A file that goes, or is about to be written anew, takes no budget and no grant away.
            if was_there {
                inner.refuse_configuration(&reload.file, "the file is gone").await;
            }
            continue;
        }
        let read = reload.read.clone();
        // Beside the executor: whatever lies there now may take its time.
        let Ok(read) = tokio::task::spawn_blocking(move || read()).await else { continue };
        // An editor may be in the middle of it: what changed meanwhile is read again.
        if print(&reload.file) != now {
            before = None;
            continue;
        }
        match read {
            Ok(config) => {
                if inner.configure(config).await {
                    // A full channel already says "look".
                    let _ = look.try_send(());
                }
            }
            Err(error) => inner.refuse_configuration(&reload.file, &error.to_string()).await,
        }
    }
}

/// Names the sections in which two configurations differ.
macro_rules! sections {
    ($before:expr, $after:expr, $($name:ident),+) => {{
        let mut changed = Vec::new();
        $(if $before.$name != $after.$name { changed.push(stringify!($name)); })+
        changed
    }};
}

impl Inner {
    /// The configuration stays as it was, and everybody hears why.
    async fn refuse_configuration(&self, file: &Path, error: &str) {
        let file = file.display().to_string();
        self.event("system.error", json!({"config": file, "error": error})).await;
        self.notify(&Notice::NotConfigured { file, reason: error.to_owned() });
    }

    /// Takes `config` in place of the one before. Says whether the skills are to be looked at again.
    pub(crate) async fn configure(self: &Arc<Self>, mut config: Config) -> bool {
        let before = self.config();
        // What the pool was made for stays what it was made for.
        let larger = config.largest_memory() > before.largest_memory();
        let mut waits = sections!(
            before, config, skills_dir, data_dir, listen, max_body, http, mcp, feed, secrets, network, events,
            blackboard
        );
        if before.limits.concurrency != config.limits.concurrency {
            waits.push("limits.concurrency");
        }
        if larger {
            waits.push("limits.memory");
            let most = ByteSize(before.largest_memory());
            config.limits.memory = config.limits.memory.min(most);
            for skill in config.skills.values_mut() {
                skill.limits.memory = skill.limits.memory.map(|memory| memory.min(most));
            }
        }
        // What hides secrets was made when the host opened: one that it does not know must not come in.
        if secrets::sources(&before) != secrets::sources(&config) && before.llm != config.llm {
            waits.push("llm");
            config.llm.clone_from(&before.llm);
        }
        // What waits is told as it was set before.
        let later = |key: &str| {
            waits.iter().any(|name| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        };
        config.settings.retain(|key, _| !later(key));
        let kept = before.settings.iter().filter(|(key, _)| later(key));
        config.settings.extend(kept.map(|(key, setting)| (key.clone(), setting.clone())));
        config.limits.concurrency = before.limits.concurrency;
        config.skills_dir.clone_from(&before.skills_dir);
        config.data_dir.clone_from(&before.data_dir);
        config.listen.clone_from(&before.listen);
        config.max_body = before.max_body;
        config.http.clone_from(&before.http);
        config.mcp.clone_from(&before.mcp);
        config.feed.clone_from(&before.feed);
        config.secrets.clone_from(&before.secrets);
        config.network.clone_from(&before.network);
        config.events.clone_from(&before.events);
        config.blackboard.clone_from(&before.blackboard);
        let changed =
            sections!(before, config, recording, limits, approval, grants, skills, dirs, llm, budgets, agents);
        if changed.is_empty() && waits.is_empty() {
            return false;
        }
        let rejudged = sections!(before, config, limits, approval, grants, skills, dirs);
        if let Err(error) = self.services.llm.reconfigure(config.llm.clone().unwrap_or_default()) {
            let file = config.file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
            self.refuse_configuration(file, &error.to_string()).await;
            return false;
        }
        self.services.budgets.store(Arc::new(config.budgets.clone()));
        self.set_config(config);
        self.event("system.configured", json!({"changed": changed, "at_next_start": waits})).await;
        let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        self.notify(&Notice::Configured { changed: names(changed), at_next_start: names(waits) });
        self.agents.follow(self);
        if !rejudged.is_empty() {
            self.look_again_at_all();
        }
        !rejudged.is_empty()
    }
}
