//! Whose turn it is among an API's targets: round robin without a lock, past those that are known to be down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use raftgate_model::api::{HealthCheck, Rotation, Target, TargetPlace};
use tokio::time::Instant;

use super::stand_in::{self, Standing};

/// A target that could not be connected to comes last for so long; then one request at a time finds out whether it stands again.
const PAUSE_MS: u64 = 5_000;

// On cache lines of its own: every request writes it, and what is known of targets is mostly read.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Cursor {
    turn: AtomicUsize,
    /// How often another target than the one whose turn it was had to be found.
    stand_ins: AtomicU64,
}

/// What is known of one target.
#[derive(Debug, Default)]
struct TargetState {
    /// Health checks say so.
    down: AtomicBool,
    /// Milliseconds since the balancer began; 0 while there is nothing against it.
    paused_until_ms: AtomicU64,
    /// Its pause was over, and the connection that finds out whether it stands again was not begun yet.
    awaits_trial: AtomicBool,
}

/// The targets of an API that has several, or one whose health is checked.
#[derive(Debug)]
pub struct Balancer {
    rotation: Rotation,
    check: Option<HealthCheck>,
    /// In the order of the rotation's places.
    states: Box<[TargetState]>,
    cursor: Cursor,
    began: Instant,
}

impl Balancer {
    /// A balancer of targets of which nothing bad is known.
    #[must_use]
    pub fn new(rotation: Rotation, check: Option<HealthCheck>) -> Self {
        let states = rotation.places().map(|_| TargetState::default());
        Self {
            states: states.collect(),
            rotation,
            check,
            cursor: Cursor::default(),
            began: tokio::time::Instant::now(),
        }
    }

    /// What goes on from an earlier balancer of the same API: that one itself if it says the same, else this one with what
    /// is known about targets of the same origin.
    #[must_use]
    pub fn following(self: Arc<Self>, earlier: &Arc<Self>) -> Arc<Self> {
        if self.rotation == earlier.rotation && self.check == earlier.check {
            return Arc::clone(earlier);
        }
        for (place, target) in self.places() {
            let same = |(_, known): &(TargetPlace, &Target)| known.origin() == target.origin();
            if let Some((known, _)) = earlier.places().find(same) {
                // Without checks nobody would find out that it is well again, and other ones ask another question.
                self.set_down(place, earlier.is_down(known) && self.asks_as(earlier));
                if let Some(left_ms) = earlier.pause_left_ms(known) {
                    self.pause(place, left_ms);
                }
            }
        }
        let turn = earlier.cursor.turn.load(Ordering::Relaxed);
        self.cursor.turn.store(turn, Ordering::Relaxed);
        self
    }

    /// Whether targets are asked for the same thing.
    fn asks_as(&self, earlier: &Self) -> bool {
        match (&self.check, &earlier.check) {
            (Some(check), Some(known)) => check.path == known.path,
            _ => false,
        }
    }

    /// The different targets with their places.
    pub fn places(&self) -> impl ExactSizeIterator<Item = (TargetPlace, &Target)> {
        self.rotation.places()
    }

    /// How targets are checked.
    #[must_use]
    pub const fn check(&self) -> Option<&HealthCheck> {
        self.check.as_ref()
    }

    /// The target at a place.
    #[must_use]
    pub fn target(&self, place: TargetPlace) -> Option<&Target> {
        self.rotation.target(place)
    }

    /// The target of the next request; `None` when all are down.
    ///
    /// One that could not be connected to lately is the last resort, until its pause is over: then it gets one request, and
    /// as many as the others when a connection has stood. The turns that one does not take are shared by all others.
    #[must_use]
    pub fn next(&self) -> Option<TargetPlace> {
        self.at_turn(self.cursor.turn.fetch_add(1, Ordering::Relaxed), &[])
    }

    /// Another target for a request, none of those `tried`; it takes nobody's turn, or targets in trouble would get more.
    #[must_use]
    pub fn another(&self, tried: &[TargetPlace]) -> Option<TargetPlace> {
        self.at_turn(self.cursor.turn.load(Ordering::Relaxed), tried)
    }

    fn state(&self, place: TargetPlace) -> Option<&TargetState> {
        self.states.get(place.index())
    }

