//! A host for one command.

use std::path::Path;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use skillhost_lifecycle::{Config, ConfigError, DEFAULT_FILE, Host, HostError, Notice, Options, Reload};
use skillhost_types::ErrorKind;

use crate::args::Common;
use crate::fail::Fail;
use crate::{print, up};

/// The configuration, with the flags laid over it.
pub(crate) fn config(common: &Common) -> Result<Config, Fail> {
    Ok(load(common.config.as_deref(), common.skills.as_deref(), common.data.as_deref())?)
}

fn load(path: Option<&Path>, skills: Option<&Path>, data: Option<&Path>) -> Result<Config, ConfigError> {
    let default = Path::new(DEFAULT_FILE);
    let path = path.or_else(|| default.exists().then_some(default));
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = Config::load(path, environment)?;
    if let Some(skills) = skills {
        config.skills_dir = skills.to_owned();
        config.set_on_command_line("skills_dir", skills.display());
    }
    if let Some(data) = data {
        config.data_dir = data.to_owned();
        config.set_on_command_line("data_dir", data.display());
    }
    Ok(config)
}

/// The same for commands that ask a running host, which goes on beside a configuration that is broken: that it is does not keep them
/// from it. The data directory is then what the flags say, or the default.
pub(crate) fn lenient(common: &Common) -> Config {
    config(common).unwrap_or_else(|error| {
        error.print();
        print::note("going on without the configuration; --data says where to look");
        let mut config = Config::default();
        if let Some(data) = &common.data {
            config.data_dir.clone_from(data);
        }
        config
    })
}

/// How the configuration is read again when its file is edited, or made.
pub(crate) fn reload(common: &Common) -> Reload {
    let file = common.config.clone().unwrap_or_else(|| DEFAULT_FILE.into());
    let (path, skills, data) = (common.config.clone(), common.skills.clone(), common.data.clone());
    let read = move || load(path.as_deref(), skills.as_deref(), data.as_deref());
    Reload { file, read: Arc::new(read) }
}

/// Opens a host for a command that runs no skill, which shows on a terminal what it is busy with.
pub(crate) async fn open(common: &Common, config: Config) -> Result<Host, Fail> {
    open_with(common, Options { idle: true, ..Options::new(config) }).await
}

/// Opens a host with these options. What becomes of files is shown.
pub(crate) async fn open_with(common: &Common, mut options: Options) -> Result<Host, Fail> {
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
                Notice::Removed { .. }
                | Notice::Configured { .. }
                | Notice::NotConfigured { .. }
                | Notice::AgentParked { .. } => {}
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
            HostError::Folder { .. } | HostError::Config(_) => Self::usage(error),
            _ => Self::new(ErrorKind::Internal, error),
        }
    }
}

impl From<skillhost_events::EventError> for Fail {
    fn from(error: skillhost_events::EventError) -> Self {
        Self::internal(error)
    }
}
