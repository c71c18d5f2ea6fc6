//! What the workers of one gateway have in common besides the configuration.

use std::sync::atomic::AtomicBool;

use tokio::time::Instant;

use super::outages::Outages;
use super::shortages::Shortages;
use crate::telemetry::answer_lines::AnswerLines;

/// Read and written by all workers.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whether the process is shutting down.
    pub(super) draining: AtomicBool,
    /// The upstreams that cannot be connected to.
    pub(super) outages: Outages,
    /// Connections that this node itself had nothing to make with.
    pub(super) shortages: Shortages,
    /// How much the log was told of refusals.
    pub(super) lines: AnswerLines,
}

impl Shared {
    /// Tells the log what is due without any request, and forgets what is over.
    pub(super) fn look_back(&self, now: Instant) {
        self.tell_held_back(Some(now));
        for (origin, report) in self.outages.forget_old(now) {
            let failures = report.failures;
            tracing::info!(
                origin,
                failures,
                "no longer called down: nothing was sent to the upstream for long"
            );
        }
    }

    /// Tells how many refusals were not told one by one, in the windows that are over by now or in all.
    pub(super) fn tell_held_back(&self, by: Option<Instant>) {
        let held_back = match by {
            Some(now) => self.lines.end_windows(now),
            None => self.lines.end(),
        };
        for held_back in held_back {
            held_back.log();
        }
    }
}
