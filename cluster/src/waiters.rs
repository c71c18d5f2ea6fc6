//! Waiting until an entry of the log is applied: bounded, because every waiter is a request that holds resources.

use raftgate_model::id::LogIndex;
use raftgate_storage::view::AppliedMark;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::error::WaitError;

/// How many may wait on one node.
pub const WAITERS_MAX: usize = 1024;

/// The places for those who wait.
#[derive(Debug)]
pub(crate) struct AppliedWaiters {
    places: Semaphore,
    applied: watch::Receiver<AppliedMark>,
}

impl AppliedWaiters {
    pub(crate) fn new(applied: watch::Receiver<AppliedMark>) -> Self {
        Self {
            places: Semaphore::new(WAITERS_MAX),
            applied,
        }
    }

    /// Returns once the entry is applied on this node.
    pub(crate) async fn wait(&self, index: LogIndex, deadline: Instant) -> Result<(), WaitError> {
        if self.applied.borrow().index >= index {
            return Ok(());
        }
        let _place = self.places.try_acquire().map_err(|_| WaitError::TooMany)?;
        let mut applied = self.applied.clone();
        let reached = applied.wait_for(|mark| mark.index >= index);
        match tokio::time::timeout_at(deadline, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(WaitError::ShuttingDown),
            Err(_) => Err(WaitError::Timeout),
        }
    }

    /// How many wait now.
    pub(crate) fn waiting(&self) -> usize {
        WAITERS_MAX.saturating_sub(self.places.available_permits())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn mark(index: u64) -> AppliedMark {
        AppliedMark {
            index: LogIndex(index),
            ..AppliedMark::default()
        }
    }

    #[tokio::test]
    async fn what_is_applied_needs_no_waiting_and_what_comes_is_waited_for() {
        let (sender, receiver) = watch::channel(mark(5));
        let waiters = Arc::new(AppliedWaiters::new(receiver));
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(waiters.wait(LogIndex(5), Instant::now()).await, Ok(()));
        let waiting = Arc::clone(&waiters);
        let waiter = tokio::spawn(async move { waiting.wait(LogIndex(7), deadline).await });
        while waiters.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        sender.send(mark(6)).unwrap();
        sender.send(mark(8)).unwrap();
        assert_eq!(waiter.await.unwrap(), Ok(()));
        assert_eq!(waiters.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_deadline() {
        let (_sender, receiver) = watch::channel(mark(5));
        let waiters = AppliedWaiters::new(receiver);
        let deadline = Instant::now() + Duration::from_secs(3);
        let outcome = waiters.wait(LogIndex(6), deadline).await;
        assert_eq!(outcome, Err(WaitError::Timeout));
        assert_eq!(Instant::now(), deadline);
    }

    #[tokio::test]
    async fn there_are_places_for_so_many_and_no_more() {
        let (sender, receiver) = watch::channel(mark(0));
        let waiters = Arc::new(AppliedWaiters::new(receiver));
        let deadline = Instant::now() + Duration::from_secs(60);
        let tasks: Vec<_> = (0..WAITERS_MAX)
            .map(|_| {
                let waiters = Arc::clone(&waiters);
                tokio::spawn(async move { waiters.wait(LogIndex(1), deadline).await })
            })
            .collect();
        while waiters.waiting() < WAITERS_MAX {
            tokio::task::yield_now().await;
        }
        let outcome = waiters.wait(LogIndex(1), deadline).await;
        assert_eq!(outcome, Err(WaitError::TooMany));
        drop(sender);
        for task in tasks {
            assert_eq!(task.await.unwrap(), Err(WaitError::ShuttingDown));
        }
    }
}
