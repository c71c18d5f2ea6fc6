//! `raftgate demo`: its flags.

use clap::Args;

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
