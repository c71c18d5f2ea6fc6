//! The policies that are in force: each read once per change.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
            // It ends early with the runtime alone, after which nobody follows.
            spawn_blocking(move || read(changed, compiled))
                .await
                .unwrap_or_else(|failure| {
                    error!(%failure, "policies were not read");
                    PolicyNews::new()
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

/// Reads each for itself: one whose reading panics is unreadable and takes no other with it.
fn read(
    changed: Vec<(PolicyId, Option<Arc<PolicyRecord>>)>,
    compiled: impl Fn(&PolicyRecord) -> Option<Arc<CompiledPolicy>>,
) -> PolicyNews {
    let read_one = |record: Arc<PolicyRecord>| {
        let read = catch_unwind(AssertUnwindSafe(|| compiled(&record)));
        read.unwrap_or_else(|_| {
            error!(policy = %record.id, "policy cannot be read: it failed inside");
            None
        })
    };
    let changed = changed.into_iter();
    let news = changed.map(|(id, record)| (id, record.and_then(read_one)));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

    use raftgate_model::id::{OrgId, Revision};

    use super::*;

    #[test]
    fn a_policy_whose_reading_panics_takes_no_other_with_it() {
        let changed = ["good", "bad", "gone", "better"].map(|name| {
            let id = PolicyId::new(name).unwrap();
            let record = PolicyRecord {
                id: id.clone(),
                org: OrgId::default(),
                document: r#"{"access_rights":{"orders":{}}}"#.into(),
                source: None,
                revision: Revision(1),
            };
            (id, (name != "gone").then(|| Arc::new(record)))
        });
        let news = read(changed.to_vec(), |record| {
            assert_ne!(record.id.as_str(), "bad");
            compiled(record)
        });
        let read: Vec<(&str, bool)> = news
            .iter()
            .map(|(id, policy)| (id.as_str(), policy.is_some()))
            .collect();
        let expected = [
            ("good", true),
            ("bad", false),
            ("gone", false),
            ("better", true),
        ];
        assert_eq!(read, expected);
    }
}
