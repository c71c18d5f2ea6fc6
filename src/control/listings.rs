//! Whose turn it is to list: few listings are made at a time, for each holds what it lists several times over.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use raftgate_model::time::Ttl;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::ControlFailure;

/// How many a page has, as in Tyk.
pub(super) const PAGE: usize = 100;
/// How many tokens or clients are listed, by page or without.
pub(super) const LISTED_MAX: usize = 100_000;
/// How many listings a node makes at a time.
const AT_A_TIME: usize = 2;
/// How many more may wait for their turn.
const WAITING_MAX: usize = 64;
/// How long one waits.
const WAIT: Duration = Duration::from_secs(10);
/// When to ask again after that.
const RETRY_AFTER: Ttl = Ttl::from_s(1);

/// Lets so many listings go on at a time; as many again wait for a while, further ones are refused.
pub struct Listings {
    places: Arc<Semaphore>,
    waiting: Semaphore,
    wait: Duration,
}

impl Default for Listings {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_A_TIME)),
            waiting: Semaphore::new(WAITING_MAX),
            wait: WAIT,
        }
    }
}

impl Listings {
    /// A place among those that go on, for as long as a listing is made.
    ///
    /// # Errors
    /// None became free in time, or too many wait.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, ControlFailure> {
        let full = || ControlFailure::NotCarriedOut {
            reason: format!("{AT_A_TIME} listings are under way"),
            retry_after: RETRY_AFTER,
        };
        let _waiting = self.waiting.try_acquire().map_err(|_| full())?;
        let place = timeout(self.wait, Arc::clone(&self.places).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or_else(full)
    }
}

/// Which of what there is a page shows; without one, all that is listed.
pub(super) fn wanted(page: Option<usize>) -> Range<usize> {
    match page {
        None => 0..LISTED_MAX,
        Some(page) => {
            let begin = page.saturating_sub(1).saturating_mul(PAGE);
            begin..begin.saturating_add(PAGE)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    fn is_full<T>(entered: Result<T, ControlFailure>) -> bool {
        matches!(entered, Err(ControlFailure::NotCarriedOut { .. }))
    }

    #[actix_rt::test]
    async fn only_so_many_listings_go_on_at_a_time_and_others_wait() {
        let impatient = Listings {
            wait: Duration::ZERO,
            ..Listings::default()
        };
        let mut places = Vec::new();
        for _ in 0..AT_A_TIME {
            places.push(impatient.enter().await.unwrap());
        }
        assert!(is_full(impatient.enter().await));
        drop(places);
        assert!(impatient.enter().await.is_ok());

        let listings = Listings::default();
        let places = [
            listings.enter().await.unwrap(),
            listings.enter().await.unwrap(),
        ];
        let mut next = pin!(listings.enter());
        let waits = poll_fn(|context| Poll::Ready(next.as_mut().poll(context).is_pending())).await;
        assert!(waits);
        drop(places);
        assert!(next.await.is_ok());
    }

    #[actix_rt::test]
    async fn only_so_many_wait() {
        let listings = Listings::default();
        let _places = [
            listings.enter().await.unwrap(),
            listings.enter().await.unwrap(),
        ];
        let mut waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| Box::pin(listings.enter()))
            .collect();
        for next in &mut waiting {
            let waits =
                poll_fn(|context| Poll::Ready(next.as_mut().poll(context).is_pending())).await;
            assert!(waits);
        }
        assert!(is_full(listings.enter().await));
    }

    #[test]
    fn a_page_shows_a_hundred_and_no_page_all_that_is_listed() {
        assert_eq!(wanted(None), 0..LISTED_MAX);
        assert_eq!(wanted(Some(1)), 0..PAGE);
        assert_eq!(wanted(Some(3)), 200..300);
        assert!(wanted(Some(usize::MAX)).is_empty());
    }
}
