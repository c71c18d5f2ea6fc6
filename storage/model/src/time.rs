//! Time as values: the model never reads a clock, it is told the time.

use serde::{Deserialize, Serialize};

/// A point in cluster time, in milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch, the time of a state that has applied nothing.
    pub const ZERO: Self = Self(0);
    /// The end of time, used for "never expires".
    pub const MAX: Self = Self(u64::MAX);

    /// A timestamp from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// A timestamp from whole seconds since the Unix epoch; saturates.
    #[must_use]
    pub const fn from_unix_s(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down (Tyk's unit on the wire).
    #[must_use]
    pub const fn as_unix_s(self) -> u64 {
        self.0 / 1000
    }

    /// This time plus a duration; saturates at [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus(self, duration: Ttl) -> Self {
        Self(self.0.saturating_add(duration.as_ms()))
    }

    /// This time less a duration; saturates at the epoch.
    #[must_use]
    pub const fn minus(self, duration: Ttl) -> Self {
        Self(self.0.saturating_sub(duration.as_ms()))
    }

    /// How long from `earlier` until this time; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Ttl {
        Ttl::from_ms(self.0.saturating_sub(earlier.0))
    }

    /// The time as RFC 3339 writes it, to the second.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let seconds = self.as_unix_s();
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (of_day / 3600, of_day % 3600 / 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// A length of time, in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Ttl(u64);

impl Ttl {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A duration of milliseconds.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// A duration of whole seconds; saturates.
    #[must_use]
    pub const fn from_s(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// The duration in milliseconds.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// The duration in whole seconds, rounded down.
    #[must_use]
    pub const fn as_s(self) -> u64 {
        self.0 / 1000
    }

    /// The duration in whole seconds, rounded up: what `expires_in` and `Retry-After` say.
    #[must_use]
    pub const fn as_s_ceil(self) -> u64 {
        self.0.div_ceil(1000)
    }
}

/// The date so many days after 1970-01-01, counted in years that begin in March so that leap days come last.
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let (month, next_year) = if shifted_month < 10 {
        (shifted_month + 3, 0)
    } else {
        (shifted_month - 9, 1)
    };
    (year_of_era + era * 400 + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_582_934_400, "2020-02-29T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp::from_unix_s(seconds).rfc3339(), text);
        }
    }
}
