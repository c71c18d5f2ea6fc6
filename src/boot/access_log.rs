//! The writer of access records: beside the actors, so that no worker waits for standard error.

use std::time::Duration;

use actix_rt::ArbiterHandle;
use tokio::sync::{mpsc, oneshot};

/// How many access records may wait to be written; more are dropped and counted.
const ACCESS_RECORDS_QUEUED_MAX: usize = 4096;

/// A writer of records that runs until its owner ends it.
pub(super) struct AccessLog<T> {
    records: mpsc::Sender<T>,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl<T: Send + 'static> AccessLog<T> {
    /// Starts a writer on an arbiter; without its owner it ends too.
    pub(super) fn start(
        arbiter: &ArbiterHandle,
        mut write: impl FnMut(&T) + Send + 'static,
    ) -> Self {
        let (sender, mut records) = mpsc::channel::<T>(ACCESS_RECORDS_QUEUED_MAX);
        let (stop, mut stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        arbiter.spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    // From now on nothing is taken any more; what waits is still written.
                    _ = &mut stopped, if !records.is_closed() => records.close(),
                    record = records.recv() => match record {
                        Some(record) => write(&record),
                        None => break,
                    },
                }
            }
            // The owner may be gone.
            let _ = end.send(());
        });
        Self {
            records: sender,
            stop,
            ended,
        }
    }

    /// Where records are handed in.
    pub(super) fn sender(&self) -> mpsc::Sender<T> {
        self.records.clone()
    }

    /// Writes what waits, for a limited time, and ends.
    pub(super) async fn end(self, patience: Duration) {
        // The writer cannot be gone before, but if it is, all is done.
        let _ = self.stop.send(());
        if tokio::time::timeout(patience, self.ended).await.is_err() {
            tracing::warn!("the last access records could not be written in time");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_rt::Arbiter;

    use super::*;

    #[actix_rt::test]
    async fn what_waits_at_the_end_is_written() {
        let arbiter = Arbiter::new();
        let written = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&written);
        let log = AccessLog::start(&arbiter.handle(), move |_: &u32| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let sender = log.sender();
        for number in 0..1000 {
            sender.try_send(number).unwrap();
        }
        // A worker that still holds a sender does not hold the end up.
        log.end(Duration::from_secs(600)).await;
        assert_eq!(written.load(Ordering::Relaxed), 1000);
        assert!(sender.try_send(0).is_err());
        arbiter.stop();
        arbiter.join().unwrap();
    }
}
