//! The leader's clock: which stamp a batch gets.

use raftgate_model::time::{Timestamp, Ttl};

/// The largest difference between the time of day and `CLOCK_BOOTTIME` that is believed.
pub const STEP_MAX: Ttl = Ttl::from_s(3600);

/// What there is to say about this machine's time of day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockVerdict {
    /// It is followed.
    #[default]
    Followed,
    /// It is more than [`STEP_MAX`] ahead of what `CLOCK_BOOTTIME` says, and is not followed.
    Ahead(Ttl),
    /// It is more than [`STEP_MAX`] behind, and is not followed.
    Behind(Ttl),
}

/// Stamps batches with this machine's time of day, as long as that is credible.
///
/// A time of day that steps by over [`STEP_MAX`] against `CLOCK_BOOTTIME` is not followed: the clock then goes on
/// from the last credible reading at the pace of `CLOCK_BOOTTIME`, so tokens keep expiring at the right rate, until
/// the time of day is credible again. Stamps never go back.
#[derive(Clone, Debug)]
pub struct Stamper {
    /// The last stamp given.
    newest: Timestamp,
    /// The last credible time of day, and when it was read; none before the first stamp.
    credible: Option<Reading>,
    verdict: ClockVerdict,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: Timestamp,
    boot: Ttl,
}

impl Stamper {
    /// A clock that goes on from the newest stamp that is known, [`Timestamp::ZERO`] for a new cluster.
    #[must_use]
    pub fn new(newest: Timestamp) -> Self {
        Self {
            newest,
            credible: None,
            verdict: ClockVerdict::Followed,
        }
    }

    /// Gives the stamp of a batch that is made at this time of day and this `CLOCK_BOOTTIME`.
    pub fn stamp(&mut self, wall: Timestamp, boot: Ttl) -> Timestamp {
        let expected = self.expected(wall, boot);
        self.verdict = judge(wall, expected);
        let time = match self.verdict {
            ClockVerdict::Followed => {
                self.credible = Some(Reading { wall, boot });
                wall
            }
            ClockVerdict::Ahead(_) | ClockVerdict::Behind(_) => expected,
        };
        self.newest = self.newest.max(time);
        self.newest
    }

    /// Takes note of a stamp that another leader gave.
    pub fn observe(&mut self, stamp: Timestamp) {
        self.newest = self.newest.max(stamp);
    }

    /// What was found at the last stamp.
    #[must_use]
    pub fn verdict(&self) -> ClockVerdict {
        self.verdict
    }

    /// What the time of day should be by `CLOCK_BOOTTIME`.
    ///
    /// The first reading of a process has nothing to be compared with but the newest stamp, which may be old because
    /// the node was off, but cannot be young.
    fn expected(&mut self, wall: Timestamp, boot: Ttl) -> Timestamp {
        let newest = self.newest;
        let reading = self.credible.get_or_insert(Reading {
            wall: wall.max(newest),
            boot,
        });
        let elapsed = Ttl::from_ms(boot.as_ms().saturating_sub(reading.boot.as_ms()));
        reading.wall.plus(elapsed)
    }
}

