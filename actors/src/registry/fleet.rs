//! The API actors that run, and what each has in force.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use futures_util::future::join_all;
use raftgate_model::id::{ApiId, Revision};
use raftgate_model::keyring::KeyRing;
use raftgate_model::state::record::ApiRecord;
use tracing::error;

use super::DegradedApis;
use crate::api::{ApiActor, ApiHealth, Compile, Compiled};
use crate::compile::GatewayDefaults;
use crate::snapshot::CompiledApi;

/// One API that runs.
struct Member {
    actor: Addr<ApiActor>,
    revision: Revision,
    in_force: Option<Arc<CompiledApi>>,
    health: ApiHealth,
}

/// What a round of compiling brought: one answer per API that changed.
pub(super) struct Round(Vec<Attempt>);

struct Attempt {
    record: Arc<ApiRecord>,
    actor: Addr<ApiActor>,
    answer: Result<Compiled, Unanswered>,
}

/// An API actor did not answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Unanswered {
    /// It panicked while it compiled.
    #[error("compiling the definition failed inside")]
    Died,
    /// It did not come back in time.
    #[error("compiling the definition took too long")]
    Late,
}

/// The API actors by the id of their API.
pub(super) struct Fleet {
    keys: Arc<KeyRing>,
    defaults: GatewayDefaults,
    timeout: Duration,
    members: HashMap<ApiId, Member>,
}

impl Fleet {
    pub(super) fn new(keys: Arc<KeyRing>, defaults: GatewayDefaults, timeout: Duration) -> Self {
        Self {
            keys,
            defaults,
            timeout,
            members: HashMap::new(),
        }
    }

    /// Ends the actors of APIs that are gone and asks those whose definition changed to compile it.
    pub(super) fn compile(
        &mut self,
        records: Vec<Arc<ApiRecord>>,
    ) -> impl Future<Output = Round> + use<> {
        let wanted: HashMap<&ApiId, Revision> = records
            .iter()
            .map(|record| (&record.id, record.revision))
            .collect();
        self.members.retain(|id, _| wanted.contains_key(id));
        let changed: Vec<_> = records
            .into_iter()
            .filter(|record| {
                self.members
                    .get(&record.id)
                    .is_none_or(|member| member.revision != record.revision)
            })
            .map(|record| (self.actor_of(&record), record))
            .collect();
        let timeout = self.timeout;
        async move {
            let asked = changed.into_iter().map(|(actor, record)| async move {
                let answer = match actor
                    .send(Compile(Arc::clone(&record)))
                    .timeout(timeout)
                    .await
                {
                    Ok(compiled) => Ok(compiled),
                    Err(actix::MailboxError::Closed) => Err(Unanswered::Died),
                    Err(actix::MailboxError::Timeout) => Err(Unanswered::Late),
                };
                Attempt {
                    record,
                    actor,
                    answer,
                }
            });
            Round(join_all(asked).await)
        }
    }

    /// The actor of an API, started if it does not run.
    fn actor_of(&self, record: &ApiRecord) -> Addr<ApiActor> {
        match self.members.get(&record.id) {
            Some(member) if member.actor.connected() => member.actor.clone(),
            dead_or_new => {
                let in_force = dead_or_new.and_then(|member| member.in_force.clone());
                ApiActor::new(Arc::clone(&self.keys), self.defaults, in_force).start()
            }
        }
    }

    /// Takes over what a round brought; an API whose actor failed keeps what it had, and gets a new actor when it is asked next.
    pub(super) fn settle(&mut self, round: Round) {
        for Attempt {
            record,
            actor,
            answer,
        } in round.0
        {
            let kept = self
                .members
                .get(&record.id)
                .and_then(|member| member.in_force.clone());
            let compiled = answer.unwrap_or_else(|unanswered| {
                error!(api = %record.id, reason = %unanswered, "API keeps its last good version");
                let reason = unanswered.to_string().into();
                Compiled {
                    in_force: kept,
                    health: ApiHealth::Degraded { reason },
                }
            });
            let member = Member {
                actor,
                revision: record.revision,
                in_force: compiled.in_force,
                health: compiled.health,
            };
            self.members.insert(record.id.clone(), member);
        }
    }

    /// Every API that is served.
    pub(super) fn in_force(&self) -> impl Iterator<Item = Arc<CompiledApi>> {
        self.members
            .values()
            .filter_map(|member| member.in_force.clone())
    }

    /// Every API that runs by an older definition than its newest.
    pub(super) fn degraded(&self) -> DegradedApis {
        let degraded = self
            .members
            .iter()
            .filter_map(|(id, member)| match &member.health {
                ApiHealth::Good => None,
                ApiHealth::Degraded { reason } => Some((id.clone(), Arc::clone(reason))),
            });
        degraded.collect()
    }
}
