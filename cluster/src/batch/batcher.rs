//! The task that forms batches, submits them and hands the answers out.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use raftgate_model::command::{Batch, Origin, Request};
use raftgate_model::id::{BootId, NodeId};
use tokio::time::{Interval, MissedTickBehavior};

use super::flight::Flight;
use super::intake::{Intake, Waiting};
use super::{Consensus, Outcome, Readiness};
use crate::error::ProposeError;
use crate::metrics::ClusterMetrics;

/// How many batches are on their way at once: one is applied while the next is written.
const FLIGHTS_MAX: usize = 2;

/// How often deadlines are looked at.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(50);

/// Whose requests these are: one start of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestOrigin {
    /// The node.
    pub(crate) node: NodeId,
    /// Its start.
    pub(crate) boot: BootId,
}

/// Forms batches out of what waits in the intake.
pub(crate) struct Batcher<C: Consensus> {
    intake: Arc<Intake>,
    consensus: C,
    metrics: Arc<ClusterMetrics>,
    origin: RequestOrigin,
    /// The sequence of the next request; never used twice in one boot.
    next_sequence: u64,
    /// Submitted batches, oldest first; they are answered in this order.
    in_flight: VecDeque<(Flight, C::Pending)>,
    /// Batches that came back without an answer, oldest first; they go again before any new one.
    returned: VecDeque<Flight>,
    stopped: bool,
}

enum Event {
    Landed(Outcome),
    Changed,
    Tick,
}

impl<C: Consensus> Batcher<C> {
    pub(crate) fn new(
        intake: Arc<Intake>,
        consensus: C,
        metrics: Arc<ClusterMetrics>,
        origin: RequestOrigin,
    ) -> Self {
        Self {
            intake,
            consensus,
            metrics,
            origin,
            next_sequence: 1,
            in_flight: VecDeque::with_capacity(FLIGHTS_MAX),
            returned: VecDeque::new(),
            stopped: false,
        }
    }

