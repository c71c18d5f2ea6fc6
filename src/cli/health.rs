//! `raftgate health`: whether a node serves, as an exit status for container probes.

use clap::Args;
use serde::Deserialize;

use super::client::target::TargetArguments;
use super::client::{Answer, get};
use super::terminal::{Exit, Terminal};
use crate::config::environment::Environment;

/// Ask a node whether it serves; exit status 0 when it does, 1 when not
///
/// Suits container probes. A node without a quorum still serves, and answers "warn".
#[derive(Args, Debug)]
pub struct HealthArguments {
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Deserialize)]
struct Readiness {
    status: String,
}

/// Asks the node that the arguments lead to.
pub fn run(
    arguments: &HealthArguments,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Exit {
    let target = match arguments.target.resolve(environment) {
        Ok(target) => target,
        Err(error) => {
            terminal.complain(&error);
            return error.exit();
        }
    };
    match get(&target, "/ready") {
        Ok(answer) => report(&answer, terminal),
        Err(error) => {
            terminal.complain(error);
            Exit::Failure
        }
    }
}

fn report(answer: &Answer, terminal: &mut Terminal<'_>) -> Exit {
    let readiness = serde_json::from_slice::<Readiness>(&answer.body);
    match (answer.status, readiness) {
        (200, Ok(readiness)) => {
            terminal.say(readiness.status);
            Exit::Success
        }
        (200, Err(_)) => {
            terminal.complain("what answers at this address is not a raftgate control listener");
            Exit::Failure
        }
        (status, _) => {
            terminal.complain(format!("the node does not serve now: it answered {status}"));
            Exit::Failure
        }
    }
}