    fn at_turn(&self, turn: usize, tried: &[TargetPlace]) -> Option<TargetPlace> {
        let turns = self.rotation.turns();
        let own = *turns.get(turn % turns.len().max(1))?;
        let standing = match self.standing(own, tried) {
            Standing::LastResort if self.begins_again(own) => Standing::Up,
            standing => standing,
        };
        if standing == Standing::Up {
            return Some(own);
        }
        let number = self.cursor.stand_ins.fetch_add(1, Ordering::Relaxed);
        stand_in::choose(&self.rotation, (own, standing), number, |place| {
            self.standing(place, tried)
        })
    }

    /// How a target stands; whether a pause is over is looked at when it is its own turn.
    fn standing(&self, place: TargetPlace, tried: &[TargetPlace]) -> Standing {
        match self.state(place) {
            Some(state) if !state.down.load(Ordering::Relaxed) && !tried.contains(&place) => {
                match state.paused_until_ms.load(Ordering::Relaxed) {
                    0 => Standing::Up,
                    _ => Standing::LastResort,
                }
            }
            _ => Standing::Out,
        }
    }

    /// Whether the pause of a target is over; whoever is told so first tries it, and the others wait for as long again.
    fn begins_again(&self, place: TargetPlace) -> bool {
        let Some(state) = self.state(place) else {
            return false;
        };
        let until_ms = state.paused_until_ms.load(Ordering::Relaxed);
        if until_ms == 0 {
            // A connection has stood meanwhile.
            return true;
        }
        let now_ms = self.now_ms();
        let again_ms = now_ms.saturating_add(PAUSE_MS);
        let begins = until_ms <= now_ms
            && state
                .paused_until_ms
                .compare_exchange(until_ms, again_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if begins {
            state.awaits_trial.store(true, Ordering::Relaxed);
        }
        begins
    }

    /// Whether a target is to be connected to anew, to find out whether it stands again; said once after each pause.
    ///
    /// A connection that was kept open says nothing about whether another one can be made.
    #[must_use]
    pub fn begins_trial(&self, place: TargetPlace) -> bool {
        self.state(place).is_some_and(|state| {
            // Reading alone costs the other threads nothing, and is what nearly every request does.
            state.awaits_trial.load(Ordering::Relaxed)
                && state.awaits_trial.swap(false, Ordering::Relaxed)
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes that a target could not be connected to.
    pub fn failed(&self, place: TargetPlace) {
        self.pause(place, PAUSE_MS);
    }

    fn pause(&self, place: TargetPlace, for_ms: u64) {
        if let Some(state) = self.state(place) {
            // 0 would say that there is nothing against it.
            let until_ms = self.now_ms().saturating_add(for_ms).max(1);
            state.paused_until_ms.store(until_ms, Ordering::Relaxed);
        }
    }

    /// What is left of a target's pause, 0 when its trial is due; `None` where there is nothing against it.
    fn pause_left_ms(&self, place: TargetPlace) -> Option<u64> {
        let until_ms = self.state(place)?.paused_until_ms.load(Ordering::Relaxed);
        (until_ms != 0).then(|| until_ms.saturating_sub(self.now_ms()))
    }

    /// Notes that a new connection to a target was made.
    pub fn connected(&self, place: TargetPlace) {
        if let Some(state) = self.state(place)
            && state.paused_until_ms.load(Ordering::Relaxed) != 0
        {
            state.paused_until_ms.store(0, Ordering::Relaxed);
        }
    }

    /// What health checks found about a target.
    pub fn set_down(&self, place: TargetPlace, down: bool) {
        if let Some(state) = self.state(place) {
            state.down.store(down, Ordering::Relaxed);
            if !down {
                state.paused_until_ms.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Whether health checks have found a target to be down.
    #[must_use]
    pub fn is_down(&self, place: TargetPlace) -> bool {
        self.state(place)
            .is_some_and(|state| state.down.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::Duration;

    use super::*;

    const PAUSE: Duration = Duration::from_millis(PAUSE_MS);

    fn balancer(hosts: &[&str]) -> Balancer {
        let targets = hosts
            .iter()
            .map(|host| Target::parse(&format!("http://{host}/")).unwrap());
        let check = HealthCheck::of("/");
        Balancer::new(Rotation::new(targets.collect()).unwrap(), Some(check))
    }

    fn place(balancer: &Balancer, index: usize) -> TargetPlace {
        balancer.places().nth(index).unwrap().0
    }

    fn round(balancer: &Balancer, count: usize) -> String {
        let turn = |_| match balancer.next() {
            Some(place) => balancer.target(place).unwrap().dial_host().to_owned(),
            None => "-".to_owned(),
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn targets_take_turns_by_weight() {
        let balancer = balancer(&["a", "b", "a"]);
        assert_eq!(balancer.places().len(), 2);
        assert_eq!(round(&balancer, 7), "abaabaa");
    }

    #[test]
    fn what_is_down_has_no_turn() {
        let balancer = balancer(&["a", "b", "c"]);
        balancer.set_down(place(&balancer, 1), true);
        assert_eq!(round(&balancer, 4), "acca");
        balancer.set_down(place(&balancer, 0), true);
        assert_eq!(round(&balancer, 2), "cc");
        balancer.set_down(place(&balancer, 2), true);
        assert!(balancer.is_down(place(&balancer, 2)));
        assert_eq!(round(&balancer, 2), "--");
        balancer.set_down(place(&balancer, 1), false);
        assert_eq!(round(&balancer, 2), "bb");
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_connected_to_comes_last_for_a_while() {
        let balancer = balancer(&["a", "b"]);
        let at = |index| place(&balancer, index);
        balancer.failed(at(0));
        assert_eq!(round(&balancer, 3), "bbb");
        assert_eq!(balancer.another(&[at(1)]), Some(at(0)), "the last resort");
        balancer.connected(at(0));
        assert_eq!(round(&balancer, 2), "ba");
        assert_eq!(balancer.another(&[at(0), at(1)]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_finds_out_whether_a_target_stands_again() {
        let balancer = balancer(&["a", "b"]);
        let at = |index| place(&balancer, index);
        balancer.failed(at(0));
        assert!(!balancer.begins_trial(at(0)));
        tokio::time::advance(PAUSE).await;
        assert_eq!(round(&balancer, 4), "abbb");
        assert!(balancer.begins_trial(at(0)));
        assert!(!balancer.begins_trial(at(0)), "one is enough");
        assert!(!balancer.begins_trial(at(1)));
        tokio::time::advance(PAUSE).await;
        assert_eq!(round(&balancer, 2), "ab");
        assert!(balancer.begins_trial(at(0)), "another pause");
        balancer.connected(at(0));
        assert_eq!(round(&balancer, 4), "abab");
    }

    #[test]
    fn a_new_version_goes_on_with_the_turns() {
        let old = Arc::new(balancer(&["a", "b", "c"]));
        assert_eq!(round(&old, 1), "a");
        let new = Arc::new(balancer(&["a", "b"])).following(&old);
        assert_eq!(round(&new, 2), "ba");
    }

    #[test]
    fn a_check_that_goes_well_ends_a_pause() {
        let balancer = balancer(&["a", "b"]);
        let a = place(&balancer, 0);
        balancer.failed(a);
        balancer.set_down(a, true);
        assert_eq!(round(&balancer, 2), "bb");
        balancer.set_down(a, false);
        assert_eq!(round(&balancer, 4), "abab");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_goes_on_in_a_new_version() {
        let old = Arc::new(balancer(&["a", "b"]));
        tokio::time::advance(PAUSE).await;
        old.failed(place(&old, 0));
        tokio::time::advance(PAUSE / 5).await;
        let new = Arc::new(balancer(&["c", "a"])).following(&old);
        assert_eq!(round(&new, 3), "ccc");
        tokio::time::advance(PAUSE * 4 / 5).await;
        assert_eq!(round(&new, 3), "acc", "one request tries it");
        assert!(new.begins_trial(place(&new, 1)));
        // And so it does where that is due by then.
        tokio::time::advance(PAUSE).await;
        let newer = Arc::new(balancer(&["a", "d"])).following(&new);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(round(&newer, 3), "add");
    }

    #[test]
    fn a_new_version_knows_what_the_old_one_knew() {
        let old = Arc::new(balancer(&["a", "b"]));
        old.set_down(place(&old, 0), true);
        old.set_down(place(&old, 1), true);
        let new = Arc::new(balancer(&["b", "c"])).following(&old);
        assert_eq!(round(&new, 2), "cc");
        let same = Arc::new(balancer(&["b", "c"])).following(&new);
        assert!(Arc::ptr_eq(&same, &new));
        let asked_otherwise = Balancer::new(new.rotation.clone(), Some(HealthCheck::of("/other")));
        let asked_otherwise = Arc::new(asked_otherwise).following(&new);
        assert_eq!(round(&asked_otherwise, 2), "bc", "another question");
        let unchecked = Balancer::new(new.rotation.clone(), None);
        let unchecked = Arc::new(unchecked).following(&new);
        assert!(
            !unchecked.is_down(place(&unchecked, 0)),
            "nobody would find out"
        );
    }
}
