//! Starting an actor again when it dies: actix's own Supervisor does not outlive a panic.

use std::time::Duration;

use tokio::sync::oneshot;
use tracing::error;

/// The first pause before a restart; doubled for each further one.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause between restarts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long an actor must have lived for its end to count as the first again.
const HEALTHY: Duration = Duration::from_secs(60);

/// What an actor holds for as long as it lives; its end is noticed by its being dropped.
#[derive(Debug)]
pub struct Alive {
    _dropped: oneshot::Sender<()>,
}

/// Starts an actor, and starts it again whenever it ends, for as long as this future is polled.
///
/// The pause between restarts grows, so that an actor that dies at once does not keep a core busy; one that lived well for
/// a while is started again soon.
pub async fn keep_alive(name: &'static str, mut start: impl FnMut(Alive)) {
    let mut last = None;
    loop {
        let began = tokio::time::Instant::now();
        let (sender, ended) = oneshot::channel();
        start(Alive { _dropped: sender });
        // Nothing is ever sent: the receiver ends when the actor is gone.
        let _ = ended.await;
        let pause = pause_after(last, began.elapsed());
        error!(
            actor = name,
            pause_ms = pause.as_millis(),
            "actor ended, starting it again"
        );
        tokio::time::sleep(pause).await;
        last = Some(pause);
    }
}

/// The pause before a restart, after the last one and a life of so long.
fn pause_after(last: Option<Duration>, lived: Duration) -> Duration {
    match last {
        Some(last) if lived < HEALTHY => last.saturating_mul(2).min(PAUSE_MAX),
        _ => PAUSE_MIN,
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test that meets the unexpected must fail"
    )]

    use std::cell::RefCell;
    use std::rc::Rc;

    use actix::{Actor, Addr, Context, Handler, Message};

    use super::*;

    struct Fragile {
        _alive: Alive,
    }

    impl Actor for Fragile {
        type Context = Context<Self>;
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    enum Order {
        Live,
        Panic,
    }

    impl Handler<Order> for Fragile {
        type Result = ();
        fn handle(&mut self, order: Order, _: &mut Context<Self>) {
            if matches!(order, Order::Panic) {
                panic!("as the test asked");
            }
        }
    }

    #[test]
    fn pauses_grow_until_an_actor_has_lived_well() {
        let soon = Duration::from_millis(1);
        let first = pause_after(None, soon);
        let second = pause_after(Some(first), soon);
        assert_eq!((first, second), (PAUSE_MIN, 2 * PAUSE_MIN));
        assert_eq!(pause_after(Some(PAUSE_MAX), soon), PAUSE_MAX);
        assert_eq!(pause_after(Some(PAUSE_MAX), HEALTHY), PAUSE_MIN);
    }

    #[actix::test]
    async fn a_panicking_actor_is_started_again() {
        let current: Rc<RefCell<Vec<Addr<Fragile>>>> = Rc::default();
        let started = Rc::clone(&current);
        let keeper = actix::spawn(keep_alive("fragile", move |alive| {
            started.borrow_mut().push(Fragile { _alive: alive }.start());
        }));
        let first = loop {
            if let Some(address) = current.borrow().first().cloned() {
                break address;
            }
            tokio::task::yield_now().await;
        };
        first.send(Order::Live).await.unwrap();
        assert!(first.send(Order::Panic).await.is_err());
        while current.borrow().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let second = current.borrow().last().cloned().unwrap();
        second.send(Order::Live).await.unwrap();
        keeper.abort();
    }
}
