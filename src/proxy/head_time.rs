//! Head time: how long all that is tried for one request may take until the head of its answer.

use std::time::Duration;

use super::timer::{Moment, Timer};

/// What is left of an upstream's time until the head of its answer, over all connections and attempts; no interim answer
/// gives it more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadTime {
    /// Each wait has a time of its own, and all of them together have none.
    Unlimited,
    /// It runs, and is over then.
    Runs(Moment),
    /// It stands still with so much left, for it is the client who is waited for.
    Stands(Duration),
}

impl HeadTime {
    /// The time that begins now, if it is limited.
    pub(super) fn begin(limit: Option<Duration>, timer: &Timer) -> Self {
        limit.map_or(Self::Unlimited, |limit| Self::Runs(timer.moment(limit)))
    }

    /// Lets it stand still while the client still sends.
    pub(super) fn stand_still(&mut self, timer: &Timer) {
        if let Self::Runs(end) = *self {
            *self = Self::Stands(timer.left_until(end));
        }
    }

    /// Lets it run again.
    pub(super) fn go_on(&mut self, timer: &Timer) {
        if let Self::Stands(left) = *self {
            *self = Self::Runs(timer.resumed(left));
        }
    }

    /// The moment itself, or the end of this time if that comes first.
    pub(super) fn bound(self, moment: Moment) -> Moment {
        match self {
            Self::Runs(end) => end.min(moment),
            Self::Unlimited | Self::Stands(_) => moment,
        }
    }

    /// Whether nothing is left of it.
    pub(super) fn is_over(self, timer: &Timer) -> bool {
        matches!(self, Self::Runs(end) if timer.has_come(end))
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::Deadlines;
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_ends_once_however_often_it_is_asked_for() {
        let deadlines = Deadlines::default();
        let timer = deadlines.timer();
        let time = HeadTime::begin(Some(ms(1000)), &timer);
        let end = timer.moment(ms(1000));
        assert_eq!(time.bound(timer.moment(ms(600))), timer.moment(ms(600)));
        deadlines.tick(500);
        assert_eq!(time.bound(timer.moment(ms(600))), end);
        assert!(!time.is_over(&timer));
        deadlines.tick(1050);
        assert!(time.is_over(&timer));
    }

    #[test]
    fn it_stands_still_while_the_client_sends() {
        let deadlines = Deadlines::default();
        let timer = deadlines.timer();
        let mut time = HeadTime::begin(Some(ms(1000)), &timer);
        deadlines.tick(450);
        time.stand_still(&timer);
        let far = timer.moment(ms(1_000_000));
        assert_eq!(time.bound(far), far);
        deadlines.tick(90_000);
        assert!(!time.is_over(&timer));
        time.go_on(&timer);
        assert_eq!(time.bound(far), timer.moment(ms(550)));
        time.go_on(&timer);
        deadlines.tick(90_650);
        assert!(time.is_over(&timer));
    }

    #[test]
    fn it_grows_by_no_number_of_stops() {
        let deadlines = Deadlines::default();
        let timer = deadlines.timer();
        let mut time = HeadTime::begin(Some(ms(1000)), &timer);
        let end = timer.moment(ms(1000));
        for _ in 0..100 {
            time.stand_still(&timer);
            time.go_on(&timer);
        }
        assert_eq!(time, HeadTime::Runs(end));
    }

    #[test]
    fn without_a_limit_it_bounds_nothing() {
        let deadlines = Deadlines::default();
        let timer = deadlines.timer();
        let mut time = HeadTime::begin(None, &timer);
        time.stand_still(&timer);
        time.go_on(&timer);
        let far = timer.moment(ms(1_000_000));
        assert_eq!(time.bound(far), far);
        deadlines.tick(10_000_000);
        assert!(!time.is_over(&timer));
    }
}
