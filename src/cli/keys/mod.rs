//! `raftgate keys`: the key ring out of its file and into it, sealed under a passphrase on the way.

mod passphrase;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use raftgate_model::clock::Entropy;
use raftgate_model::keyring::{
    ENVELOPE_BYTES_MAX, EnvelopeFault, EnvelopeSeed, KeyRing, PassphraseCost,
};
use raftgate_storage::keyring_file::{self, KeyRingFileError};
use raftgate_storage::private_file::{self, Existing};

use super::terminal::{Exit, Terminal};
use crate::clock::SystemEntropy;
use crate::config::environment::Environment;
use crate::config::error::ConfigErrors;
use crate::config::flags::Flags;
use crate::config::{load, table};
use passphrase::{PassphraseError, Question};

/// Export or import the key ring, sealed under a passphrase
///
/// Without the key ring no backup of the store can be used: keep an export apart from the backups. The passphrase comes
/// from --passphrase-file, else from RAFTGATE_KEYS_PASSPHRASE, else it is asked on the terminal.
#[derive(Args, Debug)]
pub struct KeysArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the key ring, sealed, to a file or to standard output
    Export {
        /// The file to write, which must not exist [default: standard output]
        file: Option<PathBuf>,
        #[command(flatten)]
        ring: RingArguments,
    },
    /// Read a sealed key ring from a file or from standard input and put it in place
    ///
    /// A key ring that is there already is replaced only by one that holds all of its keys. A running node reads the key
    /// ring at its next start.
    Import {
        /// The file to read [default: standard input]
        file: Option<PathBuf>,
        #[command(flatten)]
        ring: RingArguments,
    },
}

/// Where the key ring is, and its passphrase.
#[derive(Args, Debug)]
struct RingArguments {
    /// The node's configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The node's data directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// A file with the passphrase
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Why the key ring stays where it is.
#[derive(Debug, thiserror::Error)]
enum KeysError {
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    #[error(transparent)]
    Ring(#[from] KeyRingFileError),
    #[error(transparent)]
    Envelope(#[from] EnvelopeFault),
    #[error("{} exists already and is not overwritten", path.display())]
    Exists { path: PathBuf },
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        error: io::Error,
    },
}

/// What a command takes from the process, so that tests can give their own.
struct Surroundings<'a> {
    environment: &'a Environment,
    input: &'a mut dyn Read,
    ask: &'a dyn Fn(Question) -> io::Result<String>,
    cost: PassphraseCost,
}

/// Exports or imports.
pub fn run(
    arguments: &KeysArguments,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Exit {
    let surroundings = Surroundings {
        environment,
        input: &mut io::stdin(),
        ask: &passphrase::ask_on_terminal,
        cost: PassphraseCost::RECOMMENDED,
    };
    run_in(surroundings, &arguments.action, terminal)
}

fn run_in(
    mut surroundings: Surroundings<'_>,
    action: &Action,
    terminal: &mut Terminal<'_>,
) -> Exit {
    let done = match action {
        Action::Export { file, ring } => export(&surroundings, file.as_deref(), ring, terminal),
        Action::Import { file, ring } => import(&mut surroundings, file.as_deref(), ring)
            .map(|path| terminal.say(format_args!("the key ring is in {}", path.display()))),
    };
    match done {
        Ok(()) => Exit::Success,
        Err(error) => {
            terminal.complain(&error);
            match error {
                KeysError::Configuration(_) => Exit::Usage,
                _ => Exit::Failure,
            }
        }
    }
}

fn export(
    surroundings: &Surroundings<'_>,
    file: Option<&Path>,
    arguments: &RingArguments,
    terminal: &mut Terminal<'_>,
) -> Result<(), KeysError> {
    let ring_path = arguments.ring_path(surroundings.environment)?;
    // Asked before the passphrase, so that nobody types one in vain.
    let file = named(file);
    if let Some(path) = file.filter(|path| path.exists()) {
        return Err(KeysError::Exists {
            path: path.to_owned(),
        });
    }
    let ring = keyring_file::load(&ring_path)?;
    let passphrase = passphrase::find(
        arguments.passphrase_file.as_deref(),
        surroundings.environment,
        &|| passphrase::ask_twice(surroundings.ask),
    )?;
    let seed = EnvelopeSeed {
        salt: SystemEntropy.bytes16(),
        nonce: SystemEntropy.bytes12(),
    };
    let sealed = ring.export(&passphrase, seed, surroundings.cost)?;
    match file {
        Some(path) => {
            write_export(path, &sealed)?;
            terminal.say(format_args!("the sealed key ring is in {}", path.display()));
            Ok(())
        }
        None => {
            let written = terminal.out().write_all(sealed.as_bytes());
            let written = written.and_then(|()| terminal.out().flush());
            written.map_err(io_error("write to", Path::new("standard output")))
        }
    }
}

fn write_export(path: &Path, sealed: &str) -> Result<(), KeysError> {
    private_file::write(path, sealed.as_bytes(), Existing::Keep).map_err(|error| {
        match error.kind() {
            io::ErrorKind::AlreadyExists => KeysError::Exists {
                path: path.to_owned(),
            },
            _ => io_error("write", path)(error),
        }
    })
}

fn import(
    surroundings: &mut Surroundings<'_>,
    file: Option<&Path>,
    arguments: &RingArguments,
) -> Result<PathBuf, KeysError> {
    let ring_path = arguments.ring_path(surroundings.environment)?;
    let sealed = match named(file) {
        Some(path) => File::open(path)
            .and_then(|mut file| read_bounded(&mut file))
            .map_err(io_error("read", path))?,
        None => read_bounded(surroundings.input)
            .map_err(io_error("read", Path::new("standard input")))?,
    };
    let passphrase = passphrase::find(
        arguments.passphrase_file.as_deref(),
        surroundings.environment,
        &|| (surroundings.ask)(Question::First),
    )?;
    let ring = KeyRing::import(&sealed, &passphrase)?;
    create_folder_of(&ring_path)?;
    match keyring_file::create(&ring_path, &ring) {
        Err(KeyRingFileError::Exists { .. }) => keyring_file::replace(&ring_path, &ring)?,
        created => created?,
    }
    Ok(ring_path)
}

impl RingArguments {
    fn ring_path(&self, environment: &Environment) -> Result<PathBuf, ConfigErrors> {
        let data_dir = self.data_dir.as_deref();
        let flags = Flags::default().with("--data-dir", table::NODE_DATA_DIR, data_dir);
        let settings = load(self.config.as_deref(), environment, &flags)?;
        Ok(settings.keyring_path())
    }
}

/// A file that was named; a dash stands for the standard stream, as everywhere.
fn named(file: Option<&Path>) -> Option<&Path> {
    file.filter(|path| *path != Path::new("-"))
}

fn read_bounded(input: &mut dyn Read) -> io::Result<String> {
    let limit = u64::try_from(ENVELOPE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut text = String::new();
    // One byte more than allowed, so that the envelope's own check sees that it is too long.
    input
        .take(limit.saturating_add(1))
        .read_to_string(&mut text)?;
    Ok(text)
}

fn create_folder_of(ring_path: &Path) -> Result<(), KeysError> {
    match ring_path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && fs::metadata(folder).is_err() => {
            let mut builder = DirBuilder::new();
            let created = builder.recursive(true).mode(0o700).create(folder);
            created.map_err(io_error("create", folder))
        }
        _ => Ok(()),
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeysError {
    let path = path.to_owned();
    move |error| KeysError::Io {
        action,
        path,
        error,
    }
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
