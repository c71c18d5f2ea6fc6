//! Tally: how a client's streams have ended, and when it gives up more than it may.

use std::cell::Cell;

/// So many streams a client may give up; beyond, at most as many as were answered.
const GIVEN_UP_MAX: u64 = 200;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its answer was sent, or was cut off by us.
    Answered,
    /// Its client reset it or sent what is no request, or more than may run at a time.
    GivenUp,
}

/// What the streams of one connection came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    answered: Cell<u64>,
    given_up: Cell<u64>,
    is_abuse: Cell<bool>,
}

impl Tally {
    /// Counts a stream when its end is seen; what it had begun here may take longer.
    pub(super) fn note(&self, ended: Ended) {
        let count = match ended {
            Ended::Answered => &self.answered,
            Ended::GivenUp => &self.given_up,
        };
        count.set(count.get().saturating_add(1));
    }

    /// How many streams have ended.
    pub(super) fn total(&self) -> u64 {
        self.answered.get().saturating_add(self.given_up.get())
    }

    /// Whether any stream was answered.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.get() != 0
    }

    /// Whether a client asks and gives up, again and again: that costs more than it pays (CVE-2023-44487). Said once, for
    /// nothing follows behind it.
    pub(super) fn turns_into_abuse(&self) -> bool {
        let given_up = self.given_up.get();
        let is_abuse = given_up > GIVEN_UP_MAX && given_up > self.answered.get();
        is_abuse && !self.is_abuse.replace(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_up_is_abuse_from_a_number_on_that_grows_with_the_answers() {
        let tally = Tally::default();
        for _ in 0..GIVEN_UP_MAX {
            tally.note(Ended::GivenUp);
        }
        assert!(!tally.turns_into_abuse() && !tally.has_answered());
        let patient = Tally::default();
        for _ in 0..=GIVEN_UP_MAX {
            patient.note(Ended::Answered);
            patient.note(Ended::GivenUp);
        }
        assert!(!patient.turns_into_abuse() && patient.has_answered());
        assert_eq!(patient.total(), 2 * GIVEN_UP_MAX + 2);
        for tally in [tally, patient] {
            tally.note(Ended::GivenUp);
            assert!(tally.turns_into_abuse());
            assert!(!tally.turns_into_abuse(), "said once");
        }
    }
}
