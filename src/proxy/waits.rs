//! Waits: whom an exchange waits for, and until when.

use std::time::Duration;

use super::timer::{Moment, Timer};

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The client, with the rest of its request.
    Request,
    /// The client, to take an interim answer: until then both sides stand still.
    InterimTaken,
    /// The upstream, to take what there is of the request.
    Room,
    /// The upstream, with the head of its answer.
    AnswerHead,
    /// Either side, to take or to send what follows the head of the answer.
    Flow,
}

/// What is waited for; while it is the same, it is one wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) awaited: Awaited,
    /// How far everything was that counts for it.
    pub(super) progress: u64,
}

/// The waits of one exchange, one after the other.
#[derive(Debug, Default)]
pub(super) struct Waits {
    current: Option<(Wait, Moment)>,
    // What an interim answer interrupted, and how much of its time was left.
    interrupted: Option<(Wait, Duration)>,
}

impl Waits {
    /// When a wait that takes `time` at most is over, if it is another one than before.
    ///
    /// An interim answer that the client is slow to take interrupts a wait, which then goes on with what was left of it.
    pub(super) fn begin(&mut self, wait: Wait, time: Duration, timer: &Timer) -> Option<Moment> {
        let before = self.current;
        if before.is_some_and(|(known, _)| known == wait) {
            return None;
        }
        let left = if wait.awaited == Awaited::InterimTaken {
            if let Some((known, end)) = before
                && known.awaited != Awaited::InterimTaken
            {
                self.interrupted = Some((known, timer.left_until(end)));
            }
            None
        } else {
            let interrupted = self.interrupted.take();
            interrupted.filter(|(known, _)| *known == wait)
        };
        let end = left.map_or_else(|| timer.moment(time), |(_, left)| timer.resumed(left));
        self.current = Some((wait, end));
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::timer::Deadlines;
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const fn wait(awaited: Awaited, progress: u64) -> Wait {
        Wait { awaited, progress }
    }

    #[test]
    fn a_wait_ends_once_and_another_one_has_its_own_time() {
        let deadlines = Deadlines::default();
        let (timer, mut waits) = (deadlines.timer(), Waits::default());
        let head = wait(Awaited::AnswerHead, 3);
        assert_eq!(
            waits.begin(head, ms(500), &timer),
            Some(timer.moment(ms(500)))
        );
        deadlines.tick(300);
        assert_eq!(waits.begin(head, ms(500), &timer), None);
        for other in [wait(Awaited::AnswerHead, 4), wait(Awaited::Flow, 4)] {
            assert_eq!(
                waits.begin(other, ms(500), &timer),
                Some(timer.moment(ms(500)))
            );
        }
    }

    #[test]
    fn no_number_of_interim_answers_that_wait_for_the_client_gives_the_upstream_more_time() {
        let deadlines = Deadlines::default();
        let (timer, mut waits) = (deadlines.timer(), Waits::default());
        let head = wait(Awaited::AnswerHead, 3);
        let whole = waits.begin(head, ms(500), &timer);
        assert_eq!(whole, Some(timer.moment(ms(500))));
        let mut now_ms = 0;
        // The client takes its time for each, and the upstream takes a tick for the next one.
        for taken in 0..10 {
            let interim = wait(Awaited::InterimTaken, taken);
            let end = waits.begin(interim, ms(60_000), &timer);
            assert_eq!(end, Some(timer.moment(ms(60_000))));
            now_ms += 10_000;
            deadlines.tick(now_ms);
            let end = waits.begin(head, ms(500), &timer);
            let left = 550 - 50 * taken;
            assert_eq!(end.map(|end| timer.left_until(end)), Some(ms(left)));
            now_ms += 50;
            deadlines.tick(now_ms);
        }
        assert_eq!(
            waits.current.map(|(_, end)| timer.left_until(end)),
            Some(ms(50))
        );
    }

    #[test]
    fn what_moved_meanwhile_is_another_wait() {
        let deadlines = Deadlines::default();
        let (timer, mut waits) = (deadlines.timer(), Waits::default());
        waits.begin(wait(Awaited::AnswerHead, 3), ms(500), &timer);
        deadlines.tick(400);
        for taken in 0..2 {
            waits.begin(wait(Awaited::InterimTaken, taken), ms(600), &timer);
        }
        let end = waits.begin(wait(Awaited::Flow, 4), ms(700), &timer);
        assert_eq!(end, Some(timer.moment(ms(700))));
        let end = waits.begin(wait(Awaited::AnswerHead, 3), ms(500), &timer);
        assert_eq!(end, Some(timer.moment(ms(500))));
    }
}
