//! `mcp`: the Model Context Protocol on standard input and output, for an assistant that starts it.
//!
//! Standard output is the protocol's alone: what becomes of files is said on standard error.

use std::process::ExitCode;
use std::sync::Arc;

use skillhost_lifecycle::{Host, Options};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Common;
use crate::fail::Fail;
use crate::{session, up};

pub(crate) async fn mcp(common: &Common) -> Result<ExitCode, Fail> {
    let reload = session::reload(common, None);
    let mut options = Options::new((reload.read)()?);
    options.reload = Some(reload);
    if !common.quiet {
        options.notices = Some(Arc::new(|notice| up::say(false, notice)));
    }
    // Before anything is promised, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate()).map_err(Fail::internal)?;
    let host = Host::open(options).await?;
    let watch = host.watch();
    let stopped = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    skillhost_server::stdio(host.clone(), stopped).await;
    watch.stop().await;
    host.close().await;
    Ok(ExitCode::SUCCESS)
}
