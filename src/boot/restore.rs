//! A data directory out of a snapshot: what `serve` then starts on is a new cluster of one node.
//!
//! ```text
//! snapshot and ring checked -> directory taken -> identity (restoring) -> snapshot -> ring rotated -> identity (restored)
//! ```
//! Nothing is written before the checks. A restore that is cut short later leaves a directory that no node starts on, and
//! that the same restore takes once more.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use raftgate_model::id::{Incarnation, KeyId};
use raftgate_model::keyring::{ForeignKey, KeyCheck, KeyRing, RingFault};
use raftgate_model::secret::SecretBytes;
use raftgate_storage::data_dir::{Contents, DataDir, DataDirError, SNAPSHOTS_FOLDER};
use raftgate_storage::disk::FsDisk;
use raftgate_storage::keyring_file::{self, KeyRingFileError};
use raftgate_storage::snapshot::{
    self, Founder, GrantsAfterRestore, Progress, Restored, SnapshotError, SnapshotFolder,
    SnapshotInfo, SnapshotLocation,
};
use raftgate_storage::types::Node;

use super::identity::Stage;
use super::{BootError, Identity, Surroundings};
use crate::config::settings::Settings;

/// What to restore, and where.
#[derive(Clone, Copy)]
pub struct RestoreOrder<'a> {
    /// The settings of the new node; its data directory must be empty but for a key ring.
    pub settings: &'a Settings,
    /// The snapshot.
    pub snapshot: &'a Path,
    /// What becomes of the tokens in it.
    pub grants: GrantsAfterRestore,
}

/// What a restore brought about.
#[derive(Clone, Debug)]
pub struct Restoration {
    /// What the snapshot held, and what is lost.
    pub restored: Restored,
    /// The name of the new node.
    pub node: String,
    /// The key ring's file.
    pub ring: PathBuf,
    /// The key that was added to it and made active.
    pub new_key: KeyId,
}

/// Why a snapshot is not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The snapshot cannot be used, or not with this ring.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// There is no key ring where the configuration says.
    #[error(
        "there is no key ring at {}, and a snapshot never holds one: bring the cluster's ring there (raftgate keys import), or name its file by keys.file in --config or by RAFTGATE_KEYS_FILE",
        path.display()
    )]
    RingMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The key ring cannot be read or replaced.
    #[error(transparent)]
    Ring(#[from] KeyRingFileError),
    /// The key ring takes no new key.
    #[error("the key ring {} cannot be rotated: {fault}", path.display())]
    Rotation {
        /// The key ring's file.
        path: PathBuf,
        /// Why.
        fault: RingFault,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The data directory is one of a node.
    #[error("{} holds the data of a node: restore into an empty directory", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The key ring has the right ids, but not the right keys.
    #[error(
        "the key ring {} is another cluster's: its key {key} is not the one that the snapshot names by that id; \
         bring the ring of the snapshot's cluster there (raftgate keys import)",
        path.display()
    )]
    OtherRing {
        /// The key ring's file.
        path: PathBuf,
        /// The key.
        key: KeyId,
    },
    /// The folder of snapshots cannot be made or emptied.
    #[error("{}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The node's identity cannot be written.
    #[error(transparent)]
    Identity(Box<BootError>),
}

impl From<BootError> for RestoreError {
    fn from(error: BootError) -> Self {
        Self::Identity(Box::new(error))
    }
}

