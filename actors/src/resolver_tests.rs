#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;

use super::*;

type Answer = io::Result<Vec<SocketAddr>>;
type Question = (String, oneshot::Sender<Answer>);

const NAMES_MAX: usize = 64;
const SECONDS_MAX: usize = 16;
const ROOM: LookUpRoom = LookUpRoom {
    names: NAMES_MAX,
    seconds: SECONDS_MAX,
};

/// The look-ups that were begun and wait for their answers.
#[derive(Clone, Default)]
struct Dns(Arc<Mutex<Vec<Question>>>);

impl Dns {
    fn resolver(&self) -> Resolver {
        let asked = self.clone();
        Resolver::new(
            ROOM,
            Box::new(move |host| {
                let (sender, answer) = oneshot::channel();
                asked.0.lock().push((host, sender));
                Box::pin(async move { answer.await.unwrap() })
            }),
        )
    }

    fn asked(&self) -> usize {
        self.0.lock().len()
    }

    /// Answers the oldest question.
    fn answer(&self, answer: Answer) {
        let (_, sender) = self.0.lock().remove(0);
        sender.send(answer).unwrap();
    }

    fn answer_newest(&self, answer: Answer) {
        let (_, sender) = self.0.lock().pop().unwrap();
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

#[actix_rt::test]
async fn a_name_is_looked_up_once_for_all_who_wait() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    let mut first = Box::pin(resolver.resolve("a", 0));
    let mut second = Box::pin(resolver.resolve("a", 0));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    assert_eq!(dns.asked(), 1);
    // Giving up starts nothing anew.
    drop(first);
    assert!(resolved(&resolver, "a", SECOND_AFTER_MS - 1).is_none());
    assert_eq!(dns.asked(), 1);
    dns.answer(Ok(vec![address(1)]));
    assert_eq!(&*second.await.unwrap(), [address(1)]);
}

#[actix_rt::test]
async fn a_look_up_that_hangs_is_joined_by_one_more_and_no_third() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    let mut waiting = Box::pin(resolver.resolve("a", 0));
    assert!(poll(waiting.as_mut()).is_pending());
    for now_ms in [SECOND_AFTER_MS, 2 * SECOND_AFTER_MS, 60_000] {
        assert!(resolved(&resolver, "a", now_ms).is_none());
        assert_eq!(dns.asked(), PER_NAME_MAX);
    }
    // The second one's answer serves all, and the first one's is no harm when it comes.
    dns.answer_newest(Ok(vec![address(2)]));
    let found = resolved(&resolver, "a", 60_001).unwrap();
    assert_eq!(&*found.unwrap(), [address(2)]);
    dns.answer(Err(io::Error::other("no")));
    assert!(resolved(&resolver, "a", 60_002).unwrap().is_ok());
}

#[actix_rt::test]
async fn a_result_is_used_for_a_moment_and_a_failure_for_a_shorter_one() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    assert!(resolved(&resolver, "a", 0).is_none());
    dns.answer(Ok(vec![address(1)]));
    for now_ms in [100, 100 + KEPT_MS - 1] {
        assert!(resolved(&resolver, "a", now_ms).unwrap().is_ok());
    }
    assert_eq!(dns.asked(), 0);
    let failed_ms = 100 + STALE_KEPT_MS;
    assert!(resolved(&resolver, "a", failed_ms).is_none());
    dns.answer(Err(io::Error::other("no")));
    for now_ms in [failed_ms, failed_ms + FAILURE_KEPT_MS - 1] {
        assert!(resolved(&resolver, "a", now_ms).unwrap().is_err());
    }
    let again_ms = failed_ms + FAILURE_KEPT_MS;
    assert!(resolved(&resolver, "a", again_ms).is_none());
    assert_eq!(dns.asked(), 1);
    dns.answer(Ok(Vec::new()));
    let found = resolved(&resolver, "a", again_ms).unwrap();
    assert!(
        matches!(found, Err(LookUpError::Failed(error)) if error.kind() == io::ErrorKind::NotFound)
    );
}

