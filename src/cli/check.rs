//! `raftgate check`: says what is wrong with a configuration without starting a node.

use std::path::PathBuf;

use clap::Args;

use super::terminal::{Exit, Terminal};
use crate::config::environment::Environment;
use crate::config::flags::Flags;
use crate::config::load;

/// Validate the configuration; nothing is started or changed
///
/// Reads the configuration file, if one is given, and the environment, as `raftgate serve` would, and prints everything
/// that is wrong at once.
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
            terminal.say("the configuration is valid");
            Exit::Success
        }
        Err(errors) => {
            terminal.complain(errors);
            Exit::Usage
        }
    }
}
