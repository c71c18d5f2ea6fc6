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
