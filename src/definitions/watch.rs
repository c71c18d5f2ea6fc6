//! Looks at the definitions folder again whenever it changes or the operator asks: one task, ended by its owner.
//!
//! What the folder's changes are is not asked: every look reads the whole folder. The watch only has to wake up often enough,
//! and once more after the last change.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long the folder must be quiet before it is looked at: editors and copies write in several steps.
const SETTLE: Duration = Duration::from_millis(200);
/// How long a folder that is never quiet is waited for.
const SETTLE_MAX: Duration = Duration::from_secs(2);
/// How often a folder that cannot be watched is tried again.
const ATTACH_AGAIN: Duration = Duration::from_secs(5);

/// What makes the folder be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookOn {
    /// Changes of the folder, and reloads.
    Changes,
    /// Reloads alone.
    Reloads,
}

/// A watch over a folder.
#[derive(Debug)]
pub struct DefinitionsWatch {
    wake: Arc<Wake>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Why the task wakes up; many reasons that come together are one.
#[derive(Debug, Default)]
struct Wake {
    notify: Notify,
    reload: AtomicBool,
    detached: AtomicBool,
}

impl DefinitionsWatch {
    /// Watches a folder and calls `look` at each change and reload, never twice at a time; inside an actix system.
    ///
    /// A folder that cannot be watched is warned of and tried again; until then reloads alone make it be looked at.
    pub fn start<L, F>(folder: &Path, on: LookOn, look: L) -> Self
    where
        L: FnMut() -> F + 'static,
        F: Future<Output = ()> + 'static,
    {
        let wake = Arc::new(Wake::default());
        let (stop, stopped) = oneshot::channel();
        let watched = Watched {
            // The system names what changed by absolute paths.
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            on,
            wake: Arc::clone(&wake),
            attached: None,
        };
        let task = tokio::task::spawn_local(async move {
            tokio::select! {
                biased;
                // The owner is gone or says so; a look that is under way is given up, and the next start takes it up.
                _ = stopped => {}
                () = watched.run(look) => {}
            }
        });
        Self { wake, stop, task }
    }

    /// Makes the folder be looked at soon, whether it changed or not.
    pub fn reload(&self) {
        self.wake.reload.store(true, Ordering::Release);
        self.wake.notify.notify_one();
    }

    /// Ends the task and waits for that.
    pub async fn stop(self) {
        // The task cannot be gone before, but if it is, all is done.
        let _ = self.stop.send(());
        if self.task.await.is_err() {
            tracing::error!("the watch over the definitions folder ended by a panic");
        }
    }
}

/// The folder on the side of the task.
struct Watched {
    folder: PathBuf,
    on: LookOn,
    wake: Arc<Wake>,
    attached: Option<RecommendedWatcher>,
}

impl Watched {
    async fn run<L, F>(mut self, mut look: L)
    where
        L: FnMut() -> F,
        F: Future<Output = ()>,
    {
        if self.on == LookOn::Changes
            && let Err(error) = self.attach()
        {
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "the definitions folder cannot be watched; SIGHUP makes it be read");
        }
        loop {
            let retry = self.on == LookOn::Changes && self.attached.is_none();
            tokio::select! {
                () = self.wake.notify.notified() => self.settle().await,
                () = tokio::time::sleep(ATTACH_AGAIN), if retry => {
                    if self.attach().is_err() {
                        continue;
                    }
                }
            }
            if self.wake.detached.swap(false, Ordering::AcqRel) {
                self.attached = None;
            }
            if self.on == LookOn::Changes && self.attached.is_none() {
                // Before the look, so that no change falls between the two; if it fails it is tried again later.
                let _ = self.attach();
            }
            look().await;
        }
    }

    /// Waits until the folder is quiet; a reload does not wait.
    async fn settle(&self) {
        let latest = tokio::time::Instant::now() + SETTLE_MAX;
        while !self.wake.reload.swap(false, Ordering::AcqRel)
            && tokio::time::Instant::now() < latest
        {
            if timeout(SETTLE, self.wake.notify.notified()).await.is_err() {
                return;
            }
        }
    }

    fn attach(&mut self) -> notify::Result<()> {
        let (wake, folder) = (Arc::clone(&self.wake), self.folder.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let (matters, detached) = match &event {
                Ok(event) => (matters(event), is_end_of(&folder, event)),
                Err(_) => (true, true),
            };
            if detached {
                wake.detached.store(true, Ordering::Release);
            }
            if matters {
                wake.notify.notify_one();
            }
        })?;
        watcher.watch(&self.folder, RecursiveMode::NonRecursive)?;
        self.attached = Some(watcher);
        Ok(())
    }
}

/// Whether an event can mean another content; reading is none, or every look would bring the next.
fn matters(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// Whether the folder itself was removed or moved away; what comes in its place has to be watched anew.
fn is_end_of(folder: &Path, event: &Event) -> bool {
    let ends = matches!(
        event.kind,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
    );
    ends && event.paths.iter().any(|path| path == folder)
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
