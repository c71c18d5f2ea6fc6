//! What administrators list and what the node's own upkeep looks for; every answer is bounded.

use std::sync::Arc;

use raftgate_model::command::SweepItem;
use raftgate_model::id::{
    ApiId, ApiKeyId, ClientId, GrantId, NotificationId, OrgId, PolicyId, Revision,
};
use raftgate_model::state::record::{
    ApiKeyRecord, ClientRecord, Grant, Notification, SourceRecord,
};
use raftgate_model::state::{ClientKey, NotificationKey, ReadState, Record, RecordKey, SourcePath};
use raftgate_model::time::Timestamp;

use super::{Changed, NotificationFilter, NotificationTotals, QueuePlace, View};

/// How many records of each kind the state holds, expired ones included until they are swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveTokens {
    /// Access tokens.
    pub grants: usize,
    /// Authorization codes, used ones included.
    pub codes: usize,
    /// Refresh-token families.
    pub families: usize,
    /// Keys and basic-auth users.
    pub api_keys: usize,
}

impl View {
    /// The ids of APIs after one, in order.
    #[must_use]
    pub fn apis(&self, after: Option<&ApiId>, limit: usize) -> Vec<ApiId> {
        self.tables.load().indexes.read().apis.page(after, limit)
    }

    /// The ids of policies after one, in order.
    #[must_use]
    pub fn policies(&self, after: Option<&PolicyId>, limit: usize) -> Vec<PolicyId> {
        self.tables
            .load()
            .indexes
            .read()
            .policies
            .page(after, limit)
    }

    /// The APIs that changed after a revision, bounded by how many there are; all of them after none.
    #[must_use]
    pub fn apis_since(&self, after: Option<Revision>) -> Changed<ApiId> {
        self.tables.load().indexes.read().apis.since(after)
    }

    /// The policies that changed after a revision, bounded by how many there are; all of them after none.
    #[must_use]
    pub fn policies_since(&self, after: Option<Revision>) -> Changed<PolicyId> {
        self.tables.load().indexes.read().policies.since(after)
    }

    /// The definition files after one that something was applied from, in order.
    #[must_use]
    pub fn sources(&self, after: Option<&SourcePath>, limit: usize) -> Vec<SourcePath> {
        self.tables.load().indexes.read().sources(after, limit)
    }

    /// What was last applied from a definition file.
    #[must_use]
    pub fn source(&self, path: &SourcePath) -> Option<Arc<SourceRecord>> {
        match self.get(&RecordKey::Source(path.clone())) {
            Some(Record::Source(source)) => Some(source),
            _ => None,
        }
    }

    /// The clients registered with an API after one, in the order of their ids.
    #[must_use]
    pub fn clients_of(
        &self,
        api: &ApiId,
        after: Option<&ClientId>,
        limit: usize,
    ) -> Vec<Arc<ClientRecord>> {
        let ids = {
            let tables = self.tables.load();
            let indexes = tables.indexes.read();
            indexes.clients_of(api, after, limit)
        };
        ids.into_iter()
            .filter_map(|client| {
                self.client(&ClientKey {
                    api: api.clone(),
                    client,
                })
            })
            .collect()
    }

    /// The organisations that keys and users belong to, in order.
    #[must_use]
    pub fn orgs_with_keys(&self) -> Vec<OrgId> {
        self.tables.load().indexes.read().api_keys.orgs()
    }

