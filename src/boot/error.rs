//! Why a node does not start; each text says what to do where something can be done.

use std::io;
use std::path::{Path, PathBuf};

use raftgate_actors::registry::NotInForce;
use raftgate_cluster::node::StorageError;
use raftgate_model::id::KeyId;
use raftgate_storage::data_dir::DataDirError;
use raftgate_storage::keyring_file::KeyRingFileError;

use crate::control::ControlStartError;
use crate::control_secret::ControlSecretError;
use crate::listen_error::ListenError;
use crate::listener_tls::ListenerTlsError;
use crate::proxy::GatewayStartError;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A file or folder cannot be read or written.
    #[error(
        "cannot read or write {}: {error}; look at what is there, the rights of the user and the room on the disk",
        path.display()
    )]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file that says who this node is cannot be understood.
    #[error("{}: {reason}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key ring cannot be used.
    #[error(transparent)]
    KeyRing(#[from] KeyRingFileError),
    /// There is no key ring, and the node had one.
    #[error(
        "there is no key ring at {}, and without the one it had this node's tokens and secrets are lost: put a copy of it \
         back, or an export (raftgate keys import), or name its file by keys.file or RAFTGATE_KEYS_FILE",
        path.display()
    )]
    RingMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The key ring and the node belong to different clusters.
    #[error(
        "the key ring at {} and the node in {} belong to different clusters, so that every token and secret would be \
         refused: put the one that does not belong here back from a copy; for the ring an export will do (move the file \
         away, then raftgate keys import)",
        path.display(),
        node.display()
    )]
    OtherRing {
        /// The key ring's file.
        path: PathBuf,
        /// The node's identity.
        node: PathBuf,
    },
    /// The key ring holds another key than the one that the state names.
    #[error(
        "the key ring at {} is another cluster's: its key {key} is not the one that this node's state names by that id; \
         move the file away and put this cluster's ring in its place, from a copy or an export (raftgate keys import)",
        path.display()
    )]
    OtherKey {
        /// The key ring's file.
        path: PathBuf,
        /// The key.
        key: KeyId,
    },
    /// The file of the control secret is of no use.
    #[error("{0}; write the secret into the file, or remove the file and a new secret is made")]
    ControlSecret(#[from] ControlSecretError),
    /// The store names a key that the ring lacks.
    #[error("the key ring at {} lacks the key {key}, by which this node's tokens are made: import the cluster's key ring (raftgate keys import) or point keys.file to it", path.display())]
    KeyMissing {
        /// The key ring's file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// The cluster listener cannot be bound.
    #[error(transparent)]
    ClusterListen(#[from] ListenError),
    /// The log and the state cannot be opened.
    #[error(transparent)]
    Storage(Box<StorageError>),
    /// The thread that opens the log and the state does not start, or does not come to its end.
    #[error("the thread that loads the state failed: {0}")]
    Loading(String),
    /// Consensus does not start.
    #[error(transparent)]
    Cluster(Box<raftgate_cluster::node::StartError>),
    /// The actors do not start.
    #[error("the owners of running state did not start")]
    Actors,
    /// The threads that hash passwords do not start.
    #[error("the threads that hash passwords do not start: {0}")]
    Passwords(io::Error),
    /// The stored configuration did not come into force.
    #[error("this node does not serve its configuration: {0}")]
    Configuration(#[from] NotInForce),
    /// The definitions folder cannot be read.
    #[error("definitions.dir: cannot read the folder {}: {error}{}", path.display(), way_out(error))]
    Definitions {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The gateway listener does not start.
    #[error(transparent)]
    Gateway(#[from] GatewayStartError),
    /// The control listener does not start.
    #[error(transparent)]
    Control(#[from] ControlStartError),
    /// The certificate or key of a listener cannot be used.
    #[error(
        "{section}.tls_cert, {section}.tls_key: {error}; raftgate check tells whether they are right"
    )]
    ListenerTls {
        /// The section of the listener.
        section: &'static str,
        /// What is wrong with which file.
        error: ListenerTlsError,
    },
    /// TLS to upstreams cannot be set up.
    #[error("TLS to upstreams cannot be set up: {0}")]
    UpstreamTls(rustls::Error),
}

impl From<StorageError> for BootError {
    fn from(error: StorageError) -> Self {
        Self::Storage(Box::new(error))
    }
}

impl From<raftgate_cluster::node::StartError> for BootError {
    fn from(error: raftgate_cluster::node::StartError) -> Self {
        Self::Cluster(Box::new(error))
    }
}

impl BootError {
    /// A failure of the file system, with the path it happened at.
    #[must_use]
    pub fn file(path: &Path, error: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            error,
        }
    }
}

/// What can be done about a folder that cannot be read; what the folder holds too much of says so itself.
fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; create it, correct the path, or leave definitions.dir out",
        io::ErrorKind::NotADirectory => "; the path must lead to a folder",
        io::ErrorKind::PermissionDenied => "; the user of this process needs the right to",
        _ => "",
    }
}
