//! The policies that are in force: each read once per change.

use std::collections::HashMap;
use std::sync::Arc;

use raftgate_model::id::PolicyId;
use raftgate_model::policy::Policy;
use raftgate_model::state::record::PolicyRecord;
use raftgate_storage::view::View;
use tracing::warn;

use super::known::Known;
use crate::snapshot::CompiledPolicy;

/// The policies that can be read; an unreadable one makes no session, which refuses its tokens.
#[derive(Debug, Default)]
pub(super) struct Policies {
    known: Known<PolicyId>,
    in_force: HashMap<PolicyId, Arc<CompiledPolicy>>,
}

impl Policies {
    /// Reads what changed; tells what each of these policies says from now on.
    pub(super) fn catch_up(&mut self, view: &View) -> Vec<(PolicyId, Option<Arc<CompiledPolicy>>)> {
        let news = self.known.catch_up(|after| view.policies_since(after));
        let touched = news.changed.into_iter().chain(news.gone);
        let touched: Vec<_> = touched
            .map(|id| {
                let policy = view.policy(&id).and_then(|record| compiled(&record));
                (id, policy)
            })
            .collect();
        for (id, policy) in &touched {
            match policy {
                Some(policy) => self.in_force.insert(id.clone(), Arc::clone(policy)),
                None => self.in_force.remove(id),
            };
        }
        touched
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<CompiledPolicy>> {
        self.in_force.values().cloned()
    }
}

fn compiled(record: &PolicyRecord) -> Option<Arc<CompiledPolicy>> {
    match Policy::from_json(&record.document) {
        Ok(policy) => Some(Arc::new(CompiledPolicy::new(record.id.clone(), policy))),
        Err(faults) => {
            warn!(policy = %record.id, %faults, "policy cannot be read");
            None
        }
    }
}
