//! Upstreams that cannot be connected to: what the log is told, once for many requests.
//!
//! Every failure is counted by its reason. The log says that an origin is down, says so again now and then with how many
//! requests it cost, and says when it is back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The least time between two lines that say that an origin is down.
pub(super) const QUIET: Duration = Duration::from_secs(5);
/// The most origins remembered; the failures of more are only counted.
const ORIGINS_MAX: usize = 1024;
/// After so long without a failure an origin is forgotten: nobody asks for it any more, or it has long been well.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// The origins to which connecting failed of late, for all workers.
#[derive(Debug, Default)]
pub(super) struct Outages {
    // Origins that the log calls down. While there is none, a connection that stands costs one load.
    down: AtomicUsize,
    origins: Mutex<HashMap<Box<str>, Outage, ahash::RandomState>>,
}

#[derive(Debug)]
struct Outage {
    told: Told,
    told_at: Instant,
    failed_at: Instant,
    // Since the last line.
    failures: u64,
}

/// What the log was told last about an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Up,
    Down,
}

/// A line that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// How many connections failed since the last line about this origin, this one included.
    pub(super) failures: u64,
}

impl Outages {
    /// Notes a failure; a report is due for the first one and then at most every few seconds.
    pub(super) fn failed(&self, origin: &str, now: Instant) -> Option<Report> {
        let mut origins = self.origins.lock();
        if let Some(outage) = origins.get_mut(origin) {
            outage.failed_at = now;
            outage.failures = outage.failures.saturating_add(1);
            if now.saturating_duration_since(outage.told_at) < QUIET {
                return None;
            }
            if outage.told == Told::Up {
                self.down.fetch_add(1, Ordering::Relaxed);
            }
            outage.told = Told::Down;
            outage.told_at = now;
            let failures = std::mem::take(&mut outage.failures);
            return Some(Report { failures });
        }
        if origins.len() >= ORIGINS_MAX {
            return None;
        }
        let outage = Outage {
            told: Told::Down,
            told_at: now,
            failed_at: now,
            failures: 0,
        };
        origins.insert(origin.into(), outage);
        self.down.fetch_add(1, Ordering::Relaxed);
        Some(Report { failures: 1 })
    }

    /// Forgets origins that have not failed for long; tells of those that the log still calls down.
    pub(super) fn forget_old(&self, now: Instant) -> Vec<(Box<str>, Report)> {
        let is_old =
            |outage: &Outage| now.saturating_duration_since(outage.failed_at) >= FORGOTTEN_AFTER;
        let mut origins = self.origins.lock();
        let old: Vec<_> = origins.extract_if(|_, outage| is_old(outage)).collect();
        drop(origins);
        let mut left_down = Vec::new();
        for (origin, outage) in old {
            if outage.told == Told::Down {
                self.down.fetch_sub(1, Ordering::Relaxed);
                let failures = outage.failures;
                left_down.push((origin, Report { failures }));
            }
        }
        left_down
    }

    /// Notes a connection that stands; a report is due when the log calls its origin down.
    pub(super) fn connected(&self, origin: &str) -> Option<Report> {
        if self.down.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut origins = self.origins.lock();
        let outage = origins
            .get_mut(origin)
            .filter(|outage| outage.told == Told::Down)?;
        outage.told = Told::Up;
        self.down.fetch_sub(1, Ordering::Relaxed);
        let failures = std::mem::take(&mut outage.failures);
        Some(Report { failures })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(failures: u64) -> Option<Report> {
        Some(Report { failures })
    }

    #[test]
    fn a_thousand_failures_are_one_line_every_few_seconds() {
        let outages = Outages::default();
        let began = Instant::now();
        assert_eq!(outages.failed("a", began), report(1));
        for _ in 0..999 {
            assert_eq!(outages.failed("a", began), None);
        }
        assert_eq!(
            outages.failed("b", began),
            report(1),
            "each origin has its own"
        );
        assert_eq!(outages.failed("a", began + QUIET), report(1000));
        assert_eq!(outages.failed("a", began + QUIET), None);
        assert_eq!(outages.connected("a"), report(1));
        assert_eq!(outages.connected("a"), None);
        assert_eq!(outages.connected("b"), report(0));
        assert_eq!(outages.down.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_origin_that_comes_and_goes_does_not_flood_either() {
        let outages = Outages::default();
        let began = Instant::now();
        let mut lines = 0;
        for tenth in 0..100 {
            let now = began + QUIET * tenth / 10;
            lines += usize::from(outages.failed("a", now).is_some());
            lines += usize::from(outages.connected("a").is_some());
        }
        assert_eq!(lines, 20, "down and up, once in each of ten intervals");
    }

    #[test]
    fn only_so_many_origins_are_remembered() {
        let outages = Outages::default();
        let began = Instant::now();
        for number in 0..ORIGINS_MAX {
            assert_eq!(outages.failed(&number.to_string(), began), report(1));
        }
        assert_eq!(outages.failed("one more", began), None);
        let later = began + FORGOTTEN_AFTER;
        assert_eq!(outages.forget_old(later).len(), ORIGINS_MAX);
        assert_eq!(outages.failed("one more", later), report(1));
        assert_eq!(outages.origins.lock().len(), 1);
        assert_eq!(outages.down.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn an_origin_that_nobody_asks_for_any_more_is_not_down_for_ever() {
        let outages = Outages::default();
        let began = Instant::now();
        for origin in ["gone", "gone", "back", "failing"] {
            outages.failed(origin, began);
        }
        assert!(outages.connected("back").is_some());
        let later = began + FORGOTTEN_AFTER;
        outages.failed("failing", later - QUIET);
        assert_eq!(
            outages.forget_old(later),
            [("gone".into(), Report { failures: 1 })]
        );
        assert_eq!(outages.origins.lock().len(), 1);
        assert_eq!(outages.down.load(Ordering::Relaxed), 1);
        assert!(outages.forget_old(later).is_empty());
    }
}
