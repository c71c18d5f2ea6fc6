//! What happened to an API's requests: counters without locks, in shards so that workers do not share cache lines.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the latency buckets, in microseconds; a last bucket holds what is slower.
pub const LATENCY_BOUNDS_US: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000, 30_000_000,
];

const SHARDS: usize = 8;
const BUCKETS: usize = LATENCY_BOUNDS_US.len() + 1;

/// The class of an answer's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusClass {
    /// 1xx, and whatever has no status at all because the client went away.
    Informational,
    /// 2xx.
    Success,
    /// 3xx.
    Redirection,
    /// 4xx.
    ClientError,
    /// 5xx.
    ServerError,
}

impl StatusClass {
    /// All classes, in the order of their first digit.
    pub const ALL: [Self; 5] = [
        Self::Informational,
        Self::Success,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
    ];

    /// The class of a status code; codes outside 200 to 599 count as informational.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status / 100 {
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            5 => Self::ServerError,
            _ => Self::Informational,
        }
    }

    /// The class as metrics name it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Informational => "1xx",
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
        }
    }
}

// Two lines of 64 bytes, because the prefetcher takes them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    by_class: [AtomicU64; StatusClass::ALL.len()],
    latency: [AtomicU64; BUCKETS],
    latency_sum_us: AtomicU64,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
}

/// Counters of one API, written by every worker without waiting.
#[derive(Debug, Default)]
pub struct ApiCounters {
    shards: [Shard; SHARDS],
}

/// The sums over all shards at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiTotals {
    /// Answers by class, in the order of [`StatusClass::ALL`].
    pub by_class: [u64; StatusClass::ALL.len()],
    /// Answers by latency bucket, not cumulative; see [`LATENCY_BOUNDS_US`].
    pub latency: [u64; BUCKETS],
    /// All latencies added up, in microseconds.
    pub latency_sum_us: u64,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Bytes of answer bodies.
    pub response_bytes: u64,
}

/// How much was read of the bodies of one request and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyBytes {
    /// Bytes of the request's body.
    pub request: u64,
    /// Bytes of the answer's body.
    pub response: u64,
}

impl ApiTotals {
    /// How many requests were answered or given up.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.by_class.iter().sum()
    }
}

impl ApiCounters {
    /// Counts one finished request on the shard of worker number `worker`.
    pub fn record(&self, worker: usize, status: u16, latency: Duration, bodies: BodyBytes) {
        let Some(shard) = self.shards.get(worker % SHARDS) else {
            return;
        };
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < micros);
        let add = |cell: Option<&AtomicU64>, count| {
            if let Some(cell) = cell {
                cell.fetch_add(count, Ordering::Relaxed);
            }
        };
        add(shard.by_class.get(StatusClass::of(status) as usize), 1);
        add(shard.latency.get(bucket), 1);
        add(Some(&shard.latency_sum_us), micros);
        if bodies.request != 0 {
            add(Some(&shard.request_bytes), bodies.request);
        }
        if bodies.response != 0 {
            add(Some(&shard.response_bytes), bodies.response);
        }
    }

    /// The sums so far; requests that end meanwhile may be in some of them only.
    #[must_use]
    pub fn totals(&self) -> ApiTotals {
        let mut totals = ApiTotals::default();
        for shard in &self.shards {
            for (sum, cell) in totals.by_class.iter_mut().zip(&shard.by_class) {
                *sum += cell.load(Ordering::Relaxed);
            }
            for (sum, cell) in totals.latency.iter_mut().zip(&shard.latency) {
                *sum += cell.load(Ordering::Relaxed);
            }
            totals.latency_sum_us += shard.latency_sum_us.load(Ordering::Relaxed);
            totals.request_bytes += shard.request_bytes.load(Ordering::Relaxed);
            totals.response_bytes += shard.response_bytes.load(Ordering::Relaxed);
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a failed index is a failed test")]

    use super::*;

    #[test]
    fn every_shard_counts_into_the_totals() {
        let counters = ApiCounters::default();
        for worker in 0..40 {
            let bodies = BodyBytes {
                request: 1,
                response: 2,
            };
            counters.record(worker, 200, Duration::from_micros(250), bodies);
        }
        counters.record(0, 503, Duration::from_secs(60), BodyBytes::default());
        let totals = counters.totals();
        assert_eq!(totals.by_class, [0, 40, 0, 0, 1]);
        assert_eq!(totals.latency[0], 40);
        assert_eq!(totals.latency[BUCKETS - 1], 1);
        assert_eq!((totals.request_bytes, totals.response_bytes), (40, 80));
        assert_eq!(totals.requests(), 41);
        assert_eq!(totals.latency_sum_us, 40 * 250 + 60_000_000);
    }

    #[test]
    fn a_status_outside_the_known_classes_is_counted_somewhere() {
        assert_eq!(StatusClass::of(0), StatusClass::Informational);
        assert_eq!(StatusClass::of(999), StatusClass::Informational);
        assert_eq!(StatusClass::of(404).label(), "4xx");
    }
}
