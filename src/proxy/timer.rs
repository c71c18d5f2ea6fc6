//! Deadlines without a timer per request: each connection has one cell, and one task per worker looks at all of them.
//!
//! Deadlines are coarse: they fire up to two ticks late and never early.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How often the deadlines are looked at.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// The time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Elapsed;

/// A moment of a worker's time, in milliseconds since the worker began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

#[derive(Debug, Default)]
struct Cells {
    // Milliseconds since the wheel began, as of the last tick.
    now_ms: Cell<u64>,
    next_id: Cell<u64>,
    entries: RefCell<HashMap<u64, Rc<Entry>, ahash::RandomState>>,
}

#[derive(Debug)]
struct Entry {
    deadline_ms: Cell<u64>,
    // No deadline lies behind it.
    cap_ms: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

/// All deadlines of one worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    cells: Rc<Cells>,
}

impl Deadlines {
    /// A timer without a deadline.
    pub(super) fn timer(&self) -> Timer {
        let id = self.cells.next_id.get();
        self.cells.next_id.set(id.wrapping_add(1));
        let entry = Rc::new(Entry {
            deadline_ms: Cell::new(u64::MAX),
            cap_ms: Cell::new(u64::MAX),
            waker: RefCell::new(None),
        });
        self.cells
            .entries
            .borrow_mut()
            .insert(id, Rc::clone(&entry));
        Timer {
            id,
            entry,
            cells: Rc::clone(&self.cells),
        }
    }

    /// Milliseconds since the worker began, as of the last tick.
    pub(super) fn now_ms(&self) -> u64 {
        self.cells.now_ms.get()
    }

    /// Sets the time and wakes whoever's deadline has passed.
    pub(super) fn tick(&self, now_ms: u64) {
        self.cells.now_ms.set(now_ms);
        for entry in self.cells.entries.borrow().values() {
            if entry.deadline_ms.get() <= now_ms {
                entry.wake();
            }
        }
    }

    /// Wakes everybody, so that they see a change of the worker's state.
    pub(super) fn wake_all(&self) {
        for entry in self.cells.entries.borrow().values() {
            entry.wake();
        }
    }
}

impl Entry {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

/// The deadline of one connection; setting it is a store into a cell.
#[derive(Debug)]
pub(super) struct Timer {
    id: u64,
    entry: Rc<Entry>,
    cells: Rc<Cells>,
}

impl Timer {
    /// Sets the deadline to `after` from now, or to the cap if that comes first.
    pub(super) fn set(&self, after: Duration) {
        self.set_at(self.moment(after));
    }

    /// Sets the deadline to this moment, or to the cap if that comes first.
    pub(super) fn set_at(&self, moment: Moment) {
        let cap_ms = self.entry.cap_ms.get();
        self.entry.deadline_ms.set(moment.0.min(cap_ms));
    }

    /// The moment `after` from now at which a deadline fires: a little later, and never early.
    pub(super) fn moment(&self, after: Duration) -> Moment {
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        // The last tick may be nearly one tick old.
        let tick_ms = u64::try_from(TICK.as_millis()).unwrap_or(u64::MAX);
        let now_ms = self.cells.now_ms.get();
        Moment(now_ms.saturating_add(after_ms).saturating_add(tick_ms))
    }

    /// The end of a time of which so much was left when it stood still, as [`Timer::left_until`] said.
    pub(super) fn resumed(&self, left: Duration) -> Moment {
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        Moment(self.cells.now_ms.get().saturating_add(left_ms))
    }

    /// Whether a moment has come.
    pub(super) fn has_come(&self, moment: Moment) -> bool {
        moment.0 <= self.cells.now_ms.get()
    }

    /// How long it is until a moment.
    pub(super) fn left_until(&self, moment: Moment) -> Duration {
        Duration::from_millis(moment.0.saturating_sub(self.cells.now_ms.get()))
    }

