//! The Notifier: it works off the replicated queue of notifications, on the leader only.
//!
//! Each API's receiver is served by itself, so that one that is dead delays no other. An attempt is recorded after it was
//! made: a message may come twice, under the same `webhook-id`, and never gets lost.

mod attempt;
mod breaker;
mod connections;
mod deliver;
mod handle;
mod metrics;
mod payload;
mod plan;
mod sinks;
mod terms;
mod wake;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle, StreamHandler, WrapFuture};
use raftgate_model::api::NotificationSpec;
use raftgate_model::id::ApiId;
use raftgate_model::keyring::KeyRing;
use raftgate_model::time::{Timestamp, Ttl};
use rustls::ClientConfig;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use self::attempt::{Courier, Ended, Recording};
use self::connections::Connections;
use self::handle::Phase;
use self::metrics::{NotifierMetrics, OnItsWay};
use self::plan::Waiting;
use self::sinks::{IN_FLIGHT_TOTAL_MAX, Sinks};
use self::wake::{NotifyOnDrop, Woken};
use crate::cluster_access::ClusterAccess;
use crate::registry::{ConfigStatus, RegistryHandle};
use crate::snapshot::{Access, GatewaySnapshot};
use crate::supervise::{Alive, keep_alive};

pub use handle::NotifierHandle;
pub use metrics::{ATTEMPT_RESULTS, NotifierValues};
pub use payload::{Payload, parse_webhook_id, payload, type_name, webhook_id};
pub use terms::DeliveryTerms;

/// How long what happens is collected before it is looked at: a burst of changes costs one look.
const GATHER: Duration = Duration::from_millis(1);
/// How long an API's messages rest after an attempt that could not be recorded.
const UNRECORDED_PAUSE: Ttl = Ttl::from_s(1);
/// How long to wait before asking again whether this leader's state is the newest.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(500);
/// The longest sleep: cluster time may be set anew meanwhile.
const SLEEP_MAX: Ttl = Ttl::from_s(60);
/// How often idle connections are looked for.
const CLOSE_IDLE_INTERVAL: Duration = Duration::from_secs(1);

/// What the Notifier is made of.
#[derive(Clone)]
pub struct NotifierParts {
    /// The queue, and where attempts are recorded.
    pub cluster: ClusterAccess,
    /// Where the receivers' addresses are published.
    pub registry: RegistryHandle,
    /// What tokens are derived with.
    pub keys: Arc<KeyRing>,
    /// How often and how patiently messages are sent.
    pub terms: DeliveryTerms,
    /// TLS towards receivers.
    pub tls: Arc<ClientConfig>,
}

/// Sends notifications while this node leads.
pub struct Notifier {
    courier: Courier,
    registry: RegistryHandle,
    phase: watch::Receiver<Phase>,
    sinks: Sinks,
    connections: Connections,
    attempts: JoinSet<Ended>,
    arrived: Rc<Notify>,
    /// The API that was served last when the places for messages ran out; the next ones have their turn.
    turn: Option<ApiId>,
    newest: Newest,
    gathering: bool,
    alarm: Option<SpawnHandle>,
    _alive: Alive,
}

/// Whether the state holds everything that earlier leaders recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newest {
    /// Not known.
    Unknown,
    /// An entry of this node's own term is on its way to find out.
    Asked,
    /// It does, as of this term.
    Since(u64),
}

/// Where an API's messages go, as far as is known here.
enum Receiver {
    Known(NotificationSpec),
    /// The API is deleted or has none.
    Absent,
    /// The API is there, and not in force as it is stored, or inactive: its messages stay as they are.
    NotYet,
}

/// What is published now; the status was read first, so the snapshot is at least that new.
struct Published {
    status: ConfigStatus,
    snapshot: Arc<GatewaySnapshot>,
}

impl Notifier {
    /// Runs the Notifier on the present arbiter, which it shares with no HTTP worker.
    ///
    /// A Notifier that dies is started again; what was on its way then is sent once more.
    #[must_use]
    pub fn run(parts: NotifierParts) -> NotifierHandle {
        let (sender, phase) = watch::channel(Phase::Sending);
        let metrics = Arc::<NotifierMetrics>::default();
        let handle = NotifierHandle::new(parts.cluster.clone(), Arc::clone(&metrics), sender);
        let courier = Courier {
            cluster: parts.cluster,
            keys: parts.keys,
            terms: Arc::new(parts.terms),
            metrics,
        };
        let (registry, tls) = (parts.registry, parts.tls);
        actix::spawn(keep_alive("notifier", move |alive| {
            let notifier = Self {
                connections: Connections::new(courier.terms.timeout, Arc::clone(&tls)),
                courier: courier.clone(),
                registry: registry.clone(),
                phase: phase.clone(),
                sinks: Sinks::default(),
                attempts: JoinSet::new(),
                arrived: Rc::default(),
                turn: None,
                newest: Newest::Unknown,
                gathering: false,
                alarm: None,
                _alive: alive,
            };
            Actor::start(notifier);
        }));
        handle
    }

    /// Something happened: has a look soon.
    fn nudge(&mut self, context: &mut Context<Self>) {
        if !self.gathering {
            self.gathering = true;
            context.run_later(GATHER, |notifier, context| {
                notifier.gathering = false;
                notifier.look(context);
            });
        }
    }