    /// Works until the intake is drained and everything on its way has landed, or consensus has stopped.
    pub(crate) async fn run(mut self) {
        let mut ticks = tokio::time::interval(EXPIRY_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.stopped {
            self.submit_what_waits().await;
            if self.stopped || self.is_done() {
                break;
            }
            match self.next_event(&mut ticks).await {
                Event::Landed(outcome) => self.land(outcome),
                Event::Changed => {}
                Event::Tick => self.expire(),
            }
        }
        self.intake.close();
        let on_their_way = self.in_flight.drain(..).map(|(flight, _)| flight);
        on_their_way
            .chain(self.returned.drain(..))
            .for_each(Flight::abandon);
    }

    fn is_done(&self) -> bool {
        self.in_flight.is_empty()
            && self.returned.is_empty()
            && self.intake.is_draining()
            && self.intake.waiting().0 == 0
    }

    async fn submit_what_waits(&mut self) {
        while self.in_flight.len() < FLIGHTS_MAX {
            match self.consensus.readiness(&[]) {
                Readiness::Ready => {}
                Readiness::Waiting | Readiness::NoRoomYet => return,
                Readiness::Full => return self.turn_away(),
            }
            let Some(mut flight) = self.returned.pop_front().or_else(|| self.form()) else {
                return;
            };
            match self.readiness_for(&flight) {
                Readiness::Ready => {
                    let Ok(pending) = self.consensus.submit(flight.proposal()).await else {
                        self.returned.push_front(flight);
                        self.stopped = true;
                        return;
                    };
                    flight.was_taken();
                    self.in_flight.push_back((flight, pending));
                }
                Readiness::Full if self.in_flight.is_empty() && flight.is_fresh() => {
                    flight.turn_away();
                }
                // Until there is more room, or what is on its way has landed.
                Readiness::Full | Readiness::Waiting | Readiness::NoRoomYet => {
                    self.returned.push_front(flight);
                    return;
                }
            }
        }
    }

    /// Whether a batch can be taken now. What is on its way may not be in the log yet, so it counts too.
    fn readiness_for(&self, flight: &Flight) -> Readiness {
        let on_their_way = self.in_flight.iter().map(|(flight, _)| flight.bytes());
        let entries: Vec<usize> = on_their_way.chain([flight.bytes()]).collect();
        self.consensus.readiness(&entries)
    }

    /// Why nobody took what was not proposed yet: what is next, or all of it, waits for this.
    fn untaken(&self) -> ProposeError {
        let readiness = match self.returned.front() {
            Some(next) => self.readiness_for(next),
            None => self.consensus.readiness(&[]),
        };
        match readiness {
            Readiness::NoRoomYet | Readiness::Full => ProposeError::StorageFull,
            // What could be taken waits for what is on its way, which finds no quorum.
            Readiness::Waiting | Readiness::Ready => ProposeError::NoQuorum,
        }
    }

    /// Makes a batch of what waits in the lanes.
    fn form(&mut self) -> Option<Flight> {
        let taken = self.intake.take();
        if taken.is_empty() {
            return None;
        }
        self.metrics.count_batch(taken.len());
        let done_below = self.oldest_unanswered();
        let mut requests = Vec::with_capacity(taken.len());
        let mut waiters = Vec::with_capacity(taken.len());
        let mut bytes = 0_usize;
        for Waiting {
            command,
            bytes: command_bytes,
            waiter,
        } in taken
        {
            bytes = bytes.saturating_add(command_bytes);
            requests.push(Request {
                origin: 0,
                sequence: self.next_sequence,
                command,
            });
            waiters.push(Some(waiter));
            self.next_sequence = self.next_sequence.saturating_add(1);
        }
        let batch = Batch {
            stamp: self.consensus.stamp(),
            origins: vec![Origin {
                node: self.origin.node,
                boot: self.origin.boot,
                done_below,
            }],
            requests,
        };
        let now = tokio::time::Instant::now();
        Some(Flight::new(batch, waiters, bytes, now))
    }

    /// The sequence below which nobody waits for an answer any more.
    fn oldest_unanswered(&self) -> u64 {
        let on_their_way = self.in_flight.iter().map(|(flight, _)| flight);
        on_their_way
            .chain(&self.returned)
            .map(Flight::first_sequence)
            .min()
            .unwrap_or(self.next_sequence)
    }

    async fn next_event(&mut self, ticks: &mut Interval) -> Event {
        let ready = self.consensus.readiness(&[]) == Readiness::Ready;
        let may_form = ready && self.in_flight.len() < FLIGHTS_MAX && self.returned.is_empty();
        let idle = ready && self.in_flight.is_empty() && self.returned.is_empty();
        let draining = self.intake.is_draining();
        let oldest = self.in_flight.front_mut().map(|(_, pending)| pending);
        tokio::select! {
            biased;
            outcome = landing(oldest) => Event::Landed(outcome),
            () = self.intake.wait(), if may_form && !draining => Event::Changed,
            () = self.consensus.changed(), if !ready => Event::Changed,
            _ = ticks.tick(), if !idle || draining => Event::Tick,
        }
    }

    fn land(&mut self, outcome: Outcome) {
        let Some((flight, _)) = self.in_flight.pop_front() else {
            return;
        };
        match outcome {
            Outcome::Applied { index, answers } => {
                self.metrics.commits.record(flight.formed().elapsed());
                flight.land(index, answers);
            }
            Outcome::NotLeader => {
                let place = self
                    .returned
                    .partition_point(|other| other.first_sequence() < flight.first_sequence());
                self.returned.insert(place, flight);
            }
            Outcome::Stopped => {
                flight.abandon();
                self.stopped = true;
            }
        }
    }

    fn expire(&mut self) {
        let now = tokio::time::Instant::now();
        let untaken = self.untaken();
        self.intake.expire(now, &untaken);
        for (flight, _) in &mut self.in_flight {
            flight.expire(now, &untaken);
        }
        self.returned
            .retain_mut(|flight| flight.expire(now, &untaken));
    }

    /// Turns away what waits, because the log takes nothing more.
    fn turn_away(&mut self) {
        let held = std::mem::take(&mut self.returned);
        for flight in held {
            if flight.is_fresh() {
                flight.turn_away();
            } else {
                self.returned.push_back(flight);
            }
        }
        for waiting in self.intake.take() {
            waiting.waiter.answer(Err(ProposeError::StorageFull));
        }
    }
}

/// Waits for the oldest batch, for ever when there is none.
async fn landing<P: Future<Output = Outcome> + Unpin>(oldest: Option<&mut P>) -> Outcome {
    match oldest {
        Some(pending) => poll_fn(|context| Pin::new(&mut *pending).poll(context)).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "batcher_tests/mod.rs"]
mod tests;
