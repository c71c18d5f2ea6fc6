//! What makes the notifier have a look.

use std::rc::Rc;

use futures_util::{Stream, stream};
use raftgate_storage::view::AppliedMark;
use tokio::sync::{Notify, watch};

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Woken;

/// Wakes when the queue changed.
pub(super) fn on_queue(marks: watch::Receiver<AppliedMark>) -> impl Stream<Item = Woken> {
    stream::unfold((marks, None), |(mut marks, seen)| async move {
        let newer = |mark: &AppliedMark| seen != Some(mark.queue_changes);
        let changes = marks.wait_for(newer).await.ok()?.queue_changes;
        Some((Woken, (marks, Some(changes))))
    })
}

/// Wakes when a watched value changed.
pub(super) fn on_change<T>(values: watch::Receiver<T>) -> impl Stream<Item = Woken> {
    stream::unfold(values, |mut values| async move {
        values.changed().await.ok()?;
        Some((Woken, values))
    })
}

/// Wakes when an attempt ended.
pub(super) fn on_arrival(arrived: Rc<Notify>) -> impl Stream<Item = Woken> {
    stream::unfold(arrived, |arrived| async move {
        arrived.notified().await;
        Some((Woken, arrived))
    })
}

/// Tells that an attempt ended, also when it ends by a panic.
pub(super) struct NotifyOnDrop(Rc<Notify>);

impl NotifyOnDrop {
    pub(super) fn new(arrived: &Rc<Notify>) -> Self {
        Self(Rc::clone(arrived))
    }
}

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
