//! The system's clock and randomness: the only file that reads either.
//!
//! Everything else receives a [`Clock`] or an [`Entropy`], so that tests choose the time and the bytes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use raftgate_model::clock::{Clock, Entropy};
use raftgate_model::time::{Timestamp, Ttl};
use rand::Rng as _;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The machine's own clocks: the time of day, and `CLOCK_BOOTTIME` for durations.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// The time of day; a clock that stands before 1970 reads as the epoch.
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the time of day"
    )]
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_ms(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads CLOCK_BOOTTIME"
    )]
    fn boot_time(&self) -> Ttl {
        elapsed(clock_gettime(ClockId::Boottime))
    }
}

/// The CPU time that all threads of this process have used, for its metrics.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the one file that reads clocks")]
pub fn process_cpu_time() -> Ttl {
    elapsed(clock_gettime(ClockId::ProcessCPUTime))
}

fn elapsed(time: Timespec) -> Ttl {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let sub_ms = u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000;
    Ttl::from_ms(seconds.saturating_mul(1000).saturating_add(sub_ms))
}

/// Random bytes from a generator per thread that the operating system seeds.
///
/// The generator is `ChaCha` and reseeds itself; asking it costs no system call, which matters at one grant id per token.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that asks for randomness"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A time as the `Date` field has it (RFC 9110 section 5.6.7); years that do not fit there read as the last one that does.
#[must_use]
pub fn http_date(time: Timestamp) -> String {
    const LAST_UNIX_S: u64 = 253_402_300_799;
    let since_epoch = Duration::from_secs(time.as_unix_s().min(LAST_UNIX_S));
    httpdate::fmt_http_date(UNIX_EPOCH + since_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_after_this_file_was_written() {
        assert!(SystemClock.now() > Timestamp::from_unix_s(1_700_000_000));
    }

    #[test]
    fn dates_have_the_form_of_http() {
        let date = |unix_s| http_date(Timestamp::from_unix_s(unix_s));
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn boot_time_never_goes_back() {
        let first = SystemClock.boot_time();
        let second = SystemClock.boot_time();
        assert!(Ttl::ZERO < first && first <= second);
    }

    #[test]
    fn two_draws_differ() {
        assert_ne!(SystemEntropy.bytes16(), SystemEntropy.bytes16());
        assert_ne!(SystemEntropy.bytes32(), [0; 32]);
    }
}
