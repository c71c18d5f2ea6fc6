//! The API actors that run, and what each has in force.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use futures_util::future;
use raftgate_model::api::ListenPath;
use raftgate_model::id::{ApiId, Revision};
use raftgate_model::state::RouteKey;
use raftgate_model::state::record::ApiRecord;
use tracing::error;

use super::degraded::{DegradedApi, DegradedApis, Hindrance};
use crate::api::{
    ApiActor, ApiHealth, Compile, Compiled, Definitions, HealthChecks, outcome_of_failure,
};
use crate::snapshot::{CompiledApi, GatewaySnapshot, RouteConflict, UnservedApi};

/// How long all APIs that were too late before are waited for together: long enough to see which have come.
const LATE_PATIENCE: Duration = Duration::from_millis(100);

/// One API that runs.
struct Member {
    actor: Addr<ApiActor>,
    /// The newest revision that it answered for; none if it never answered.
    revision: Option<Revision>,
    in_force: Option<Arc<CompiledApi>>,
    health: ApiHealth,
    /// The places that are its own in the state, whatever its definition says; none while it is inactive.
    routes: Arc<[RouteKey]>,
}

/// What a round of compiling brought: one answer per API that changed.
pub(super) struct Round(Vec<Attempt>);

impl Round {
    /// The APIs that it is about.
    pub(super) fn apis(&self) -> impl Iterator<Item = &ApiId> {
        self.0.iter().map(|attempt| &attempt.record.id)
    }
}

struct Attempt {
    record: Arc<ApiRecord>,
    actor: Addr<ApiActor>,
    /// What was in force before.
    earlier: Option<Arc<CompiledApi>>,
    answer: Result<Compiled, Unanswered>,
}

/// One API that is to be asked.
struct Question {
    record: Arc<ApiRecord>,
    actor: Addr<ApiActor>,
    earlier: Option<Arc<CompiledApi>>,
    timeout: Duration,
    patience: Patience,
}

/// How an API is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// By itself.
    Whole,
    /// Together with all others that were too late before.
    Shared,
}

/// An API actor did not answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Unanswered {
    /// It ended.
    #[error("the owner of the definition has ended")]
    Died,
    /// It did not come back in time.
    #[error("compiling the definition takes too long, it is tried again")]
    Late,
}

impl Unanswered {
    fn health(self) -> ApiHealth {
        match self {
            Self::Died => ApiHealth::Degraded {
                reason: self.to_string().into(),
            },
            Self::Late => ApiHealth::Late,
        }
    }
}

impl Question {
    /// Asks, and waits for so long.
    async fn ask(self) -> Attempt {
        let compile = Compile(Arc::clone(&self.record));
        let answer = match self.actor.send(compile).timeout(self.timeout).await {
            Ok(compiled) => Ok(compiled),
            Err(actix::MailboxError::Closed) => Err(Unanswered::Died),
            Err(actix::MailboxError::Timeout) => Err(Unanswered::Late),
        };
        Attempt {
            record: self.record,
            actor: self.actor,
            earlier: self.earlier,
            answer,
        }
    }
}

/// Whether something is to be asked again after a round, by it or by one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// Every API answered, or cannot.
    All,
    /// Some answered too late.
    AskAgain,
}

/// The API actors by the id of their API.
pub(super) struct Fleet {
    definitions: Arc<dyn Definitions>,
    health_checks: HealthChecks,
    timeout: Duration,
    members: HashMap<ApiId, Member>,
    /// Those that do not run by their newest definition.
    hindered: BTreeSet<ApiId>,
    /// What an earlier fleet had in force of APIs that this one has not asked yet.
    inherited: HashMap<ApiId, Arc<CompiledApi>>,
}