    /// Takes note of what ended, sends what may be sent, and sleeps until there is more.
    fn look(&mut self, context: &mut Context<Self>) {
        if let Some(alarm) = self.alarm.take() {
            context.cancel_future(alarm);
        }
        self.take_back();
        let Some(term) = self.courier.cluster.leading() else {
            return;
        };
        if self.newest != Newest::Since(term) {
            self.catch_up(term, context);
            return;
        }
        let now = self.courier.cluster.now();
        let status = self.registry.status();
        let published = Published {
            status,
            snapshot: self.registry.source().current(),
        };
        self.sinks
            .forget(now, |api| published.snapshot.api(api).is_none());
        let due = self.courier.cluster.view().apis_with_notifications_due(now);
        let turn = self.turn.take();
        let served = |api: &ApiId| turn.as_ref().is_some_and(|turn| api <= turn);
        let (earlier, later) = due.split_at(due.partition_point(served));
        for api in later.iter().chain(earlier) {
            self.serve(api, now, &published);
            if self.sinks.in_flight() >= IN_FLIGHT_TOTAL_MAX {
                self.turn = Some(api.clone());
                break;
            }
        }
        self.sleep(now, context);
    }

    /// Takes note of the attempts that ended. One that panicked takes the actor with it, which is started again.
    fn take_back(&mut self) {
        while let Some(ended) = self.attempts.try_join_next() {
            let ended = match ended {
                Ok(ended) => ended,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => continue,
                },
            };
            let (now, pause) = (self.courier.cluster.now(), self.courier.terms.pause());
            let api = &ended.key.api;
            self.sinks
                .back(api, ended.key.sequence, ended.showing, now, pause);
            if ended.record == Recording::Unrecorded {
                self.sinks.hold(api, now, UNRECORDED_PAUSE);
            }
        }
    }

    /// Finds out whether the state is the newest: it is once an entry of this node's own term is applied. Without it a
    /// new leader would send again what the one before it has recorded.
    fn catch_up(&mut self, term: u64, context: &mut Context<Self>) {
        if self.newest == Newest::Asked {
            return;
        }
        self.newest = Newest::Asked;
        let cluster = self.courier.cluster.clone();
        let asked = async move { cluster.barrier().await };
        context.spawn(
            asked
                .into_actor(self)
                .map(move |answer, notifier, context| match answer {
                    Ok(_) => {
                        info!(term, "this node sends notifications");
                        notifier.newest = Newest::Since(term);
                        notifier.nudge(context);
                    }
                    Err(error) => {
                        warn!(%error, "notifications wait: it is not known whether the queue is the newest");
                        notifier.newest = Newest::Unknown;
                        context.run_later(CATCH_UP_PAUSE, Self::nudge);
                    }
                }),
        );
    }

    /// Sends what may be sent of one API.
    fn serve(&mut self, api: &ApiId, now: Timestamp, published: &Published) {
        let allowance = self.sinks.allowance(api, now);
        let sending = self.sinks.sending(api);
        if allowance <= sending.len() {
            return;
        }
        let view = self.courier.cluster.view();
        let receiver = match self.receiver(api, published) {
            Receiver::Known(receiver) => Some(receiver),
            Receiver::Absent => None,
            Receiver::NotYet => return,
        };
        let waiting = plan::waiting(view, api, now);
        for message in plan::due(waiting, self.sinks.sending(api), allowance, now) {
            self.send(message, receiver.clone());
        }
    }

    fn receiver(&self, api: &ApiId, published: &Published) -> Receiver {
        let in_force = published.snapshot.api(api);
        if let Some(Access::OAuth(oauth)) = in_force.map(|api| &api.access)
            && let Some(receiver) = &oauth.spec.notifications
        {
            return Receiver::Known(receiver.clone());
        }
        let view = self.courier.cluster.view();
        let newest = view.meta().config_revision;
        let is_inactive = in_force.is_none() && view.api(api).is_some();
        if is_inactive || published.status.is_behind(api, newest) {
            return Receiver::NotYet;
        }
        Receiver::Absent
    }

    fn send(&mut self, message: Waiting, receiver: Option<NotificationSpec>) {
        let counted = OnItsWay::count(&self.courier.metrics);
        // Looked at after counting: who drains sees either this message or a notifier that leaves it.
        if *self.phase.borrow() == Phase::Draining {
            return;
        }
        self.sinks.sent(&message.0.api, message.0.sequence);
        let client = self.connections.client();
        let attempt = self.courier.clone().attempt(client, message, receiver);
        let arrived = NotifyOnDrop::new(&self.arrived);
        self.attempts.spawn_local(async move {
            let _ends_last = arrived;
            let _counted = counted;
            attempt.await
        });
    }

    /// Sets the alarm for the next message or receiver whose time comes.
    fn sleep(&mut self, now: Timestamp, context: &mut Context<Self>) {
        let message = self.courier.cluster.view().next_notification_after(now);
        let next = [message, self.sinks.next_after(now)];
        if let Some(at) = next.into_iter().flatten().min() {
            let pause = at.since(now).min(SLEEP_MAX).as_ms();
            self.alarm = Some(context.run_later(Duration::from_millis(pause), Self::nudge));
        }
    }
}

impl Actor for Notifier {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let cluster = &self.courier.cluster;
        context.add_stream(wake::on_queue(cluster.view().subscribe()));
        context.add_stream(wake::on_change(cluster.leadership()));
        context.add_stream(wake::on_change(self.registry.changes()));
        context.add_stream(wake::on_change(self.phase.clone()));
        context.add_stream(wake::on_arrival(Rc::clone(&self.arrived)));
        context.run_interval(CLOSE_IDLE_INTERVAL, |notifier, _| {
            notifier.connections.close_idle(tokio::time::Instant::now());
        });
        self.nudge(context);
    }
}

impl StreamHandler<Woken> for Notifier {
    fn handle(&mut self, Woken: Woken, context: &mut Self::Context) {
        self.nudge(context);
    }

    /// What it follows ends with the node; the Notifier does not end before.
    fn finished(&mut self, _: &mut Self::Context) {}
}

#[cfg(test)]
mod tests;