/// Makes the data directory of a new cluster of one node. Blocks on the disk; works without a running node.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(
    order: RestoreOrder<'_>,
    surroundings: &Surroundings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Restoration, RestoreError> {
    let settings = order.settings;
    let ring_path = settings.keyring_path();
    let ring = load_ring(&ring_path)?;
    let info = snapshot::inspect_file(order.snapshot, progress)?;
    ring.agrees_with(&info.head.keys)
        .map_err(|ForeignKey(key)| RestoreError::OtherRing {
            path: ring_path.clone(),
            key,
        })?;
    let (rotated, new_key) = rotate(&ring, &info, surroundings).map_err(|fault| match fault {
        Unfit::Missing(missing) => SnapshotError::MissingKeys { missing }.into(),
        Unfit::Fault(fault) => RestoreError::Rotation {
            path: ring_path.clone(),
            fault,
        },
    })?;
    let data_dir = take(&settings.node.data_dir)?;
    let name = settings.node.name.as_deref();
    let mut identity = Identity::begin_restore(&data_dir, name, surroundings)?;
    let founder = Founder {
        id: identity.id().0,
        node: Node {
            name: identity.name().to_owned(),
            address: match &settings.cluster.advertise {
                Some(advertised) => advertised.to_string(),
                None => settings.cluster.listen.to_string(),
            },
        },
        incarnation: Incarnation(u32::from_be_bytes(surroundings.entropy.bytes4())),
        keys: rotated.key_checks().collect(),
        active_key: new_key,
        now: surroundings.clock.now(),
        grants: order.grants,
    };
    let restored = found(order.snapshot, data_dir.path(), &founder, progress)?;
    keyring_file::replace(&ring_path, &rotated)?;
    identity.restored(&rotated)?;
    Ok(Restoration {
        restored,
        node: identity.name().to_owned(),
        ring: ring_path,
        new_key: new_key.id,
    })
}

fn load_ring(path: &Path) -> Result<KeyRing, RestoreError> {
    keyring_file::load(path).map_err(|error| match error {
        KeyRingFileError::Missing { path } => RestoreError::RingMissing { path },
        error => error.into(),
    })
}

/// Why a ring cannot go with a snapshot.
enum Unfit {
    Missing(Vec<KeyId>),
    Fault(RingFault),
}

/// The ring with a new active key, whose id neither the ring nor the snapshot has ever used.
fn rotate(
    ring: &KeyRing,
    info: &SnapshotInfo,
    surroundings: &Surroundings,
) -> Result<(KeyRing, KeyCheck), Unfit> {
    let held: BTreeSet<KeyId> = ring.key_ids().collect();
    let named = &info.totals.keys;
    let missing: Vec<KeyId> = named.difference(&held).copied().collect();
    if !missing.is_empty() {
        return Err(Unfit::Missing(missing));
    }
    let newest = held.last().map_or(0, |id| id.0);
    let id = KeyId(newest.checked_add(1).ok_or(Unfit::Fault(RingFault::Full))?);
    let material = SecretBytes::new(surroundings.entropy.bytes32());
    let ring = ring.with_key(id, material).map_err(Unfit::Fault)?;
    let unknown = |_| Unfit::Fault(RingFault::Full);
    let ring = ring.with_active(id).map_err(unknown)?;
    let value = ring.check_value(id).map_err(unknown)?;
    Ok((ring, KeyCheck { id, value }))
}

/// Takes an empty directory, or one that a restore left unfinished: nothing of that is kept.
fn take(path: &Path) -> Result<DataDir, RestoreError> {
    let data_dir = DataDir::open(path)?;
    let stage = Identity::load(path)?.map(|identity| identity.stage());
    match (stage, data_dir.contents()) {
        (None, Contents::New) => Ok(data_dir),
        (Some(Stage::Restoring), _) => {
            let path = path.join(SNAPSHOTS_FOLDER);
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(RestoreError::Folder { path, error })
                }
                _ => Ok(data_dir),
            }
        }
        _ => Err(RestoreError::NotEmpty {
            path: path.to_owned(),
        }),
    }
}

fn found(
    snapshot: &Path,
    data_dir: &Path,
    founder: &Founder,
    progress: &mut dyn FnMut(Progress),
) -> Result<Restored, RestoreError> {
    let path = data_dir.join(SNAPSHOTS_FOLDER);
    let disk = FsDisk::open(&path).map_err(|error| RestoreError::Folder { path, error })?;
    let folder = SnapshotFolder::new(Arc::new(disk));
    let from = SnapshotLocation::find(snapshot)?;
    Ok(snapshot::restore(
        &from.disk, &from.name, &folder, founder, progress,
    )?)
}
