//! Who this node is: chosen at its first start, kept in its data directory.

use std::fs;
use std::io;
use std::path::Path;

use raftgate_model::id::NodeId;
use raftgate_storage::private_file::{self, Existing};
use serde::{Deserialize, Serialize};

use super::{BootError, Surroundings};

/// The file's name in the data directory.
const FILE: &str = "node.json";
/// The format that this version writes.
const VERSION: u32 = 1;

/// A node's id and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    id: NodeId,
    name: String,
    stage: Stage,
}

/// Whether the node's first start came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stage {
    /// Nothing of it was ever acknowledged to anybody.
    Founding,
    /// It is a member: its log must be there at every start.
    Member,
    /// A snapshot is being restored here; what is there may be a part.
    Restoring,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    id: String,
    name: String,
    stage: Stage,
}

impl Identity {
    /// The identity of this directory; a name from the configuration replaces the one that was chosen before.
    pub(super) fn load_or_create(
        data_dir: &Path,
        configured: Option<&str>,
        surroundings: &Surroundings,
    ) -> Result<Self, BootError> {
        let path = data_dir.join(FILE);
        let kept = match fs::read_to_string(&path) {
            Ok(text) => Some(parse(&path, &text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(BootError::file(&path, error)),
        };
        if kept
            .as_ref()
            .is_some_and(|kept| kept.stage == Stage::Restoring)
        {
            return Err(BootError::Identity {
                path,
                reason: "a restore into this directory was cut short: remove all of it but the key ring and restore again"
                    .to_owned(),
            });
        }
        let is_new = kept.is_none();
        let mut identity = kept.unwrap_or_else(|| Self::chosen(surroundings, Stage::Founding));
        let chosen = configured.unwrap_or(&identity.name).to_owned();
        if is_new || chosen != identity.name {
            identity.name = chosen;
            identity.save(&path)?;
        }
        Ok(identity)
    }

    fn chosen(surroundings: &Surroundings, stage: Stage) -> Self {
        Self {
            id: NodeId(surroundings.entropy.number().max(1)),
            name: format!("node-{:08x}", surroundings.entropy.number() >> 32),
            stage,
        }
    }

    /// A new identity for a directory that a snapshot is restored into; no node starts there before the end of it.
    pub(super) fn begin_restore(
        data_dir: &Path,
        configured: Option<&str>,
        surroundings: &Surroundings,
    ) -> Result<Self, BootError> {
        let mut identity = Self::chosen(surroundings, Stage::Restoring);
        if let Some(name) = configured {
            name.clone_into(&mut identity.name);
        }
        identity.save(&data_dir.join(FILE))?;
        Ok(identity)
    }

    /// Notes that everything of a restored node is in place, which must be there at every start from now on.
    pub(super) fn restored(&mut self, data_dir: &Path) -> Result<(), BootError> {
        self.stage = Stage::Member;
        self.save(&data_dir.join(FILE))
    }

    /// Notes that the first start came to its end.
    pub(super) fn founded(&mut self, data_dir: &Path) -> Result<(), BootError> {
        if self.stage == Stage::Founding {
            self.stage = Stage::Member;
            self.save(&data_dir.join(FILE))?;
        }
        Ok(())
    }

    fn save(&self, path: &Path) -> Result<(), BootError> {
        let document = Document {
            version: VERSION,
            id: format!("{:016x}", self.id.0),
            name: self.name.clone(),
            stage: self.stage,
        };
        let text = serde_json::to_vec_pretty(&document).unwrap_or_default();
        private_file::write(path, &text, Existing::Replace)
            .map_err(|error| BootError::file(path, error))
    }

    pub(super) const fn id(&self) -> NodeId {
        self.id
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether no start of this node ever came to its end.
    pub(super) fn is_founding(&self) -> bool {
        self.stage == Stage::Founding
    }
}

fn parse(path: &Path, text: &str) -> Result<Identity, BootError> {
    let wrong = |reason: String| BootError::Identity {
        path: path.to_owned(),
        reason,
    };
    let document: Document =
        serde_json::from_str(text).map_err(|error| wrong(format!("is no identity: {error}")))?;
    if document.version > VERSION {
        return Err(wrong(format!(
            "was written by a newer version (format {})",
            document.version
        )));
    }
    let id = u64::from_str_radix(&document.id, 16)
        .map_err(|_| wrong("the id is not 16 hexadecimal digits".to_owned()))?;
    Ok(Identity {
        id: NodeId(id),
        name: document.name,
        stage: document.stage,
    })
}
