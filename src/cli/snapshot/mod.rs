//! `raftgate snapshot`: saving, inspecting and restoring a backup of the replicated state.

mod draft;
mod report;
mod restore;
mod save;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use raftgate_storage::snapshot::{GrantsAfterRestore, inspect_file};

use super::client::target::{SecretArguments, TargetArguments};
use super::terminal::{Exit, Terminal};
use crate::config::environment::Environment;
use report::Steps;
use restore::Destination;

/// Save, inspect or restore a snapshot of the replicated state
///
/// A snapshot never holds the key ring: keep that apart, by `raftgate keys export`.
#[derive(Args, Debug)]
pub struct SnapshotArguments {
    /// What to do
    #[command(subcommand)]
    pub action: SnapshotAction,
}

/// What to do with a snapshot.
#[derive(Debug, Subcommand)]
pub enum SnapshotAction {
    /// Write a snapshot of a running node to a file; an existing file is not overwritten
    Save {
        /// The file to write
        file: PathBuf,
        /// Which node.
        #[command(flatten)]
        target: TargetArguments,
        /// By which secret.
        #[command(flatten)]
        secret: SecretArguments,
    },
    /// Check a snapshot and print what it holds
    Inspect {
        /// The file to read
        file: PathBuf,
    },
    /// Make the data directory of a new cluster of one node out of a snapshot
    ///
    /// Works without a running node. Authorization codes are dropped and the key ring is rotated; the key ring must hold
    /// every key that the snapshot names, and is that of keys.file in the configuration (RAFTGATE_KEYS_FILE), else the file
    /// "keyring" that stands in the new directory already (raftgate keys import puts it there). Prints the time span whose revocations and rotations are lost.
    Restore {
        /// The file to read
        file: PathBuf,
        /// The new data directory, which must be empty
        #[arg(long, value_name = "EMPTY")]
        data_dir: String,
        /// The configuration file, which may say where the key ring is
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Revoke every access and refresh token that the snapshot holds; keys, users, admin tokens and client secrets stay
        #[arg(long)]
        drop_grants: bool,
    },
}

/// Saves, inspects or restores.
pub fn run(
    arguments: &SnapshotArguments,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Exit {
    match &arguments.action {
        SnapshotAction::Save {
            file,
            target,
            secret,
        } => save::run(file, target, secret, environment, terminal),
        SnapshotAction::Inspect { file } => inspect(file, terminal),
        SnapshotAction::Restore {
            file,
            data_dir,
            config,
            drop_grants,
        } => {
            let into = Destination {
                data_dir,
                config: config.as_deref(),
                grants: if *drop_grants {
                    GrantsAfterRestore::Revoke
                } else {
                    GrantsAfterRestore::Keep
                },
            };
            restore::run(file, &into, environment, terminal)
        }
    }
}

fn inspect(file: &Path, terminal: &mut Terminal<'_>) -> Exit {
    let mut steps = Steps::new("checked", terminal);
    match inspect_file(file, &mut |progress| steps.tell(progress)) {
        Ok(info) => {
            report::say(&info, terminal);
            Exit::Success
        }
        Err(error) => {
            terminal.complain(error);
            Exit::Failure
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Snapshot {
        #[command(flatten)]
        arguments: SnapshotArguments,
    }

    fn parsed(arguments: &[&str]) -> Option<SnapshotAction> {
        Snapshot::try_parse_from([&["snapshot"], arguments].concat())
            .ok()
            .map(|snapshot| snapshot.arguments.action)
    }

    #[test]
    fn restoring_needs_a_directory_and_keeps_grants_unless_told() {
        assert!(parsed(&["restore", "file"]).is_none());
        assert!(matches!(
            parsed(&["restore", "file", "--data-dir", "d"]),
            Some(SnapshotAction::Restore {
                drop_grants: false,
                ..
            })
        ));
        assert!(matches!(
            parsed(&["restore", "--drop-grants", "file", "--data-dir", "d"]),
            Some(SnapshotAction::Restore {
                drop_grants: true,
                ..
            })
        ));
    }

    #[test]
    fn every_action_needs_its_file_and_one_action_must_be_named() {
        for arguments in [&[][..], &["save"], &["inspect"], &["inspect", "a", "b"]] {
            assert!(parsed(arguments).is_none(), "{arguments:?}");
        }
        assert!(matches!(
            parsed(&["save", "f"]),
            Some(SnapshotAction::Save { .. })
        ));
        assert!(matches!(
            parsed(&["inspect", "f"]),
            Some(SnapshotAction::Inspect { .. })
        ));
    }
}
