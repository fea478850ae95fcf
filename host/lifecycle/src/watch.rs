//! Keeps looking at the drop folder, and serves agents meanwhile.
//!
//! Contract: what is written, replaced, renamed into or deleted is noticed within a second of being whole.
//! The system's notifications make it quick; a rescan makes it certain. Price: reading the folder's metadata
//! twice a second.

use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, Watcher as _};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::authority::ASK;
use crate::host::Inner;
use crate::lock::{self, DirectoryLock};
use crate::{control, reload};

/// Between two looks at the folder when nothing was heard: notifications get lost on network folders, and
/// when the system's queue is full.
const RESCAN: Duration = Duration::from_millis(500);
/// The same while something in the folder is not whole yet.
const RESCAN_UNSETTLED: Duration = Duration::from_millis(50);
/// Notifications come in bursts; one look answers all that came within this time.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// Between two postings of what runs used: what a kill may lose of it, against rows in the ledger.
const METER: Duration = Duration::from_secs(10);

/// A watch over the drop folder.
pub struct Watch {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start(inner: Arc<Inner>) -> Self {
        let stop = CancellationToken::new();
        // At once: a message that is sent from here on reaches whoever subscribed.
        let lock = lead(&inner);
        let task = tokio::spawn(watch(inner, lock, stop.clone()));
        Self { stop, task }
    }

    /// Stops looking and lets handlers that run come to their end.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the watch over the skills folder failed");
        }
    }
}

async fn watch(inner: Arc<Inner>, lock: Option<DirectoryLock>, stop: CancellationToken) {
    let (heard, mut hear) = mpsc::channel::<()>(1);
    if let Err(error) = std::fs::create_dir_all(inner.drop_folder()) {
        tracing::warn!(folder = %inner.drop_folder().display(), %error, "the skills folder cannot be made");
    }
    let decisions = tokio::spawn(decisions(inner.clone(), heard.clone()));
    let edits = inner.reload.clone().map(|reload| tokio::spawn(reload::follow(inner.clone(), reload, heard.clone())));
    let metering = tokio::spawn(meter(inner.clone()));
    let leading = tokio::spawn(serve_agents(inner.clone(), lock, stop.clone()));
    let hears = move |event: notify::Result<notify::Event>| {
        // Looking at the folder is itself an access, of which no news comes.
        let written = AccessKind::Close(AccessMode::Write);
        let read = event.is_ok_and(|event| matches!(event.kind, EventKind::Access(kind) if kind != written));
        if !read {
            // A full channel already says "look".
            let _ = heard.try_send(());
        }
    };
    // Kept alive by being held.
    let _watcher = notify::recommended_watcher(hears)
        .and_then(|mut watcher| {
            watcher.watch(inner.drop_folder(), notify::RecursiveMode::Recursive)?;
            Ok(watcher)
        })
        .inspect_err(|error| tracing::warn!(%error, "no notifications for the skills folder; looking twice a second"))
        .ok();
    if inner.address.is_some() {
        inner.event("system.started", json!({"version": env!("CARGO_PKG_VERSION")})).await;
    }
    loop {
        let wait = match inner.rescan().await {
            Ok((false, begun)) if begun.is_empty() => {
                inner.absorbed.send_replace(true);
                RESCAN
            }
            Ok(_) => RESCAN_UNSETTLED,
            Err(error) => {
                tracing::warn!(%error, "looking again soon");
                RESCAN
            }
        };
        let came = async {
            if hear.recv().await.is_none() {
                // No watcher: only the rescan is left.
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(DEBOUNCE).await;
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = came => {}
            () = tokio::time::sleep(wait) => {}
        }
        while hear.try_recv().is_ok() {}
    }
    decisions.abort();
    metering.abort();
    edits.inspect(JoinHandle::abort);
    // The lock is given back after the last handler's end.
    let lock = leading.await;
    inner.agents.close().await;
    drop(lock);
    if inner.address.is_some() {
        inner.event("system.stopped", json!({})).await;
    }
}

/// Begins to run the agents, unless another process does for this data directory.
fn lead(inner: &Arc<Inner>) -> Option<DirectoryLock> {
    match DirectoryLock::take(&inner.config().data_dir, inner.address.as_deref()) {
        Ok(Some(lock)) => {
            inner.agents.open(inner);
            Some(lock)
        }
        Ok(None) => None,
        Err(error) => {
            tracing::error!(%error, "the data directory cannot be locked, so no agents run");
            None
        }
    }
}

/// Runs the agents and their socket, as soon as this process may.
async fn serve_agents(
    inner: Arc<Inner>,
    mut lock: Option<DirectoryLock>,
    stop: CancellationToken,
) -> Option<DirectoryLock> {
    if lock.is_none() {
        let holder = lock::holder(&inner.config().data_dir).unwrap_or_default();
        tracing::warn!(
            "another host ({holder}) runs the agents of this data directory and takes what `skillhost send` sends; \
             this one serves calls beside it, and takes over when it ends"
        );
    }
    while lock.is_none() {
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(lock::RETRY) => lock = lead(&inner),
        }
    }
    control::serve(inner, stop).await;
    lock
}

/// Writes what runs used to the ledger, now and then.
async fn meter(inner: Arc<Inner>) {
    loop {
        tokio::time::sleep(METER).await;
        inner.meter_down().await;
    }
}

/// Hears of decisions, whoever makes them and in whichever process, and has the files looked at that they are about.
async fn decisions(inner: Arc<Inner>, look: mpsc::Sender<()>) {
    let mut changes = match inner.approvals.changes() {
        Ok(changes) => changes,
        Err(error) => {
            tracing::warn!(%error, "approvals are noticed at the next start");
            return;
        }
    };
    loop {
        // Another process decides, and tells nobody.
        tokio::time::sleep(ASK).await;
        match changes.changed() {
            Ok(true) => {
                if inner.look_again_at_decided() {
                    // Full: a look is on its way already.
                    let _ = look.try_send(());
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "cannot see whether somebody decided"),
        }
    }
}
