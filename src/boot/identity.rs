//! Who this node is: chosen at its first start, kept in its data directory.
//!
//! ```text
//! founding:  identity (founding) -> format -> ring, secret, log, state -> identity (member) -> first answer
//! restoring: identity (restoring) -> format -> snapshot -> ring -> identity (restored) -> first start -> identity (member)
//! ```
//! A crash anywhere before `member` or `restored` loses nothing that anybody was told of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use raftgate_model::id::NodeId;
use raftgate_model::keyring::KeyRing;
use raftgate_storage::data_dir::{Contents, DataDir, IDENTITY_FILE};
use raftgate_storage::private_file::{self, Existing};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BootError, Surroundings};

/// The format that this version writes.
const VERSION: u32 = 1;
/// How an operator gets out of a directory whose identity cannot be used.
const WAY_OUT: &str = "put the file back from a copy of the data directory, or restore a snapshot into an empty directory \
                       (raftgate snapshot restore)";

/// A node's id and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    path: PathBuf,
    id: NodeId,
    name: String,
    stage: Stage,
    /// Tells the ring of this node's cluster from others; known once the first start came to its end.
    ring: Option<String>,
}

/// How far the node's first start came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// Nothing of it was ever acknowledged to anybody.
    Founding,
    /// A snapshot is being restored here; what is there may be a part.
    Restoring,
    /// A snapshot was restored, and no start came to its end since: there may be no log yet.
    Restored,
    /// It is a member: its log must be there at every start.
    Member,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    id: String,
    name: String,
    stage: Stage,
    ring: Option<String>,
    /// A sum over the rest: a changed digit must not make another node of this one.
    check: String,
}

impl Document {
    fn sum(&self) -> String {
        let ring = self.ring.as_deref().unwrap_or_default();
        let (version, id, stage, name) = (self.version, &self.id, self.stage, &self.name);
        let text = format!("{version}\n{id}\n{stage:?}\n{ring}\n{name}");
        let digest = Sha256::digest(text);
        digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl Identity {
    /// The identity of this directory; a name from the configuration replaces the one that was chosen before.
    ///
    /// A new directory gets one, and its format after that.
    pub(super) fn load_or_create(
        data_dir: &DataDir,
        configured: Option<&str>,
        surroundings: &Surroundings,
    ) -> Result<Self, BootError> {
        let kept = Self::load(data_dir.path())?;
        let is_new = kept.is_none();
        let mut identity =
            kept.unwrap_or_else(|| Self::chosen(data_dir.path(), surroundings, Stage::Founding));
        match (identity.stage, data_dir.contents()) {
            (Stage::Restoring, _) => {
                return Err(identity.unusable(
                    "a restore into this directory was cut short: repeat it (raftgate snapshot restore), or remove all of \
                     the directory but the key ring",
                ));
            }
            (Stage::Restored | Stage::Member, Contents::New) => {
                return Err(identity.unusable(format!(
                    "says that this node has started before, but the file format beside it is missing: put that file back \
                     from a copy, or {WAY_OUT}"
                )));
            }
            (Stage::Founding | Stage::Restored | Stage::Member, _) => {}
        }
        let chosen = configured.unwrap_or(&identity.name).to_owned();
        if is_new || chosen != identity.name {
            identity.name = chosen;
            identity.save()?;
        }
        if data_dir.contents() == Contents::New {
            data_dir.format()?;
        }
        Ok(identity)
    }

    /// The identity that stands in a directory, if there is one.
    pub(super) fn load(data_dir: &Path) -> Result<Option<Self>, BootError> {
        let path = data_dir.join(IDENTITY_FILE);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(parse(path, &bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BootError::file(&path, error)),
        }
    }

    fn chosen(data_dir: &Path, surroundings: &Surroundings, stage: Stage) -> Self {
        Self {
            path: data_dir.join(IDENTITY_FILE),
            id: NodeId(surroundings.entropy.number().max(1)),
            name: format!("node-{:08x}", surroundings.entropy.number() >> 32),
            stage,
            ring: None,
        }
    }

    /// A new identity for a directory that a snapshot is restored into; no node starts there before the end of it.
    pub(super) fn begin_restore(
        data_dir: &DataDir,
        configured: Option<&str>,
        surroundings: &Surroundings,
    ) -> Result<Self, BootError> {
        let mut identity = Self::chosen(data_dir.path(), surroundings, Stage::Restoring);
        if let Some(name) = configured {
            name.clone_into(&mut identity.name);
        }
        identity.save()?;
        data_dir.format()?;
        Ok(identity)
    }

    /// Notes that everything of a restored node is in place, its ring too.
    pub(super) fn restored(&mut self, ring: &KeyRing) -> Result<(), BootError> {
        self.reach(Stage::Restored, ring)
    }

    /// Notes that the first start came to its end: from now on log and ring must be there.
    pub(super) fn started(&mut self, ring: &KeyRing) -> Result<(), BootError> {
        match self.stage {
            Stage::Member => Ok(()),
            Stage::Founding | Stage::Restoring | Stage::Restored => self.reach(Stage::Member, ring),
        }
    }

    fn reach(&mut self, stage: Stage, ring: &KeyRing) -> Result<(), BootError> {
        self.stage = stage;
        self.ring = Some(ring.cluster_value().to_string());
        self.save()
    }

    fn save(&self) -> Result<(), BootError> {
        let mut document = Document {
            version: VERSION,
            id: format!("{:016x}", self.id.0),
            name: self.name.clone(),
            stage: self.stage,
            ring: self.ring.clone(),
            check: String::new(),
        };
        document.check = document.sum();
        let text = serde_json::to_vec_pretty(&document)
            .map_err(|error| BootError::file(&self.path, error.into()))?;
        private_file::write(&self.path, &text, Existing::Replace)
            .map_err(|error| BootError::file(&self.path, error))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn id(&self) -> NodeId {
        self.id
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether the ring is the one that this node had; true as long as it is not known which that is.
    pub(super) fn fits(&self, ring: &KeyRing) -> bool {
        let value = ring.cluster_value().to_string();
        self.ring.as_ref().is_none_or(|known| *known == value)
    }

    /// Says that the identity is not the one that goes with the rest of the directory.
    pub(super) fn unusable(&self, reason: impl Into<String>) -> BootError {
        BootError::Identity {
            path: self.path.clone(),
            reason: reason.into(),
        }
    }

    /// Says that the state has no member of this id.
    pub(super) fn is_no_member(&self, members: &[String]) -> BootError {
        let (id, members) = (self.id.0, members.join(", "));
        self.unusable(format!(
            "names the node {id:016x}, but the state in this directory is that of {members}: {WAY_OUT}"
        ))
    }
}

fn parse(path: PathBuf, bytes: &[u8]) -> Result<Identity, BootError> {
    let wrong = |reason: String| BootError::Identity {
        path: path.clone(),
        reason,
    };
    let damaged = |what: &str| wrong(format!("is no identity of a node ({what}): {WAY_OUT}"));
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| damaged(&error.to_string()))?;
    if document.version > VERSION {
        return Err(wrong(format!(
            "was written by a newer version (format {}): start it with that version, or {WAY_OUT}",
            document.version
        )));
    }
    if document.check != document.sum() {
        return Err(damaged("\"check\" does not fit the rest"));
    }
    let id = u64::from_str_radix(&document.id, 16)
        .map_err(|_| damaged("the id is not 16 hexadecimal digits"))?;
    Ok(Identity {
        path,
        id: NodeId(id),
        name: document.name,
        stage: document.stage,
        ring: document.ring,
    })
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
