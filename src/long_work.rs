//! Work that takes long, such as compiling all path patterns of a document: on threads for it, a few pieces at a time.
//!
//! Whoever answers others meanwhile must not do it in line: the control listener has one worker, which says that the node
//! is alive.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// How many pieces are done at a time: each may hold what a whole document comes to.
const AT_A_TIME: usize = 2;

/// The turns of such work; its copies share them.
#[derive(Clone, Debug)]
pub struct LongWork(Arc<Semaphore>);

/// The work panicked; the log says where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it failed inside, the log says where")]
pub struct WorkFailed;

impl Default for LongWork {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl LongWork {
    /// Does a piece of work as soon as it is its turn; inside a runtime. Who asks waits, so that no more wait than may ask.
    ///
    /// # Errors
    /// The work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkFailed> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let turn = turn.map_err(|_| WorkFailed)?;
        let done = spawn_blocking(move || {
            // Until the work is done, also when whoever asked has left meanwhile.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| WorkFailed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

    use std::sync::mpsc::{Receiver, sync_channel};
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    #[actix_rt::test]
    async fn the_thread_goes_on_and_a_turn_is_kept_until_the_work_is_done() {
        let work = LongWork::default();
        let (started, running) = sync_channel(AT_A_TIME);
        let mut holds = Vec::new();
        for _ in 0..AT_A_TIME {
            let started = started.clone();
            let (release, held): (_, Receiver<()>) = sync_channel(1);
            holds.push(release);
            let mut asked = Box::pin(work.run(move || {
                started.send(()).unwrap();
                // In line it would keep this thread from everything below.
                held.recv_timeout(Duration::from_secs(60)).is_ok()
            }));
            assert!((&mut asked).now_or_never().is_none());
            running.recv().unwrap();
        }
        // Nobody waits for them any more, and they go on.
        assert_eq!(work.0.available_permits(), 0);
        let mut next = Box::pin(work.run(|| 42));
        assert!((&mut next).now_or_never().is_none());
        drop(holds);
        assert_eq!(next.await, Ok(42));
    }

    #[actix_rt::test]
    async fn work_that_panics_is_told_and_gives_its_turn_back() {
        let work = LongWork::default();
        for _ in 0..=AT_A_TIME {
            let failed = work.run(|| -> u8 { panic!("as the test asks") });
            assert_eq!(failed.await, Err(WorkFailed));
        }
    }
}