#[actix_rt::test]
async fn known_addresses_stay_in_use_while_the_resolver_hangs_or_fails() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    assert!(resolved(&resolver, "a", 0).is_none());
    dns.answer(Ok(vec![address(1)]));
    assert!(resolved(&resolver, "a", 0).unwrap().is_ok());
    // A refresh that comes at once is waited for.
    let began_ms = KEPT_MS;
    assert!(resolved(&resolver, "a", began_ms).is_none());
    assert_eq!(dns.asked(), 1);
    // One that hangs is not.
    let late_ms = began_ms + REFRESH_PATIENCE_MS;
    let known = resolved(&resolver, "a", late_ms).unwrap().unwrap();
    assert_eq!(&*known, [address(1)]);
    assert_eq!(dns.asked(), 1);
    assert!(resolved(&resolver, "a", began_ms + SECOND_AFTER_MS).is_some());
    assert_eq!(dns.asked(), 2);
    assert!(resolved(&resolver, "a", STALE_KEPT_MS - 1).unwrap().is_ok());
    assert!(resolved(&resolver, "a", STALE_KEPT_MS).is_none(), "too old");
    // Nor does a failure take away what is known, unless it is too old.
    dns.answer(Ok(vec![address(2)]));
    assert!(resolved(&resolver, "a", STALE_KEPT_MS).unwrap().is_ok());
    dns.answer(Err(io::Error::other("no")));
    let failed_ms = STALE_KEPT_MS + KEPT_MS;
    let known = resolved(&resolver, "a", failed_ms).unwrap().unwrap();
    assert_eq!(&*known, [address(2)]);
}

#[actix_rt::test]
async fn whoever_waits_for_a_refresh_goes_on_by_itself() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    assert!(resolved(&resolver, "a", 0).is_none());
    dns.answer(Ok(vec![address(1)]));
    assert!(resolved(&resolver, "a", 0).unwrap().is_ok());
    let known = resolver.resolve("a", KEPT_MS).await.unwrap();
    assert_eq!((&*known, dns.asked()), (&[address(1)][..], 1));
}

#[actix_rt::test]
async fn look_ups_that_hang_are_bounded_and_known_names_stay_in_use() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    assert!(resolved(&resolver, "known", 0).is_none());
    dns.answer(Ok(vec![address(1)]));
    for number in 0..NAMES_MAX {
        assert!(resolved(&resolver, &number.to_string(), 0).is_none());
    }
    let found = resolved(&resolver, "one more", 0).unwrap();
    assert!(matches!(found, Err(LookUpError::NoRoom)));
    assert!(resolved(&resolver, "known", 0).unwrap().is_ok());
    assert!(resolved(&resolver, "known", KEPT_MS).unwrap().is_ok());
    assert_eq!(dns.asked(), NAMES_MAX);
    // Nobody waits for it any more, and still its end makes room.
    dns.answer(Ok(vec![address(2)]));
    assert!(resolved(&resolver, "one more", 1).is_none());
    assert_eq!(dns.asked(), NAMES_MAX);
    assert_eq!(resolver.names.lock().of.len(), NAMES_MAX + 2);
    for _ in 0..NAMES_MAX {
        dns.answer(Err(io::Error::other("no")));
    }
    resolver.forget_old(2);
    resolver.forget_old(2 + STALE_KEPT_MS);
    assert!(resolver.names.lock().of.is_empty());
}

#[actix_rt::test]
async fn names_that_hang_take_each_others_room_once() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    let hanging = NAMES_MAX - 1;
    for now_ms in [0, SECOND_AFTER_MS] {
        for number in 0..hanging {
            assert!(resolved(&resolver, &number.to_string(), now_ms).is_none());
        }
    }
    assert_eq!(dns.asked(), hanging + SECONDS_MAX);
    assert!(resolved(&resolver, "one more", SECOND_AFTER_MS).is_none());
    assert_eq!(dns.asked(), NAMES_MAX + SECONDS_MAX);
    dns.answer_newest(Ok(vec![address(1)]));
    let found = resolved(&resolver, "one more", SECOND_AFTER_MS).unwrap();
    assert_eq!(&*found.unwrap(), [address(1)]);
}

#[actix_rt::test]
async fn a_name_with_very_many_addresses_is_cut() {
    let dns = Dns::default();
    let resolver = dns.resolver();
    assert!(resolved(&resolver, "a", 0).is_none());
    dns.answer(Ok((0..=255).map(address).collect()));
    let found = resolved(&resolver, "a", 0).unwrap().unwrap();
    assert_eq!(found.len(), ADDRESSES_MAX);
}
