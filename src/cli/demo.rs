//! `raftgate demo`: its flags, and the logs it keeps quiet.

use clap::Args;

use super::terminal::{Exit, Terminal};
use crate::config::log::{LogFormat, LogSettings};
use crate::demo::{self, AfterTour};
use crate::telemetry::{logging, panic_hook};

/// Run a node and everything around it on loopback, with a guided first request
///
/// Starts a node in a temporary folder, a sample upstream, a sample identity server and a notification sink. Goes through
/// authorization code with PKCE, client credentials, refresh and revocation, prints each request as a curl command that
/// can be repeated, and keeps serving until interrupted.
#[derive(Args, Clone, Copy, Debug)]
pub struct DemoArguments {
    /// End after the tour, with status 0 only if every step answered as it should
    #[arg(long)]
    pub once: bool,
}

/// Shows everything at work.
pub fn run(arguments: DemoArguments, terminal: &mut Terminal<'_>) -> Exit {
    let logs = LogSettings {
        filter: "warn".to_owned(),
        format: LogFormat::Text,
        access: false,
    };
    let _log = match logging::start(&logs) {
        Ok(writer) => writer,
        Err(error) => {
            terminal.complain(error);
            return Exit::Failure;
        }
    };
    panic_hook::install();
    let after = if arguments.once {
        AfterTour::End
    } else {
        AfterTour::KeepServing
    };
    actix_rt::System::new().block_on(demo::run(after, terminal))
}
