//! Threads that hash passwords: few, with a bounded queue, so that nobody's guesses take the cores from requests.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// How many hashes are made at a time.
const THREADS: usize = 2;
/// How many more may wait.
const WAITING_MAX: usize = 128;

type Job = Box<dyn FnOnce() + Send>;

/// The threads; they end when the pool is dropped and what waits is done.
pub struct HashPool {
    jobs: SyncSender<Job>,
}

/// As many hashes wait as may; said before anything was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct PoolBusy;

impl HashPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start() -> io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(WAITING_MAX);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..THREADS {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("password {number}"))
                .spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Runs one piece of work on a thread of the pool; one that nobody waits for any more is left out.
    ///
    /// # Errors
    /// Too many wait, or the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolBusy> {
        let (done, result) = oneshot::channel();
        let job = move || {
            if !done.is_closed() {
                // Who asked may have left meanwhile.
                let _ = done.send(work());
            }
        };
        match self.jobs.try_send(Box::new(job)) {
            Ok(()) => result.await.map_err(|_| PoolBusy),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(PoolBusy),
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // One thread waits for the next job, the others for the lock.
        let job = queue.lock().recv();
        match job {
            // Who waits for one that panics is told that nothing came of it; the thread is there for the others.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[actix_rt::test]
    async fn work_comes_back_and_too_much_is_refused() {
        let pool = Arc::new(HashPool::start().unwrap());
        assert_eq!(pool.run(|| 41 + 1).await, Ok(42));
        let (go, held) = sync_channel::<()>(1);
        let held = Arc::new(Mutex::new(held));
        let mut running = Vec::new();
        let asked = Rc::new(Cell::new(0));
        for _ in 0..THREADS + WAITING_MAX + 64 {
            let (pool, held, asked) = (Arc::clone(&pool), Arc::clone(&held), Rc::clone(&asked));
            running.push(actix_rt::spawn(async move {
                asked.set(asked.get() + 1);
                pool.run(move || held.lock().recv().is_ok()).await
            }));
        }
        while asked.get() < running.len() {
            tokio::task::yield_now().await;
        }
        drop(go);
        let mut refused = 0;
        for run in running {
            match run.await.unwrap() {
                Ok(went) => assert!(!went, "the sender is gone"),
                Err(PoolBusy) => refused += 1,
            }
        }
        assert!(refused >= 64 - THREADS, "{refused} were refused");
    }

    #[actix_rt::test]
    async fn work_that_panics_takes_no_thread_along() {
        let pool = HashPool::start().unwrap();
        for _ in 0..=THREADS {
            let failed = pool.run(|| -> u8 { panic!("as the test asks") });
            assert_eq!(failed.await, Err(PoolBusy));
        }
        assert_eq!(pool.run(|| 42).await, Ok(42));
    }
}
