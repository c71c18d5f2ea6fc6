//! The policies that are in force: each read once per change.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use raftgate_model::id::PolicyId;
use raftgate_model::policy::Policy;
use raftgate_model::state::record::PolicyRecord;
use raftgate_storage::view::View;
use tokio::task::spawn_blocking;
use tracing::{error, warn};

use super::known::Known;
use crate::snapshot::CompiledPolicy;

/// The policies that can be read; an unreadable one makes no session, which refuses its tokens.
#[derive(Debug, Default)]
pub(super) struct Policies {
    known: Known<PolicyId>,
    in_force: HashMap<PolicyId, Arc<CompiledPolicy>>,
}

/// What each of these policies says from now on; nothing of one that is gone or cannot be read.
pub(super) type PolicyNews = Vec<(PolicyId, Option<Arc<CompiledPolicy>>)>;

impl Policies {
    /// Reads what changed on a thread for long work: a thousand policies may have come at once.
    pub(super) fn read_changed(&mut self, view: &View) -> impl Future<Output = PolicyNews> + use<> {
        let news = self.known.catch_up(|after| view.policies_since(after));
        let changed = news.changed.into_iter().chain(news.gone);
        let changed: Vec<(PolicyId, Option<Arc<PolicyRecord>>)> = changed
            .map(|id| {
                let record = view.policy(&id);
                (id, record)
            })
            .collect();
        async move {
            if changed.is_empty() {
                return PolicyNews::new();
            }
            let unread: Vec<PolicyId> = changed.iter().map(|(id, _)| id.clone()).collect();
            spawn_blocking(move || read(changed))
                .await
                .unwrap_or_else(|failure| {
                    error!(%failure, "policies cannot be read");
                    unread.into_iter().map(|id| (id, None)).collect()
                })
        }
    }

    /// Takes over what was read.
    pub(super) fn settle(&mut self, news: &PolicyNews) {
        for (id, policy) in news {
            match policy {
                Some(policy) => self.in_force.insert(id.clone(), Arc::clone(policy)),
                None => self.in_force.remove(id),
            };
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<CompiledPolicy>> {
        self.in_force.values().cloned()
    }
}

fn read(changed: Vec<(PolicyId, Option<Arc<PolicyRecord>>)>) -> PolicyNews {
    let changed = changed.into_iter();
    let news = changed.map(|(id, record)| (id, record.and_then(|record| compiled(&record))));
    news.collect()
}

fn compiled(record: &PolicyRecord) -> Option<Arc<CompiledPolicy>> {
    match Policy::from_stored(&record.document) {
        Ok(policy) => Some(Arc::new(CompiledPolicy::new(record.id.clone(), policy))),
        Err(faults) => {
            warn!(policy = %record.id, %faults, "policy cannot be read");
            None
        }
    }
}
