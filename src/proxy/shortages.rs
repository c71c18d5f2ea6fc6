//! Connections that this node had no descriptor, no memory or no address of its own for: what the log is told of them.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::outages::QUIET;

/// The shortages of all workers; whose upstream it was to be does not matter.
#[derive(Debug, Default)]
pub(super) struct Shortages(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    // Since the last line.
    failures: u64,
}

impl Shortages {
    /// Notes a connection that could not be made; a line is due for the first one and then at most every few seconds, with the
    /// number of those since the last line, this one included.
    pub(super) fn noted(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock();
        told.failures = told.failures.saturating_add(1);
        let is_quiet = |at: Instant| now.saturating_duration_since(at) < QUIET;
        if told.at.is_some_and(is_quiet) {
            return None;
        }
        told.at = Some(now);
        Some(std::mem::take(&mut told.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_that_are_not_made_are_a_line_every_few_seconds() {
        let shortages = Shortages::default();
        let began = Instant::now();
        assert_eq!(shortages.noted(began), Some(1));
        for _ in 0..999 {
            assert_eq!(shortages.noted(began), None);
        }
        assert_eq!(shortages.noted(began + QUIET), Some(1000));
        assert_eq!(shortages.noted(began + QUIET), None);
    }
}
