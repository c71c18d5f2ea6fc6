//! Which node a client command speaks to, and with which secret.

use std::path::PathBuf;

use clap::Args;
use raftgate_model::secret::Secret;

use super::super::terminal::{Exit, Terminal};
use crate::config::address::HostPort;
use crate::config::environment::Environment;
use crate::config::error::ConfigErrors;
use crate::config::flags::Flags;
use crate::config::origin::Origin;
use crate::config::settings::{Settings, TlsFiles};
use crate::config::{load, table};
use crate::control_address;
use crate::control_secret::{ControlSecretError, ControlSecretFile};

/// The flags by which a client command finds its node.
#[derive(Args, Debug)]
pub struct TargetArguments {
    /// The node's control listener [default: RAFTGATE_CONTROL_LISTEN, the configuration file, the data directory]
    #[arg(long, value_name = "ADDR")]
    control: Option<HostPort>,
    /// The node's configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The node's data directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
}

/// The flags by which a client command also finds the control secret.
#[derive(Args, Debug)]
pub struct SecretArguments {
    /// A file with the control secret [default: RAFTGATE_CONTROL_SECRET, the configuration file, the data directory]
    #[arg(long, value_name = "FILE")]
    control_secret_file: Option<PathBuf>,
}

/// A node's control listener.
pub struct Target {
    /// Where it is.
    pub address: HostPort,
    /// What its certificate must be, if the node's own configuration says; plain HTTP without.
    pub tls: Option<TlsFiles>,
    /// The settings that were read on the way.
    pub settings: Settings,
}

impl Target {
    /// The address of a path on this node.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    fn warn_of_clear_text(&self, terminal: &mut Terminal<'_>) {
        if self.tls.is_none() && !self.address.is_loopback() {
            terminal.warn(format_args!(
                "{} is not this machine and no TLS is configured (control.tls_cert): whoever is on the way can read the control secret",
                self.address
            ));
        }
    }
}

/// Why it is not known which node is meant.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The configuration that would say is wrong.
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    /// The configuration leaves the port to the system, and no node has written down which one it got.
    #[error(
        "control.listen leaves the port to the system, and no node has run in {}: name it with --control or --data-dir",
        data_dir.display()
    )]
    PortUnknown {
        /// Where the node would have written it.
        data_dir: PathBuf,
    },
}

impl TargetError {
    /// How a command that stops here ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Configuration(_) => Exit::Usage,
            Self::PortUnknown { .. } => Exit::Failure,
        }
    }
}

/// Why the control secret is not known.
#[derive(Debug, thiserror::Error)]
#[error("{0}; set RAFTGATE_CONTROL_SECRET or --control-secret-file")]
pub struct SecretError(#[from] ControlSecretError);

impl TargetArguments {
    /// Finds the node: by the flag, else by environment or file, else by what it wrote into its data directory.
    ///
    /// # Errors
    /// The configuration is wrong, or it does not lead to a node.
    pub fn resolve(&self, environment: &Environment) -> Result<Target, TargetError> {
        let data_dir = self.data_dir.as_deref();
        let flags = Flags::default().with("--data-dir", table::NODE_DATA_DIR, data_dir);
        let settings = load(self.config.as_deref(), environment, &flags)?;
        let address = match &self.control {
            Some(address) => address.clone(),
            None => address_of(&settings).ok_or_else(|| TargetError::PortUnknown {
                data_dir: settings.node.data_dir.clone(),
            })?,
        };
        Ok(Target {
            address,
            tls: settings.control.tls.clone(),
            settings,
        })
    }
}

impl SecretArguments {
    /// The control secret: from the flag's file, else from environment or configuration, else from the data directory.
    ///
    /// Warns when others may read the file, or the way to the node.
    ///
    /// # Errors
    /// The file cannot be read or holds no secret.
    pub fn resolve(
        &self,
        target: &Target,
        terminal: &mut Terminal<'_>,
    ) -> Result<Secret, SecretError> {
        let kept_at = target.settings.node.control_secret_path();
        let path = match (&self.control_secret_file, &target.settings.control.secret) {
            (Some(path), _) => path,
            (None, Some(secret)) => {
                target.warn_of_clear_text(terminal);
                return Ok(secret.duplicate());
            }
            (None, None) => &kept_at,
        };
        let file = ControlSecretFile::read(path)?;
        if let Some(exposure) = file.exposure {
            terminal.warn(exposure);
        }
        target.warn_of_clear_text(terminal);
        Ok(file.secret)
    }
}

fn address_of(settings: &Settings) -> Option<HostPort> {
    let configured = settings.control.listen;
    let published = || control_address::published(&settings.node.data_dir);
    let listen = match settings.control.listen_origin {
        Origin::Default => published().unwrap_or(configured),
        _ if configured.port() == 0 => published().unwrap_or(configured),
        _ => configured,
    };
    HostPort::reaching(listen)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
