//! How often and how patiently messages are sent.

use std::time::Duration;

use raftgate_model::time::Ttl;

/// The terms of delivery, the same for every API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTerms {
    /// How many attempts a message has in all; at least one is made.
    pub attempts_max: u32,
    /// How long to wait before attempt 2, 3, ...; the last repeats. None at all is no wait.
    pub backoff: Vec<Ttl>,
    /// How long one attempt may take, from looking up the receiver to the head of its answer.
    pub timeout: Duration,
}

impl DeliveryTerms {
    /// How long to wait after an attempt that failed, counted from 1.
    #[must_use]
    pub fn wait_after(&self, attempt: u32) -> Ttl {
        let place = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let wait = self.backoff.get(place).or(self.backoff.last());
        wait.copied().unwrap_or(Ttl::ZERO)
    }

    /// How long a receiver that keeps failing is left alone: the longest wait.
    #[must_use]
    pub fn pause(&self) -> Ttl {
        self.backoff.iter().copied().max().unwrap_or(Ttl::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(backoff: &[u64]) -> DeliveryTerms {
        DeliveryTerms {
            attempts_max: 3,
            backoff: backoff.iter().copied().map(Ttl::from_s).collect(),
            timeout: Duration::from_secs(10),
        }
    }

    #[test]
    fn the_last_wait_repeats() {
        let terms = terms(&[10, 30]);
        let waits: Vec<u64> = (1..=4)
            .map(|attempt| terms.wait_after(attempt).as_s())
            .collect();
        assert_eq!(waits, [10, 30, 30, 30]);
        assert_eq!(terms.pause(), Ttl::from_s(30));
    }

    #[test]
    fn without_waits_there_is_none() {
        assert_eq!(terms(&[]).wait_after(1), Ttl::ZERO);
        assert_eq!(terms(&[]).pause(), Ttl::ZERO);
    }
}
