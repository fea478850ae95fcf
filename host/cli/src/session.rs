//! A host for one command.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use skillhost_lifecycle::{Config, ConfigError, DEFAULT_FILE, Host, HostError, Notice, Options, Passing};
use skillhost_types::ErrorKind;

use crate::args::Common;
use crate::fail::Fail;
use crate::{print, up};

/// The configuration, with the flags laid over it.
pub(crate) fn config(common: &Common) -> Result<Config, Fail> {
    let default = Path::new(DEFAULT_FILE);
    let path = common.config.as_deref().or_else(|| default.exists().then_some(default));
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = Config::load(path, environment)?;
    let over = |own: &mut PathBuf, flag: &Option<PathBuf>| {
        if let Some(path) = flag {
            own.clone_from(path);
        }
    };
    over(&mut config.skills_dir, &common.skills);
    over(&mut config.data_dir, &common.data);
    Ok(config)
}

/// Opens a host that shows on a terminal what it is busy with.
pub(crate) async fn open(common: &Common, config: Config) -> Result<Host, Fail> {
    open_with(common, config, Passing::default()).await
}

/// The same, with what is granted for this process only.
pub(crate) async fn open_with(common: &Common, config: Config, passing: Passing) -> Result<Host, Fail> {
    let mut options = Options::new(config);
    options.passing = passing;
    if common.verbose > 0 {
        options.notices = Some(Arc::new(|notice| up::say(false, notice)));
    } else if print::is_attended() && !common.quiet {
        options.notices = Some(Arc::new(Bars::default().listener()));
    }
    Ok(Host::open(options).await?)
}

/// Opens a host and absorbs its folder.
pub(crate) async fn open_and_absorb(common: &Common, config: Config) -> Result<Host, Fail> {
    if let Some(folder) = common.skills.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Fail::usage(format!("there is no folder {}", folder.display())));
    }
    let host = open(common, config).await?;
    host.absorb_folder().await?;
    Ok(host)
}

/// A bar per file that is on its way in.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
}

impl Bars {
    fn listener(self) -> impl Fn(&Notice) + Send + Sync {
        let open = std::sync::Mutex::new(std::collections::HashMap::<String, ProgressBar>::new());
        move |notice| {
            let mut open = open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match notice {
                Notice::Reading { file } => {
                    let style = ProgressStyle::with_template("{spinner} absorbing {msg} {elapsed}")
                        .unwrap_or_else(|_| ProgressStyle::default_spinner());
                    let bar = self.all.add(ProgressBar::new_spinner().with_style(style));
                    bar.set_message(print::escaped(file).into_owned());
                    bar.enable_steady_tick(std::time::Duration::from_millis(120));
                    open.insert(file.clone(), bar);
                }
                Notice::Absorbed { file, .. }
                | Notice::Replaced { file, .. }
                | Notice::Waits { file, .. }
                | Notice::Rejected { file, .. }
                | Notice::Refused { file, .. } => {
                    if let Some(bar) = open.remove(file) {
                        bar.finish_and_clear();
                    }
                }
                Notice::Removed { .. } => {}
            }
        }
    }
}

impl From<ConfigError> for Fail {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<HostError> for Fail {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Folder { .. } | HostError::Network(_) => Self::usage(error),
            _ => Self::new(ErrorKind::Internal, error),
        }
    }
}

impl From<skillhost_events::EventError> for Fail {
    fn from(error: skillhost_events::EventError) -> Self {
        Self::internal(error)
    }
}
