//! `raftgate check`: says what is wrong with a configuration without starting a node.

use std::path::PathBuf;

use clap::Args;

use super::terminal::{Exit, Terminal};
use crate::config::environment::Environment;
use crate::config::flags::Flags;
use crate::config::load;
use crate::config::settings::Settings;
use crate::definitions::DefinitionsCheck;
use crate::listener_tls::ListenerTls;

/// Validate the configuration and definitions; nothing is started or changed
///
/// Reads the configuration file, if one is given, and the environment, as `raftgate serve` would, loads the TLS files that
/// they name, reads the definitions, and prints everything that is wrong at once.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Definition files, or folders of them; without any, the folder that the configuration names
    #[arg(value_name = "DEFINITION")]
    definitions: Vec<PathBuf>,
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
            let definitions = match arguments.definitions.as_slice() {
                [] => settings.definitions.dir.as_slice(),
                named => named,
            };
            let tls = check_tls(&settings, terminal);
            let files = check_definitions(definitions, terminal);
            if tls == Exit::Success && files == Exit::Success {
                terminal.say("the configuration is valid");
                return Exit::Success;
            }
            Exit::Failure
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
            terminal.complain(format_args!(
                "{section}.tls_cert, {section}.tls_key: {error}"
            ));
            exit = Exit::Failure;
        }
    }
    exit
}

fn check_definitions(paths: &[PathBuf], terminal: &mut Terminal<'_>) -> Exit {
    let check = DefinitionsCheck::of(paths);
    for warning in &check.warnings {
        terminal.warn(warning);
    }
    for fault in &check.faults {
        terminal.complain(fault);
    }
    if !check.faults.is_empty() {
        return Exit::Failure;
    }
    if !paths.is_empty() {
        terminal.say(format_args!("{} definitions are valid", check.definitions));
    }
    Exit::Success
}
