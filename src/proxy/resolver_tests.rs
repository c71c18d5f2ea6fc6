#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;

use super::*;

type Answer = io::Result<Vec<SocketAddr>>;
type Question = (String, oneshot::Sender<Answer>);

/// The look-ups that were begun and wait for their answers.
#[derive(Clone, Default)]
struct Dns(Rc<RefCell<Vec<Question>>>);

impl Dns {
    fn resolver(&self) -> Resolver {
        let asked = self.clone();
        Resolver::new(Box::new(move |host| {
            let (sender, answer) = oneshot::channel();
            asked.0.borrow_mut().push((host, sender));
            Box::pin(async move { answer.await.unwrap() })
        }))
    }

    fn asked(&self) -> usize {
        self.0.borrow().len()
    }

    fn answer(&self, answer: Answer) {
        let (_, sender) = self.0.borrow_mut().remove(0);
        sender.send(answer).unwrap();
    }
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 0))
}

fn poll(resolving: Pin<&mut impl Future<Output = Found>>) -> Poll<Found> {
    resolving.poll(&mut Context::from_waker(Waker::noop()))
}

fn resolved(resolver: &Resolver, host: &str, now_ms: u64) -> Option<Found> {
    resolver.resolve(host, now_ms).now_or_never()
}

#[test]
fn a_name_is_looked_up_once_for_all_who_wait() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    let mut first = Box::pin(resolver.resolve("a", 0));
    let mut second = Box::pin(resolver.resolve("a", 0));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    assert_eq!(dns.asked(), 1);
    // Giving up starts nothing anew.
    drop(first);
    assert!(resolved(&resolver, "a", 60_000).is_none());
    assert_eq!(dns.asked(), 1);
    dns.answer(Ok(vec![address(1)]));
    let Poll::Ready(found) = poll(second.as_mut()) else {
        unreachable!("the answer is there");
    };
    assert_eq!(&*found.unwrap(), [address(1)]);
}

#[test]
fn a_result_is_used_for_a_moment_and_a_failure_for_a_shorter_one() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    assert!(resolved(&resolver, "a", 0).is_none());
    dns.answer(Ok(vec![address(1)]));
    for now_ms in [100, 100 + KEPT_MS - 1] {
        assert!(resolved(&resolver, "a", now_ms).unwrap().is_ok());
    }
    assert!(resolved(&resolver, "a", 100 + KEPT_MS).is_none());
    dns.answer(Err(io::Error::other("no")));
    let failed_ms = 10_000;
    for now_ms in [failed_ms, failed_ms + FAILURE_KEPT_MS - 1] {
        assert!(resolved(&resolver, "a", now_ms).unwrap().is_err());
    }
    let again_ms = failed_ms + FAILURE_KEPT_MS;
    assert!(resolved(&resolver, "a", again_ms).is_none());
    assert_eq!(dns.asked(), 1);
    dns.answer(Ok(Vec::new()));
    let error = resolved(&resolver, "a", again_ms).unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn look_ups_that_hang_are_bounded_and_known_names_stay_in_use() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    assert!(resolved(&resolver, "known", 0).is_none());
    dns.answer(Ok(vec![address(1)]));
    for number in 0..IN_FLIGHT_MAX {
        assert!(resolved(&resolver, &number.to_string(), 0).is_none());
    }
    assert!(resolved(&resolver, "one more", 0).unwrap().is_err());
    assert!(resolved(&resolver, "known", 0).unwrap().is_ok());
    assert_eq!(dns.asked(), IN_FLIGHT_MAX);
    // Nobody waits for it any more, and still its end makes room.
    dns.answer(Ok(vec![address(2)]));
    assert!(resolved(&resolver, "one more", 1).is_none());
    assert_eq!(dns.asked(), IN_FLIGHT_MAX);
    assert_eq!(resolver.names.borrow().len(), IN_FLIGHT_MAX + 2);
    for _ in 0..IN_FLIGHT_MAX {
        dns.answer(Err(io::Error::other("no")));
    }
    resolver.prune(2);
    resolver.prune(60_000);
    assert!(resolver.names.borrow().is_empty());
}

#[test]
fn a_name_with_very_many_addresses_is_cut() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    assert!(resolved(&resolver, "a", 0).is_none());
    dns.answer(Ok((0..=255).map(address).collect()));
    let found = resolved(&resolver, "a", 0).unwrap().unwrap();
    assert_eq!(found.len(), ADDRESSES_MAX);
}
