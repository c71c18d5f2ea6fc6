//! `raftgate check`: says what is wrong with a configuration without starting a node.

use std::path::PathBuf;

use clap::Args;

use super::terminal::{Exit, Terminal};
use crate::config::environment::Environment;
use crate::config::flags::Flags;
use crate::config::load;
use crate::config::settings::Settings;
use crate::listener_tls::ListenerTls;

/// Validate the configuration; nothing is started or changed
///
/// Reads the configuration file, if one is given, and the environment, as `raftgate serve` would, loads the TLS files that
/// they name, and prints everything that is wrong at once.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Checks what the arguments name.
pub fn run(
    arguments: &CheckArguments,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Exit {
    match load(arguments.config.as_deref(), environment, &Flags::default()) {
        Ok(settings) => {
            for warning in settings.warnings() {
                terminal.warn(warning);
            }
            check_tls(&settings, terminal)
        }
        Err(errors) => {
            terminal.complain(errors);
            Exit::Usage
        }
    }
}

/// Certificates and keys are part of what `serve` starts with.
fn check_tls(settings: &Settings, terminal: &mut Terminal<'_>) -> Exit {
    let listeners = [
        ("gateway", &settings.gateway.tls),
        ("control", &settings.control.tls),
    ];
    let mut exit = Exit::Success;
    for (section, files) in listeners {
        if let Some(error) = files
            .clone()
            .and_then(|files| ListenerTls::load(files).err())
        {
            terminal.complain(format_args!("TLS of [{section}]: {error}"));
            exit = Exit::Failure;
        }
    }
    if exit == Exit::Success {
        terminal.say("the configuration is valid");
    }
    exit
}
