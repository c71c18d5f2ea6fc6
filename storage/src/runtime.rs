//! The runtime that openraft's tasks run on: tokio's, except that no task of it dies alone.

use std::future::Future;
use std::time::Duration;

use openraft::{AsyncRuntime, OptionalSend, TokioRuntime};

use crate::fatal::FatalGuard;

/// Tokio's runtime, with a [`FatalGuard`] around every task that openraft starts.
///
/// A panic in the core, in the apply loop or in a replication task would otherwise be caught by tokio and leave a
/// node that looks alive and answers nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct GuardedRuntime;

impl AsyncRuntime for GuardedRuntime {
    type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = <TokioRuntime as AsyncRuntime>::Instant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> =
        <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = <TokioRuntime as AsyncRuntime>::ThreadLocalRng;
    type OneshotSender<T: OptionalSend> = <TokioRuntime as AsyncRuntime>::OneshotSender<T>;
    type OneshotReceiverError = <TokioRuntime as AsyncRuntime>::OneshotReceiverError;
    type OneshotReceiver<T: OptionalSend> = <TokioRuntime as AsyncRuntime>::OneshotReceiver<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        TokioRuntime::spawn(async move {
            let _guard = FatalGuard::new("raft");
            future.await
        })
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        TokioRuntime::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        TokioRuntime::thread_rng()
    }

    fn oneshot<T: OptionalSend>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>) {
        TokioRuntime::oneshot()
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::disallowed_methods,
        reason = "the test runs itself as a child that dies, and tells the child by a variable"
    )]

    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use super::*;

    const ROLE: &str = "RAFTGATE_TEST_RUNTIME_ROLE";

    #[tokio::test]
    async fn a_task_that_panics_ends_the_process() {
        const ABORTED: Option<i32> = Some(6);
        if std::env::var(ROLE).is_ok() {
            let task = GuardedRuntime::spawn(async { panic!("on purpose") });
            let _: Result<(), _> = task.await;
            return;
        }
        let test = "runtime::tests::a_task_that_panics_ends_the_process";
        let child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact"])
            .env(ROLE, "panics")
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), ABORTED);
    }
}
