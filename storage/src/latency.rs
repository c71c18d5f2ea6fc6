//! Histograms of durations: plain counters that many threads add to and metrics read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets in microseconds; a last bucket takes what is longer.
pub const LATENCY_BOUNDS_US: [u64; 16] = [
    50, 100, 200, 300, 500, 750, 1_000, 2_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000,
    1_000_000, 5_000_000,
];

/// How often durations fell into each bucket.
#[derive(Debug, Default)]
pub struct LatencyHistogram {
    buckets: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// A histogram's counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyValues {
    /// Counts by bucket, the last one above all of [`LATENCY_BOUNDS_US`]; not cumulative.
    pub buckets: [u64; LATENCY_BOUNDS_US.len() + 1],
    /// The sum of all durations in microseconds.
    pub sum_us: u64,
}

impl LatencyHistogram {
    /// Counts a duration.
    pub fn record(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The counters now; those of a duration being counted may be there in part.
    #[must_use]
    pub fn values(&self) -> LatencyValues {
        let mut values = LatencyValues {
            sum_us: self.sum_us.load(Ordering::Relaxed),
            ..LatencyValues::default()
        };
        for (value, bucket) in values.buckets.iter_mut().zip(&self.buckets) {
            *value = bucket.load(Ordering::Relaxed);
        }
        values
    }
}

impl LatencyValues {
    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_falls_into_the_first_bucket_that_holds_it() {
        let histogram = LatencyHistogram::default();
        for us in [0, 50, 51, 6_000_000] {
            histogram.record(Duration::from_micros(us));
        }
        let values = histogram.values();
        assert_eq!(values.buckets.first(), Some(&2));
        assert_eq!(values.buckets.get(1), Some(&1));
        assert_eq!(values.buckets.last(), Some(&1));
        assert_eq!(values.count(), 4);
        assert_eq!(values.sum_us, 6_000_101);
    }
}