fn judge(wall: Timestamp, expected: Timestamp) -> ClockVerdict {
    let (ahead, behind) = (wall.since(expected), expected.since(wall));
    if ahead > STEP_MAX {
        ClockVerdict::Ahead(ahead)
    } else if behind > STEP_MAX {
        ClockVerdict::Behind(behind)
    } else {
        ClockVerdict::Followed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine whose two clocks the test moves.
    struct Machine {
        wall: Timestamp,
        boot: Ttl,
    }

    impl Machine {
        fn new() -> Self {
            Self {
                wall: Timestamp::from_unix_s(1_000_000),
                boot: Ttl::from_s(50),
            }
        }

        fn pass(&mut self, time: Ttl) {
            self.wall = self.wall.plus(time);
            self.boot = Ttl::from_ms(self.boot.as_ms() + time.as_ms());
        }

        fn stamp(&self, stamper: &mut Stamper) -> Timestamp {
            stamper.stamp(self.wall, self.boot)
        }
    }

    #[test]
    fn the_time_of_day_is_followed() {
        let mut machine = Machine::new();
        let mut stamper = Stamper::new(Timestamp::ZERO);
        assert_eq!(machine.stamp(&mut stamper), machine.wall);
        machine.pass(Ttl::from_s(36_000));
        assert_eq!(machine.stamp(&mut stamper), machine.wall);
        machine.wall = machine.wall.plus(Ttl::from_s(3599));
        assert_eq!(machine.stamp(&mut stamper), machine.wall);
        assert_eq!(stamper.verdict(), ClockVerdict::Followed);
    }

    #[test]
    fn a_small_step_back_stands_still_until_it_is_made_up() {
        let mut machine = Machine::new();
        let mut stamper = Stamper::new(Timestamp::ZERO);
        let first = machine.stamp(&mut stamper);
        machine.wall = machine.wall.minus(Ttl::from_s(10));
        machine.pass(Ttl::from_s(4));
        assert_eq!(machine.stamp(&mut stamper), first);
        machine.pass(Ttl::from_s(7));
        assert_eq!(machine.stamp(&mut stamper), first.plus(Ttl::from_s(1)));
        assert_eq!(stamper.verdict(), ClockVerdict::Followed);
    }

    #[test]
    fn a_year_ahead_is_not_believed_and_time_goes_on() {
        let mut machine = Machine::new();
        let mut stamper = Stamper::new(Timestamp::ZERO);
        let first = machine.stamp(&mut stamper);
        let year = Ttl::from_s(31_536_000);
        machine.wall = machine.wall.plus(year);
        machine.pass(Ttl::from_s(5));
        assert_eq!(machine.stamp(&mut stamper), first.plus(Ttl::from_s(5)));
        assert_eq!(stamper.verdict(), ClockVerdict::Ahead(year));
        machine.wall = machine.wall.minus(year);
        machine.pass(Ttl::from_s(5));
        assert_eq!(machine.stamp(&mut stamper), first.plus(Ttl::from_s(10)));
        assert_eq!(stamper.verdict(), ClockVerdict::Followed);
    }

    #[test]
    fn steps_do_not_add_up_unnoticed() {
        let mut machine = Machine::new();
        let mut stamper = Stamper::new(Timestamp::ZERO);
        machine.stamp(&mut stamper);
        machine.wall = machine.wall.plus(Ttl::from_s(4000));
        let held = machine.stamp(&mut stamper);
        machine.wall = machine.wall.plus(Ttl::from_s(3000));
        assert_eq!(machine.stamp(&mut stamper), held);
        assert_eq!(stamper.verdict(), ClockVerdict::Ahead(Ttl::from_s(7000)));
    }

    #[test]
    fn a_restart_after_a_long_pause_believes_the_time_of_day() {
        let machine = Machine::new();
        let mut stamper = Stamper::new(machine.wall.minus(Ttl::from_s(1_000_000)));
        assert_eq!(machine.stamp(&mut stamper), machine.wall);
        assert_eq!(stamper.verdict(), ClockVerdict::Followed);
    }

    #[test]
    fn a_restart_with_a_clock_far_behind_goes_on_from_the_state() {
        let mut machine = Machine::new();
        let newest = machine.wall.plus(Ttl::from_s(7200));
        let mut stamper = Stamper::new(newest);
        assert_eq!(machine.stamp(&mut stamper), newest);
        assert_eq!(stamper.verdict(), ClockVerdict::Behind(Ttl::from_s(7200)));
        machine.pass(Ttl::from_s(60));
        assert_eq!(machine.stamp(&mut stamper), newest.plus(Ttl::from_s(60)));
    }

    #[test]
    fn another_leaders_stamp_is_a_floor() {
        let machine = Machine::new();
        let mut stamper = Stamper::new(Timestamp::ZERO);
        let ahead = machine.wall.plus(Ttl::from_s(1));
        stamper.observe(ahead);
        stamper.observe(Timestamp::ZERO);
        assert_eq!(machine.stamp(&mut stamper), ahead);
    }
}