    /// The keys and users of an organisation after one, in the order of their ids; those that are over included.
    #[must_use]
    pub fn api_keys_of(
        &self,
        org: &OrgId,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Vec<(ApiKeyId, Arc<ApiKeyRecord>)> {
        let ids = {
            let tables = self.tables.load();
            let indexes = tables.indexes.read();
            indexes.api_keys.of_org(org, after, limit)
        };
        let ids = ids.into_iter();
        ids.filter_map(|id| self.api_key(&id).map(|key| (id, key)))
            .collect()
    }

    /// The APIs that a `client_id` is registered with, in order.
    #[must_use]
    pub fn apis_of(&self, client: &ClientId, limit: usize) -> Vec<ApiId> {
        self.tables.load().indexes.read().apis_of(client, limit)
    }

    /// A client's grants after a place in the order of their expiry, expired and revoked ones not yet swept included.
    ///
    /// The place of a grant is its expiry and its id.
    #[must_use]
    pub fn grants_of(
        &self,
        client: &ClientKey,
        after: Option<(Timestamp, GrantId)>,
        limit: usize,
    ) -> Vec<(GrantId, Arc<Grant>)> {
        let places = {
            let tables = self.tables.load();
            let indexes = tables.indexes.read();
            indexes.holdings.grants_of(client, after, limit)
        };
        let ids = places.into_iter();
        ids.filter_map(|(_, id)| self.grant(&id).map(|grant| (id, grant)))
            .collect()
    }

    /// Up to `limit` records for a sweep: those that ended at or before a time, then those that a mark ended.
    ///
    /// The latter are found a part at a time, so a short answer does not mean that there are no more.
    #[must_use]
    pub fn due(&self, before: Timestamp, limit: usize) -> Vec<SweepItem> {
        let tables = self.tables.load();
        let mut due = tables.indexes.read().holdings.ended(before, limit);
        let room = limit.saturating_sub(due.len());
        due.extend(tables.indexes.read().api_keys.ended(before, room));
        let room = limit.saturating_sub(due.len());
        if room > 0 {
            due.extend(tables.killed.lock().find(&tables, room));
        }
        due
    }

    /// The APIs with notifications, from one on in order; an API that was deleted keeps what it had.
    #[must_use]
    pub fn apis_with_notifications(&self, from: Option<&ApiId>) -> Vec<ApiId> {
        self.tables.load().indexes.read().queues.apis(from)
    }

    /// The APIs with notifications whose next attempt is due, in order.
    #[must_use]
    pub fn apis_with_notifications_due(&self, now: Timestamp) -> Vec<ApiId> {
        self.tables.load().indexes.read().queues.apis_due(now)
    }

    /// The places of an API's notifications whose next attempt is due, after a place, the earliest first.
    #[must_use]
    pub fn notifications_due(
        &self,
        api: &ApiId,
        now: Timestamp,
        after: Option<QueuePlace>,
        limit: usize,
    ) -> Vec<QueuePlace> {
        let tables = self.tables.load();
        let indexes = tables.indexes.read();
        indexes.queues.places_due(api, now, after, limit)
    }

    /// When the next notification becomes due, those aside that are due already.
    #[must_use]
    pub fn next_notification_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.tables.load().indexes.read().queues.next_due_after(now)
    }

    /// How many notifications there are, and how long the oldest of those that wait has been there.
    #[must_use]
    pub fn notification_totals(&self) -> NotificationTotals {
        let (mut totals, firsts) = {
            let tables = self.tables.load();
            let indexes = tables.indexes.read();
            indexes.queues.count()
        };
        let queued = firsts.iter().filter_map(|key| self.notification(key));
        totals.oldest_queued_at = queued.map(|message| message.created_at).min();
        totals
    }

    /// An API's notifications after a sequence, in the order in which they were queued.
    #[must_use]
    pub fn notifications(
        &self,
        api: &ApiId,
        filter: NotificationFilter,
        after: Option<u64>,
        limit: usize,
    ) -> Vec<(NotificationKey, Arc<Notification>)> {
        let keys = {
            let tables = self.tables.load();
            let indexes = tables.indexes.read();
            indexes.queues.list(api, filter, after, limit)
        };
        let keys = keys.into_iter();
        keys.filter_map(|key| self.notification(&key).map(|message| (key, message)))
            .collect()
    }

    /// Where a notification stands.
    #[must_use]
    pub fn find_notification(&self, id: &NotificationId) -> Option<NotificationKey> {
        self.tables.load().indexes.read().queues.find(id)
    }

    /// A notification.
    #[must_use]
    pub fn notification(&self, key: &NotificationKey) -> Option<Arc<Notification>> {
        match self.get(&RecordKey::Notification(key.clone())) {
            Some(Record::Notification(message)) => Some(message),
            _ => None,
        }
    }

    /// Counts the records that tokens refer to.
    #[must_use]
    pub fn live_tokens(&self) -> LiveTokens {
        let tables = self.tables.load();
        LiveTokens {
            grants: tables.grants.len(),
            codes: tables.codes.len(),
            families: tables.families.len(),
            api_keys: tables.api_keys.len(),
        }
    }
}
