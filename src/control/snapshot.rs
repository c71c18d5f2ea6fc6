//! `/raftgate/v1/snapshot`: a snapshot of the replicated state, taken now and streamed.
//!
//! The copy that is streamed loses its name as soon as it is open: however the request ends, its room on disk comes back.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, stream};
use raftgate_cluster::error::SnapshotError;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::time::Ttl;
use raftgate_storage::data_dir::EXPORT_FILE as FILE;
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
    file: File,
    bytes: u64,
    _permit: OwnedSemaphorePermit,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("the copy of the snapshot: {0}")]
    Io(#[from] io::Error),
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
    match error {
        ExportError::Snapshot(SnapshotError::ShuttingDown | SnapshotError::Timeout) => {
            ControlFailure::Unavailable(Ttl::from_s(1))
        }
        ExportError::Snapshot(_) | ExportError::Io(_) => ControlFailure::Internal,
    }
}

async fn export(
    cluster: ClusterHandle,
    path: PathBuf,
    permit: OwnedSemaphorePermit,
) -> Result<Export, ExportError> {
    remove(&path)?;
    cluster.save_snapshot(&path).await?;
    let file = File::open(&path)?;
    fs::remove_file(&path)?;
    Ok(Export {
        bytes: file.metadata()?.len(),
        file,
        _permit: permit,
    })
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
        read.map_err(io::Error::other)?
    })
}

fn next_piece(mut export: Export) -> io::Result<Option<(Bytes, Export)>> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    (&mut export.file)
        .take(PIECE_BYTES as u64)
        .read_to_end(&mut piece)?;
    Ok((!piece.is_empty()).then(|| (piece.into(), export)))
}
