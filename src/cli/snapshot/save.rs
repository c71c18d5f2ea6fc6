//! `raftgate snapshot save`: asks a running node for a snapshot, checks it whole, and only then gives it its name.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use awc::error::PayloadError;
use awc::http::header;
use futures_util::StreamExt as _;
use raftgate_model::secret::Secret;
use raftgate_storage::snapshot::{SnapshotError, SnapshotInfo, inspect_file};
use tokio::time::timeout;

use super::super::client::target::{
    SecretArguments, SecretError, Target, TargetArguments, TargetError,
};
use super::super::client::{ClientError, http_client};
use super::super::terminal::{Exit, Terminal};
use super::draft::Draft;
use super::report::{Steps, last_index};
use crate::clock::http_date;
use crate::config::environment::Environment;

const PATH: &str = "/raftgate/v1/snapshot";
/// How long the whole may take; building the snapshot on the node is a part of it.
const SAVE_TIMEOUT: Duration = Duration::from_secs(3600);
/// How long a node may fall silent in the middle of the file.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest reason of a refusal that is read, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{url} answered {status}: {reason}")]
    Refused {
        url: String,
        status: u16,
        reason: String,
    },
    #[error("{url} sent nothing for {} s", PIECE_TIMEOUT.as_secs())]
    Silent { url: String },
    #[error("{} exists already and is not overwritten", path.display())]
    Exists { path: PathBuf },
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("what the node sent is not kept: {0}")]
    Unfit(#[from] SnapshotError),
}

/// Saves a snapshot of the node that the arguments lead to.
pub(super) fn run(
    file: &Path,
    target: &TargetArguments,
    secret: &SecretArguments,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Exit {
    match save(file, target, secret, environment, terminal) {
        Ok(info) => {
            terminal.say(format_args!(
                "{}: {} bytes, last index {}, cluster time {}",
                file.display(),
                info.bytes,
                last_index(&info),
                http_date(info.head.clock)
            ));
            Exit::Success
        }
        Err(error) => {
            terminal.complain(&error);
            match error {
                SaveError::Target(error) => error.exit(),
                _ => Exit::Failure,
            }
        }
    }
}

fn save(
    file: &Path,
    target: &TargetArguments,
    secret: &SecretArguments,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Result<SnapshotInfo, SaveError> {
    let target = target.resolve(environment)?;
    let secret = secret.resolve(&target, terminal)?;
    // Asked before the node is put to work; the last step makes sure of it.
    if file.symlink_metadata().is_ok() {
        return Err(write_error(file)(io::ErrorKind::AlreadyExists.into()));
    }
    let mut draft = Draft::beside(file).map_err(write_error(file))?;
    actix_rt::System::new().block_on(fetch(&target, &secret, file, &mut draft))?;
    draft.sync().map_err(write_error(file))?;
    let mut steps = Steps::new("checked", terminal);
    let info = inspect_file(draft.path(), &mut |progress| steps.tell(progress))?;
    draft.finish().map_err(write_error(file))?;
    Ok(info)
}

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> SaveError {
    let path = path.to_owned();
    move |error| match error.kind() {
        io::ErrorKind::AlreadyExists => SaveError::Exists { path },
        _ => SaveError::Write { path, error },
    }
}

async fn fetch(
    target: &Target,
    secret: &Secret,
    file: &Path,
    draft: &mut Draft,
) -> Result<(), SaveError> {
    let url = target.url(PATH);
    let request = http_client(target)
        .map_err(ClientError::from)?
        .get(&url)
        .timeout(SAVE_TIMEOUT)
        .insert_header((header::AUTHORIZATION, secret.expose()));
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Err(ClientError::Unreachable { url, error }.into()),
    };
    let status = response.status().as_u16();
    if status != 200 {
        let body = response.body().limit(REFUSAL_BYTES_MAX).await;
        let reason = body.map(|body| reason_in(&body)).unwrap_or_default();
        return Err(SaveError::Refused {
            url,
            status,
            reason,
        });
    }
    loop {
        match timeout(PIECE_TIMEOUT, response.next()).await {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(piece))) => draft.write(&piece).map_err(write_error(file))?,
            Ok(Some(Err(error))) => return Err(broken(url, error)),
            Err(_) => return Err(SaveError::Silent { url }),
        }
    }
}

fn broken(url: String, error: PayloadError) -> SaveError {
    ClientError::Body { url, error }.into()
}

/// The message of a refusal, in the shape that the control listener gives it.
fn reason_in(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Refusal {
        message: String,
    }
    serde_json::from_slice(body).map_or_else(
        |_| "what answers there is not a raftgate control listener".to_owned(),
        |refusal: Refusal| refusal.message,
    )
}