impl Fleet {
    /// A fleet that goes on from what is in force.
    pub(super) fn new(
        definitions: Arc<dyn Definitions>,
        health_checks: HealthChecks,
        timeout: Duration,
        in_force: &GatewaySnapshot,
    ) -> Self {
        let inherited = in_force.apis().map(|api| (api.id.clone(), Arc::clone(api)));
        Self {
            definitions,
            health_checks,
            timeout,
            members: HashMap::new(),
            hindered: BTreeSet::new(),
            inherited: inherited.collect(),
        }
    }

    /// Ends the actors of APIs that are gone.
    pub(super) fn forget(&mut self, gone: &[ApiId]) {
        for id in gone {
            self.members.remove(id);
            self.hindered.remove(id);
        }
    }

    /// The APIs that are to be asked again because they were too late.
    pub(super) fn late(&self) -> Vec<ApiId> {
        let is_late = |id: &&ApiId| {
            let member = self.members.get(*id);
            member.is_some_and(|member| member.health == ApiHealth::Late)
        };
        self.hindered.iter().filter(is_late).cloned().collect()
    }

    /// Asks the APIs among these whose definition is new to compile it, one after the other.
    ///
    /// Asked all at once, the last would wait for the work of all others, and its time limit would measure that. Those that
    /// were too late before are at work already, and are asked all at once: the others would be late with them.
    pub(super) fn compile(
        &self,
        records: Vec<Arc<ApiRecord>>,
    ) -> impl Future<Output = Round> + use<> {
        let (late, others): (Vec<_>, Vec<_>) = records
            .into_iter()
            .filter(|record| {
                self.members
                    .get(&record.id)
                    .is_none_or(|member| member.revision != Some(record.revision))
            })
            .map(|record| self.question(record))
            .partition(|question| question.patience == Patience::Shared);
        async move {
            let late = future::join_all(late.into_iter().map(Question::ask));
            let others = async {
                let mut attempts = Vec::with_capacity(others.len());
                for question in others {
                    attempts.push(question.ask().await);
                }
                attempts
            };
            let (mut attempts, late) = future::join(others, late).await;
            attempts.extend(late);
            Round(attempts)
        }
    }

    /// What is asked of an API; its actor is started if it does not run.
    fn question(&self, record: Arc<ApiRecord>) -> Question {
        let member = self.members.get(&record.id);
        let earlier = member
            .map_or_else(
                || self.inherited.get(&record.id),
                |member| member.in_force.as_ref(),
            )
            .cloned();
        let running = member.filter(|member| member.actor.connected());
        let patience = match running {
            Some(member) if member.health == ApiHealth::Late => Patience::Shared,
            _ => Patience::Whole,
        };
        let actor = running.map_or_else(
            || self.new_actor(earlier.clone()).start(),
            |member| member.actor.clone(),
        );
        Question {
            record,
            actor,
            earlier,
            timeout: match patience {
                Patience::Shared => LATE_PATIENCE.min(self.timeout),
                Patience::Whole => self.timeout,
            },
            patience,
        }
    }

    fn new_actor(&self, earlier: Option<Arc<CompiledApi>>) -> ApiActor {
        let definitions = Arc::clone(&self.definitions);
        ApiActor::new(definitions, self.health_checks.clone(), earlier)
    }

    /// Takes over what a round brought; an API whose actor failed keeps what it had.
    ///
    /// One whose actor died gets a new actor when its definition changes next; one that answered too late is asked again.
    pub(super) fn settle(&mut self, round: Round) -> Settled {
        self.inherited.clear();
        for Attempt {
            record,
            actor,
            earlier: kept,
            answer,
        } in round.0
        {
            let known = self.members.remove(&record.id);
            let last = known.and_then(|member| member.revision);
            let late = matches!(answer, Err(Unanswered::Late));
            let compiled = answer.unwrap_or_else(|unanswered| {
                let outcome = outcome_of_failure(kept.is_some());
                error!(api = %record.id, reason = %unanswered, "{outcome}");
                Compiled {
                    in_force: kept,
                    health: unanswered.health(),
                }
            });
            let member = Member {
                actor,
                revision: if late { last } else { Some(record.revision) },
                in_force: compiled.in_force,
                health: compiled.health,
                routes: Arc::clone(&record.routes),
            };
            match member.health {
                ApiHealth::Good => self.hindered.remove(&record.id),
                ApiHealth::Degraded { .. } | ApiHealth::Late => {
                    self.hindered.insert(record.id.clone())
                }
            };
            self.members.insert(record.id.clone(), member);
        }
        if self.late().is_empty() {
            Settled::All
        } else {
            Settled::AskAgain
        }
    }

