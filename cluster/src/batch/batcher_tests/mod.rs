#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking where it went wrong"
)]

mod turned_away;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use raftgate_model::answer::{Answer, Reply};
use raftgate_model::apply::apply;
use raftgate_model::command::{Command, Found};
use raftgate_model::id::{ApiId, Incarnation, KeyId, LogIndex, OrgId, PolicyId};
use raftgate_model::keyring::{CheckValue, KeyCheck};
use raftgate_model::state::MemoryState;
use raftgate_model::time::Timestamp;
use raftgate_storage::types::Proposal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::*;
use crate::batch::flight::{Committed, ProposeResult};
use crate::batch::{Ended, Lane};

const LONG: Duration = Duration::from_secs(3600);

/// What the batcher submitted, for the test to land.
struct Submitted {
    proposal: Proposal,
    answer: oneshot::Sender<Outcome>,
}

struct Stand {
    submitted: mpsc::Sender<Submitted>,
    readiness: watch::Receiver<Readiness>,
    room: Arc<AtomicUsize>,
}

struct Pending(oneshot::Receiver<Outcome>);

impl Future for Pending {
    type Output = Outcome;

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Outcome> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|outcome| outcome.unwrap_or(Outcome::Stopped))
    }
}

impl Consensus for Stand {
    type Pending = Pending;

    async fn submit(&mut self, proposal: Proposal) -> Result<Pending, Ended> {
        let (answer, receiver) = oneshot::channel();
        let submitted = Submitted { proposal, answer };
        let taken = self.submitted.send(submitted).await;
        taken.map(|()| Pending(receiver)).map_err(|_| Ended)
    }

    fn readiness(&self, entries: &[usize]) -> Readiness {
        let wanted: usize = entries.iter().sum();
        match *self.readiness.borrow() {
            Readiness::Ready if wanted > self.room.load(Ordering::Relaxed) => Readiness::Full,
            readiness => readiness,
        }
    }

    async fn changed(&mut self) {
        self.readiness.changed().await.unwrap();
    }

    fn stamp(&mut self) -> Timestamp {
        Timestamp::from_unix_s(1)
    }
}

/// A batcher in front of a log that the test writes by hand.
struct Bench {
    intake: Arc<Intake>,
    submitted: mpsc::Receiver<Submitted>,
    readiness: watch::Sender<Readiness>,
    /// The bytes of entries that the log takes.
    room: Arc<AtomicUsize>,
    metrics: Arc<ClusterMetrics>,
    state: Mutex<(MemoryState, u64)>,
    batcher: JoinHandle<()>,
}

impl Bench {
    fn start() -> Self {
        let intake = Intake::new();
        let (sender, submitted) = mpsc::channel(16);
        let (readiness, receiver) = watch::channel(Readiness::Ready);
        let room = Arc::new(AtomicUsize::new(usize::MAX));
        let stand = Stand {
            submitted: sender,
            readiness: receiver,
            room: Arc::clone(&room),
        };
        let metrics = Arc::new(ClusterMetrics::default());
        let origin = RequestOrigin {
            node: NodeId(1),
            boot: BootId(7),
        };
        let batcher = Batcher::new(Arc::clone(&intake), stand, Arc::clone(&metrics), origin);
        Self {
            intake,
            submitted,
            readiness,
            room,
            metrics,
            state: Mutex::new((MemoryState::default(), 0)),
            batcher: tokio::spawn(batcher.run()),
        }
    }

    fn propose(
        &self,
        lane: Lane,
        command: Command,
        timeout: Duration,
    ) -> JoinHandle<ProposeResult> {
        let intake = Arc::clone(&self.intake);
        tokio::spawn(async move { intake.propose(&lane, command, timeout).await })
    }

    fn delete(&self, name: &str) -> JoinHandle<ProposeResult> {
        self.propose(Lane::Administration, delete(name), LONG)
    }

