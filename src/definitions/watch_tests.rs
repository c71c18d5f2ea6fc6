//! Real folders that change under the watch.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking where it went wrong"
)]

use std::fs;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;

/// Longer than any machine takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// More looks than any test brings about.
const LOOKS_MAX: usize = 1000;

struct Folder {
    around: TempDir,
    looks: mpsc::Receiver<Option<String>>,
    watch: DefinitionsWatch,
}

impl Folder {
    /// A watch over a folder, which may not exist; each look tells what `api.json` holds.
    fn watched(on: LookOn, exists: bool) -> Self {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("definitions");
        if exists {
            fs::create_dir(&folder).unwrap();
        }
        let (sender, looks) = mpsc::channel(LOOKS_MAX);
        let file = folder.join("api.json");
        let watch = DefinitionsWatch::start(&folder, on, move || {
            let seen = fs::read_to_string(&file).ok();
            let sender = sender.clone();
            async move { sender.send(seen).await.unwrap() }
        });
        Self {
            around,
            looks,
            watch,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.around.path().join("definitions").join(name)
    }

    /// Waits for a look that sees this.
    async fn sees(&mut self, content: Option<&str>) {
        let seen = async { while self.looks.recv().await.unwrap().as_deref() != content {} };
        timeout(PATIENCE, seen).await.unwrap();
    }

    /// Asks for a look and waits for it: by then the task is at work.
    async fn reloaded(&mut self, content: Option<&str>) {
        self.watch.reload();
        self.sees(content).await;
    }
}

async fn local<F: Future<Output = ()>>(test: F) {
    tokio::task::LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn new_changed_renamed_and_removed_files_are_seen() {
    local(async {
        let mut folder = Folder::watched(LookOn::Changes, true);
        folder.reloaded(None).await;
        fs::write(folder.path("api.json"), "one").unwrap();
        folder.sees(Some("one")).await;
        fs::write(folder.path("api.json"), "two").unwrap();
        folder.sees(Some("two")).await;
        fs::rename(folder.path("api.json"), folder.path("other.json")).unwrap();
        folder.sees(None).await;
        fs::rename(folder.path("other.json"), folder.path("api.json")).unwrap();
        folder.sees(Some("two")).await;
        fs::remove_file(folder.path("api.json")).unwrap();
        folder.sees(None).await;
        folder.watch.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_written_in_pieces_is_seen_whole_in_the_end() {
    use std::io::Write as _;
    local(async {
        let mut folder = Folder::watched(LookOn::Changes, true);
        folder.reloaded(None).await;
        let mut file = fs::File::create(folder.path("api.json")).unwrap();
        file.write_all(b"half").unwrap();
        folder.sees(Some("half")).await;
        file.write_all(b" and half").unwrap();
        drop(file);
        folder.sees(Some("half and half")).await;
        folder.watch.stop().await;
    })
    .await;
}

#[test]
fn reading_is_no_change_or_each_look_would_bring_the_next() {
    let all = AccessMode::Any;
    for kind in [
        AccessKind::Read,
        AccessKind::Open(all),
        AccessKind::Close(AccessMode::Read),
        AccessKind::Any,
    ] {
        assert!(!matters(&Event::new(EventKind::Access(kind))), "{kind:?}");
    }
    for kind in [
        EventKind::Access(AccessKind::Close(AccessMode::Write)),
        EventKind::Create(notify::event::CreateKind::File),
        EventKind::Modify(ModifyKind::Any),
        EventKind::Remove(notify::event::RemoveKind::File),
        EventKind::Any,
    ] {
        assert!(matters(&Event::new(kind)), "{kind:?}");
    }
}

#[tokio::test]
async fn without_watching_only_a_reload_makes_it_look() {
    local(async {
        let mut folder = Folder::watched(LookOn::Reloads, true);
        folder.reloaded(None).await;
        fs::write(folder.path("api.json"), "one").unwrap();
        folder.reloaded(Some("one")).await;
        folder.watch.stop().await;
        assert_eq!(folder.looks.recv().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_comes_late_or_is_replaced_is_watched_again() {
    local(async {
        let mut folder = Folder::watched(LookOn::Changes, false);
        folder.reloaded(None).await;
        fs::create_dir(folder.path("")).unwrap();
        // A reload attaches at once what would otherwise take the next try.
        folder.reloaded(None).await;
        fs::write(folder.path("api.json"), "one").unwrap();
        folder.sees(Some("one")).await;

        fs::rename(folder.path(""), folder.around.path().join("gone")).unwrap();
        folder.sees(None).await;
        fs::create_dir(folder.path("")).unwrap();
        fs::write(folder.path("api.json"), "two").unwrap();
        folder.sees(Some("two")).await;
        fs::write(folder.path("api.json"), "three").unwrap();
        folder.sees(Some("three")).await;
        folder.watch.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_look_under_way_does_not_hold_up_the_end() {
    local(async {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut begun) = mpsc::channel(1);
        let watch = DefinitionsWatch::start(folder.path(), LookOn::Reloads, move || {
            let sender = sender.clone();
            async move {
                sender.send(()).await.unwrap();
                std::future::pending::<()>().await;
            }
        });
        watch.reload();
        timeout(PATIENCE, begun.recv()).await.unwrap().unwrap();
        timeout(PATIENCE, watch.stop()).await.unwrap();
        assert_eq!(begun.recv().await, None);
    })
    .await;
}