    /// No deadline lies further away than `after` from now, until [`Timer::uncap`].
    pub(super) fn cap(&self, after: Duration) {
        self.entry.cap_ms.set(self.moment(after).0);
    }

    /// Whether the time that [`Timer::cap`] gave is over.
    pub(super) fn cap_has_passed(&self) -> bool {
        self.entry.cap_ms.get() <= self.cells.now_ms.get()
    }

    /// Deadlines set from now on may lie wherever they are set.
    pub(super) fn uncap(&self) {
        self.entry.cap_ms.set(u64::MAX);
    }

    /// Whether the deadline has passed; if not, `cx` is woken when it does.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Elapsed> {
        if self.entry.deadline_ms.get() <= self.cells.now_ms.get() {
            return Poll::Ready(Elapsed);
        }
        let mut waker = self.entry.waker.borrow_mut();
        match waker.as_mut() {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Runs `step` until it is ready or the deadline has passed.
    pub(super) async fn limit<T>(
        &self,
        mut step: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Elapsed> {
        poll_fn(|cx| match step(cx) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => self.poll(cx).map(Err),
        })
        .await
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cells.entries.borrow_mut().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_deadline_fires_late_and_never_early() {
        let deadlines = Deadlines::default();
        deadlines.tick(1_000);
        let timer = deadlines.timer();
        let counter = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&counter));
        let mut cx = Context::from_waker(&waker);
        timer.set(Duration::from_millis(100));
        assert!(timer.poll(&mut cx).is_pending());
        deadlines.tick(1_100);
        assert!(
            timer.poll(&mut cx).is_pending(),
            "the set may have been just before this tick"
        );
        assert_eq!(counter.0.load(Ordering::Relaxed), 0);
        deadlines.tick(1_150);
        assert_eq!(counter.0.load(Ordering::Relaxed), 1);
        assert!(timer.poll(&mut cx).is_ready());
    }

    #[test]
    fn no_deadline_lies_behind_the_cap() {
        let deadlines = Deadlines::default();
        let timer = deadlines.timer();
        let mut cx = Context::from_waker(Waker::noop());
        timer.cap(Duration::from_millis(200));
        timer.set(Duration::from_millis(100));
        deadlines.tick(150);
        assert!(timer.poll(&mut cx).is_ready() && !timer.cap_has_passed());
        timer.set(Duration::from_millis(100));
        deadlines.tick(249);
        assert!(timer.poll(&mut cx).is_pending() && !timer.cap_has_passed());
        deadlines.tick(250);
        assert!(timer.poll(&mut cx).is_ready() && timer.cap_has_passed());
        timer.uncap();
        timer.set(Duration::from_millis(100));
        assert!(timer.poll(&mut cx).is_pending() && !timer.cap_has_passed());
    }

    #[test]
    fn a_postponed_or_dropped_timer_wakes_nobody() {
        let deadlines = Deadlines::default();
        let counter = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&counter));
        let timer = deadlines.timer();
        timer.set(Duration::ZERO);
        assert!(timer.poll(&mut Context::from_waker(&waker)).is_pending());
        timer.set(Duration::from_secs(60));
        deadlines.tick(10_000);
        assert_eq!(counter.0.load(Ordering::Relaxed), 0);
        timer.set(Duration::ZERO);
        drop(timer);
        deadlines.tick(20_000);
        deadlines.wake_all();
        assert_eq!(counter.0.load(Ordering::Relaxed), 0);
        assert!(deadlines.cells.entries.borrow().is_empty());
    }

    #[test]
    fn everybody_can_be_woken() {
        let deadlines = Deadlines::default();
        let timer = deadlines.timer();
        let counter = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&counter));
        assert!(timer.poll(&mut Context::from_waker(&waker)).is_pending());
        deadlines.wake_all();
        assert_eq!(counter.0.load(Ordering::Relaxed), 1);
    }
}