    /// Whether every API runs by its newest definition.
    pub(super) fn is_good(&self) -> bool {
        self.hindered.is_empty()
    }

    /// What is in force of an API; nothing of one that is inactive or gone.
    pub(super) fn of(&self, id: &ApiId) -> Option<Arc<CompiledApi>> {
        self.members.get(id)?.in_force.clone()
    }

    /// Every API that runs by its newest definition.
    pub(super) fn newest(&self) -> Vec<Arc<CompiledApi>> {
        self.in_force(|health| *health == ApiHealth::Good)
    }

    /// Every API that goes on by an older definition than its newest.
    ///
    /// It may stand where the state has given the place to another since.
    pub(super) fn older(&self) -> Vec<Arc<CompiledApi>> {
        self.in_force(|health| *health != ApiHealth::Good)
    }

    /// What is in force of the APIs in such health, in the order of their ids.
    fn in_force(&self, is_meant: impl Fn(&ApiHealth) -> bool) -> Vec<Arc<CompiledApi>> {
        let meant = self
            .members
            .values()
            .filter(|member| is_meant(&member.health));
        let mut apis: Vec<_> = meant.filter_map(|member| member.in_force.clone()).collect();
        apis.sort_by(|left, right| left.id.cmp(&right.id));
        apis
    }

    /// Every place that the state gives to an API which does not run by its newest definition.
    pub(super) fn unserved(&self) -> Vec<UnservedApi> {
        let mut unserved = Vec::new();
        let hindered = self.hindered.iter();
        for (id, member) in hindered.filter_map(|id| self.members.get_key_value(id)) {
            // What is no listen path can be nobody's request.
            let places = member.routes.iter().filter_map(|route| {
                Some(UnservedApi {
                    id: id.clone(),
                    host: route.host.as_deref().map(Box::from),
                    listen_path: ListenPath::parse(&route.listen_path).ok()?,
                })
            });
            unserved.extend(places);
        }
        unserved
    }

    /// Every API that runs by an older definition than its newest, or lost its listen path to another.
    pub(super) fn degraded(&self, conflicts: &[RouteConflict]) -> DegradedApis {
        if self.is_good() && conflicts.is_empty() {
            return DegradedApis::from([]);
        }
        let lost = |id: &ApiId| conflicts.iter().find(|conflict| conflict.refused == *id);
        let degraded = self.members.iter().filter_map(|(id, member)| {
            let (hindrance, reason): (_, Arc<str>) = match (&member.health, lost(id)) {
                (ApiHealth::Good, None) => return None,
                (ApiHealth::Good, Some(conflict)) => (
                    Hindrance::Unservable,
                    format!("not served: {conflict}").into(),
                ),
                (ApiHealth::Degraded { reason }, lost) => {
                    (Hindrance::Unservable, reason_with(reason, lost))
                }
                (ApiHealth::Late, lost) => (
                    Hindrance::Late,
                    reason_with(&Unanswered::Late.to_string(), lost),
                ),
            };
            Some(DegradedApi {
                id: id.clone(),
                hindrance,
                reason,
            })
        });
        degraded.collect()
    }
}

fn reason_with(reason: &str, lost: Option<&RouteConflict>) -> Arc<str> {
    match lost {
        None => reason.into(),
        Some(conflict) => {
            format!("{reason}; its last good version is not served: {conflict}").into()
        }
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