    async fn until_waiting(&self, commands: usize) {
        while self.intake.waiting().0 != commands {
            tokio::task::yield_now().await;
        }
    }

    async fn next(&mut self) -> Submitted {
        self.submitted.recv().await.unwrap()
    }

    /// Applies as the state machine would.
    fn apply(&self, proposal: &Proposal) -> Outcome {
        let mut state = self.state.lock();
        state.1 += 1;
        let index = LogIndex(state.1);
        let applied = apply(&state.0, index, &proposal.0);
        state.0.commit(&applied.changes);
        Outcome::Applied {
            index,
            answers: applied.answers,
        }
    }

    fn land(&self, submitted: Submitted) {
        let outcome = self.apply(&submitted.proposal);
        submitted.answer.send(outcome).unwrap();
    }
}

fn delete(name: &str) -> Command {
    Command::DeletePolicy(PolicyId::new(name).unwrap())
}

fn found() -> Command {
    Command::Found(Found {
        cluster: [1; 16],
        incarnation: Incarnation(5),
        active_key: KeyCheck {
            id: KeyId(1),
            value: CheckValue::from_bytes([1; 16]),
        },
    })
}

fn names(submitted: &Submitted) -> Vec<String> {
    let requests = &submitted.proposal.0.requests;
    requests
        .iter()
        .map(|request| match &request.command {
            Command::DeletePolicy(id) => id.to_string(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn sequences(submitted: &Submitted) -> Vec<u64> {
    let requests = &submitted.proposal.0.requests;
    requests.iter().map(|request| request.sequence).collect()
}

fn stored(index: u64) -> ProposeResult {
    Ok(Committed {
        index: LogIndex(index),
        reply: Reply::Stored { existed: false },
    })
}

#[tokio::test]
async fn what_waits_together_goes_together_and_each_gets_its_own_answer() {
    let mut bench = Bench::start();
    let first = bench.delete("first");
    let one = bench.next().await;
    let second = bench.delete("second");
    let two = bench.next().await;
    let rest: Vec<_> = ["a", "b"].map(|name| bench.delete(name)).into();
    let founding = bench.propose(Lane::Revocation, found(), LONG);
    bench.until_waiting(3).await;
    bench.land(one);
    assert_eq!(first.await.unwrap(), stored(1));
    let three = bench.next().await;
    assert_eq!(sequences(&two), [2]);
    assert_eq!(sequences(&three), [3, 4, 5]);
    bench.land(two);
    bench.land(three);
    assert_eq!(second.await.unwrap(), stored(2));
    for proposal in rest {
        assert_eq!(proposal.await.unwrap(), stored(3));
    }
    let founded = founding.await.unwrap().unwrap();
    assert_eq!(founded.reply, Reply::Founded(Incarnation(5)));
    assert_eq!(founded.index, LogIndex(3));
    let values = bench.metrics.values();
    assert_eq!(values.batches[..3], [2, 0, 1]);
    assert_eq!(values.commits.count(), 3);
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let mut bench = Bench::start();
    for expected in [true, false] {
        let founding = bench.propose(Lane::Administration, found(), LONG);
        let submitted = bench.next().await;
        bench.land(submitted);
        let result = founding.await.unwrap();
        let refused = matches!(result, Err(ProposeError::Refused(_)));
        assert_eq!(result.is_ok(), expected);
        assert_eq!(refused, !expected);
    }
}

#[tokio::test]
async fn no_more_than_the_batch_bounds_go_at_once() {
    let mut bench = Bench::start();
    bench.readiness.send(Readiness::Waiting).unwrap();
    let proposals: Vec<_> = (0..300).map(|_| bench.delete("x")).collect();
    bench.until_waiting(300).await;
    bench.readiness.send(Readiness::Ready).unwrap();
    let (one, two) = (bench.next().await, bench.next().await);
    assert_eq!((names(&one).len(), names(&two).len()), (256, 44));
    bench.land(one);
    bench.land(two);
    for proposal in proposals {
        assert!(proposal.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer_and_runs_once() {
    let mut bench = Bench::start();
    let founding = bench.propose(Lane::Administration, found(), LONG);
    let submitted = bench.next().await;
    // It is committed, and the answer is lost with the leader.
    let Outcome::Applied { answers, .. } = bench.apply(&submitted.proposal) else {
        panic!("not applied");
    };
    assert_eq!(answers, [Answer::Done(Reply::Founded(Incarnation(5)))]);
    let lost = Arc::clone(&submitted.proposal.0);
    submitted.answer.send(Outcome::NotLeader).unwrap();
    let again = bench.next().await;
    assert!(
        Arc::ptr_eq(&again.proposal.0, &lost),
        "not the same requests"
    );
    bench.land(again);
    let reply = founding.await.unwrap().unwrap().reply;
    assert_eq!(reply, Reply::Founded(Incarnation(5)), "it ran twice");
}

#[tokio::test]
async fn returned_batches_go_again_in_their_order_before_new_ones() {
    let mut bench = Bench::start();
    let _first = bench.delete("first");
    let one = bench.next().await;
    let _second = bench.delete("second");
    let two = bench.next().await;
    let _third = bench.delete("third");
    bench.until_waiting(1).await;
    bench.readiness.send(Readiness::Waiting).unwrap();
    one.answer.send(Outcome::NotLeader).unwrap();
    two.answer.send(Outcome::NotLeader).unwrap();
    tokio::task::yield_now().await;
    bench.readiness.send(Readiness::Ready).unwrap();
    let again = (bench.next().await, bench.next().await);
    assert_eq!(names(&again.0), ["first"]);
    assert_eq!(names(&again.1), ["second"]);
    bench.land(again.0);
    bench.land(again.1);
    assert_eq!(names(&bench.next().await), ["third"]);
}

#[tokio::test]
async fn answers_are_kept_until_nobody_waits_for_them() {
    let mut bench = Bench::start();
    let done_below = |submitted: &Submitted| submitted.proposal.0.origins[0].done_below;
    let _first = bench.delete("first");
    let one = bench.next().await;
    assert_eq!(done_below(&one), 1);
    let _second = bench.delete("second");
    let two = bench.next().await;
    assert_eq!(done_below(&two), 1, "the first is still on its way");
    bench.land(one);
    let _third = bench.delete("third");
    let three = bench.next().await;
    assert_eq!(done_below(&three), 2);
    assert_eq!(three.proposal.0.origins[0].boot, BootId(7));
}

#[tokio::test]
async fn draining_finishes_what_waits_and_takes_nothing_new() {
    let mut bench = Bench::start();
    bench.readiness.send(Readiness::Waiting).unwrap();
    let waiting = bench.delete("waiting");
    bench.until_waiting(1).await;
    bench.intake.drain();
    let late = bench.delete("late").await.unwrap();
    assert_eq!(late, Err(ProposeError::ShuttingDown));
    bench.readiness.send(Readiness::Ready).unwrap();
    let submitted = bench.next().await;
    bench.land(submitted);
    assert_eq!(waiting.await.unwrap(), stored(1));
    bench.batcher.await.unwrap();
}

#[tokio::test]
async fn tokens_of_a_busy_api_do_not_hold_up_revocations() {
    let mut bench = Bench::start();
    bench.readiness.send(Readiness::Waiting).unwrap();
    let busy = Lane::Tokens(ApiId::new("busy").unwrap());
    let _tokens: Vec<_> = (0..600)
        .map(|_| bench.propose(busy.clone(), delete("token"), LONG))
        .collect();
    bench.until_waiting(600).await;
    let _revocation = bench.propose(Lane::Revocation, delete("revocation"), LONG);
    bench.until_waiting(601).await;
    bench.readiness.send(Readiness::Ready).unwrap();
    assert_eq!(names(&bench.next().await)[0], "revocation");
}
