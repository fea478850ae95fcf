//! A host for one command.

use std::path::Path;
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use skillhost_lifecycle::{Config, ConfigError, DEFAULT_FILE, Host, HostError, Listen, Notice, Options, Reload};
use skillhost_types::ErrorKind;

use crate::args::Common;
use crate::fail::Fail;
use crate::{print, up};

/// The configuration, with the flags laid over it.
pub(crate) fn config(common: &Common) -> Result<Config, Fail> {
    Ok(load(common, None)?)
}

fn load(common: &Common, listen: Option<&Listen>) -> Result<Config, ConfigError> {
    let default = Path::new(DEFAULT_FILE);
    let path = common.config.as_deref().or_else(|| default.exists().then_some(default));
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = Config::load(path, environment)?;
    if let Some(skills) = &common.skills {
        config.skills_dir.clone_from(skills);
        config.set_on_command_line("skills_dir", skills.display());
    }
    if let Some(data) = &common.data {
        config.data_dir.clone_from(data);
        config.set_on_command_line("data_dir", data.display());
    }
    if let Some(listen) = listen {
        config.listen.clone_from(listen);
        config.set_on_command_line("listen", listen);
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

/// How the configuration is read: now, and again whenever its file is edited, or made. The flags are laid over it each time.
pub(crate) fn reload(common: &Common, listen: Option<&Listen>) -> Reload {
    let file = common.config.clone().unwrap_or_else(|| DEFAULT_FILE.into());
    let (common, listen) = (common.clone(), listen.cloned());
    Reload { file, read: Arc::new(move || load(&common, listen.as_ref())) }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

    use clap::Parser as _;
    use skillhost_lifecycle::Origin;

    use super::*;
    use crate::args::{Arguments, Command};

    #[test]
    fn flags_are_laid_over_the_configuration_whenever_it_is_read_and_are_known_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, "listen: 127.0.0.1:1\n").unwrap();
        let typed = ["skillhost", "--data", "d", "--config", file.to_str().unwrap(), "up", "--listen", "127.0.0.1:2"];
        let Arguments { common, command: Command::Up(up) } = Arguments::parse_from(typed) else { panic!("not `up`") };
        let reload = reload(&common, up.listen.as_ref());
        for _ in 0..2 {
            let config = (reload.read)().unwrap();
            assert_eq!(config.listen.to_string(), "127.0.0.1:2");
            for key in ["data_dir", "listen"] {
                assert_eq!(config.settings[key].origin, Origin::CommandLine, "{key}");
            }
        }
    }
}
