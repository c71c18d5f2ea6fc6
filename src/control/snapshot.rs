//! `/raftgate/v1/snapshot`: a snapshot of the replicated state, taken now and streamed.
//!
//! The copy that is streamed loses its name as soon as it is open: however the request ends, its room on disk comes back.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::error::BlockingError;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, stream};
use raftgate_cluster::error::SnapshotError;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_storage::data_dir::EXPORT_FILE as FILE;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Control, ControlFailure};

/// How much is read and sent at a time, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// Gives out snapshots, one at a time: each needs room on disk for a copy.
pub struct SnapshotExports {
    path: PathBuf,
    one_at_a_time: Arc<Semaphore>,
}

impl SnapshotExports {
    /// Exports by way of a file in the data directory; what a crash left of an earlier one is removed.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        let path = data_dir.join(FILE);
        if let Err(error) = remove(&path) {
            tracing::warn!(path = %path.display(), %error, "an unfinished snapshot export cannot be removed");
        }
        Self {
            path,
            one_at_a_time: Arc::new(Semaphore::new(1)),
        }
    }
}

/// A copy without a name; it is gone with this value.
struct Export {
    bytes: u64,
    // Closing gives back the room of the whole copy, which may be gigabytes.
    open: DroppedElsewhere<Open>,
}

/// The copy's only way in, and the right to make one: the next copy is not begun before this one's room is free.
struct Open {
    file: File,
    _permit: OwnedSemaphorePermit,
}

/// A value whose end takes long: dropped on a thread that may block.
struct DroppedElsewhere<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Drop for DroppedElsewhere<T> {
    fn drop(&mut self) {
        let value = self.0.take();
        // Without a runtime nobody is kept waiting.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(value));
        }
    }
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("the copy of the snapshot: {0}")]
    Io(#[from] io::Error),
    #[error("the threads for work with files have ended")]
    Ended(#[from] BlockingError),
}

/// Has a snapshot made and streams it.
pub(super) async fn save(control: web::Data<Control>) -> Result<HttpResponse, ControlFailure> {
    let exports = &control.snapshots;
    let permit = Arc::clone(&exports.one_at_a_time)
        .try_acquire_owned()
        .map_err(|_| ControlFailure::Conflict("another snapshot is being saved".into()))?;
    let made = export(control.cluster.clone(), exports.path.clone(), permit);
    // A task of its own, bounded by the time a snapshot may take: a caller that leaves must not leave the file behind.
    let made = actix_web::rt::spawn(made).await;
    let export = made
        .map_err(|_| ControlFailure::Internal)?
        .map_err(|error| refused(&error))?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .body(SizedStream::new(export.bytes, pieces(export))))
}

fn refused(error: &ExportError) -> ControlFailure {
    tracing::error!(%error, "no snapshot for the control API");
    ControlFailure::NotSaved(error.to_string())
}

async fn export(
    cluster: ClusterHandle,
    path: PathBuf,
    permit: OwnedSemaphorePermit,
) -> Result<Export, ExportError> {
    let path = Arc::new(path);
    let last = Arc::clone(&path);
    web::block(move || remove(&last)).await??;
    cluster.save_snapshot(&path).await?;
    let (file, bytes) = web::block(move || open_and_unlink(&path)).await??;
    let open = Open {
        file,
        _permit: permit,
    };
    Ok(Export {
        bytes,
        open: DroppedElsewhere(Some(open)),
    })
}

fn open_and_unlink(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    fs::remove_file(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The copy in pieces, read on threads that may block.
fn pieces(export: Export) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(export, |export| async move {
        let read = web::block(move || next_piece(export)).await;
        let read = read.map_err(io::Error::other).flatten();
        // The stream ends with its first error, of which the caller sees an end that comes too early.
        read.inspect_err(
            |error| tracing::error!(%error, "the snapshot for the control API cannot be read on"),
        )
    })
}

fn next_piece(mut export: Export) -> io::Result<Option<(Bytes, Export)>> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    if let Some(open) = &mut export.open.0 {
        (&mut open.file)
            .take(PIECE_BYTES as u64)
            .read_to_end(&mut piece)?;
    }
    Ok((!piece.is_empty()).then(|| (piece.into(), export)))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use std::sync::Mutex;
    use std::thread::{ThreadId, current};

    use futures_util::StreamExt as _;
    use tokio::sync::oneshot::{Sender, channel};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct TellsItsEnd(Option<Sender<ThreadId>>);

    impl Drop for TellsItsEnd {
        fn drop(&mut self) {
            if let Some(told) = self.0.take() {
                told.send(current().id()).unwrap();
            }
        }
    }

    #[test]
    fn a_copy_that_cannot_be_read_is_told_once() {
        let log = Lines::default();
        let lines = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || lines.clone())
            .finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let one = Arc::new(Semaphore::new(1));
        let open = Open {
            // A folder can be opened and not be read.
            file: File::open("/").unwrap(),
            _permit: one.try_acquire_owned().unwrap(),
        };
        let export = Export {
            bytes: 1,
            open: DroppedElsewhere(Some(open)),
        };
        let read: Vec<_> =
            actix_rt::System::new().block_on(async move { pieces(export).collect().await });
        assert!(matches!(read.as_slice(), [Err(_)]), "{read:?}");
        let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(told.matches("cannot be read on").count(), 1, "{told}");
        assert!(
            told.contains("ERROR") && told.contains("os error"),
            "{told}"
        );
    }

    #[test]
    fn a_copy_is_closed_on_a_thread_that_may_block() {
        let (told, end) = channel();
        let value = DroppedElsewhere(Some(TellsItsEnd(Some(told))));
        let thread = actix_rt::System::new().block_on(async move {
            drop(value);
            end.await.unwrap()
        });
        assert_ne!(thread, current().id());
    }
}
