//! The command line: one file per command, each a struct of arguments and a function that runs it.

pub mod check;
pub mod client;
pub mod demo;
pub mod health;
pub mod keys;
pub mod serve;
pub mod snapshot;
pub mod terminal;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::config::environment::Environment;
use terminal::{Exit, Terminal};

const EXIT_CODES: &str = "\
Exit status: 0 when done, 1 when it failed, 2 when the command line or the configuration is wrong.
Every key of the configuration file can also be set by an environment variable, RAFTGATE_<SECTION>_<KEY>.";

/// A clustered API gateway and OAuth 2.0 authorization server.
#[derive(Debug, Parser)]
#[command(name = "raftgate", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArguments),
    Demo(demo::DemoArguments),
    Health(health::HealthArguments),
    Keys(keys::KeysArguments),
    Serve(Box<serve::ServeArguments>),
    Snapshot(Box<snapshot::SnapshotArguments>),
}

/// Runs the command that the arguments name; the first argument is the program itself.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // Help and version come as errors too, and belong on standard output.
            let text = answer.render();
            if answer.use_stderr() {
                terminal.print_complaint(text);
                return Exit::Usage;
            }
            terminal.print_result(text);
            return Exit::Success;
        }
    };
    match arguments.command {
        Command::Check(arguments) => check::run(&arguments, environment, terminal),
        Command::Demo(arguments) => demo::run(arguments, terminal),
        Command::Health(arguments) => health::run(&arguments, environment, terminal),
        Command::Keys(arguments) => keys::run(&arguments, environment, terminal),
        Command::Serve(arguments) => serve::run(&arguments, environment, terminal),
        Command::Snapshot(arguments) => snapshot::run(&arguments, environment, terminal),
    }
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
