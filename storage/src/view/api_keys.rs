//! Keys and users by organisation, and those that end by when they end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use raftgate_model::command::SweepItem;
use raftgate_model::id::{ApiKeyId, OrgId};
use raftgate_model::state::record::ApiKeyRecord;
use raftgate_model::time::Timestamp;

/// The index of keys.
#[derive(Debug, Default)]
pub(super) struct ApiKeys {
    by_org: BTreeMap<OrgId, BTreeSet<ApiKeyId>>,
    ends: BTreeSet<(Timestamp, ApiKeyId)>,
}

impl ApiKeys {
    pub(super) fn add(&mut self, id: ApiKeyId, key: &ApiKeyRecord) {
        match self.by_org.get_mut(&key.org) {
            Some(keys) => keys.insert(id),
            None => self.by_org.entry(key.org.clone()).or_default().insert(id),
        };
        if let Some(ends_at) = key.ends_at {
            self.ends.insert((ends_at, id));
        }
    }

    pub(super) fn remove(&mut self, id: ApiKeyId, key: &ApiKeyRecord) {
        if let Some(keys) = self.by_org.get_mut(&key.org) {
            keys.remove(&id);
            if keys.is_empty() {
                self.by_org.remove(&key.org);
            }
        }
        if let Some(ends_at) = key.ends_at {
            self.ends.remove(&(ends_at, id));
        }
    }

    pub(super) fn orgs(&self) -> Vec<OrgId> {
        self.by_org.keys().cloned().collect()
    }

    pub(super) fn of_org(
        &self,
        org: &OrgId,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Vec<ApiKeyId> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.by_org.get(org).into_iter();
        keys.flat_map(|keys| keys.range((start, Bound::Unbounded)))
            .take(limit)
            .copied()
            .collect()
    }

    /// Keys that ended at or before a time, the earliest first.
    pub(super) fn ended(&self, before: Timestamp, limit: usize) -> Vec<SweepItem> {
        self.ends
            .iter()
            .take_while(|(ends_at, _)| *ends_at <= before)
            .take(limit)
            .map(|(_, id)| SweepItem::ApiKey(*id))
            .collect()
    }
}
