//! The replicated state in memory: what `apply` judges by, and what every request of this node reads.
//!
//! One writer commits log entries; any number of readers look up single records at any moment, without waiting for
//! more than one other lookup or change in the same small part of a table.

mod api_keys;
mod holdings;
mod indexes;
mod killed;
mod listing;
mod pool;
mod queue;
mod shards;
mod tables;
mod versions;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use raftgate_model::admin_token::AdminToken;
use raftgate_model::id::{
    ApiId, ApiKeyId, CodeId, FamilyId, GrantId, LogIndex, PolicyId, Revision,
};
use raftgate_model::state::record::{
    ApiKeyRecord, ApiRecord, ClientRecord, Code, Family, Grant, Meta, Outbox, PolicyRecord,
};
use raftgate_model::state::{Change, ClientKey, ReadState, Record, RecordKey};
use raftgate_model::time::Timestamp;
use tokio::sync::watch;

pub use listing::LiveTokens;
pub use queue::{NotificationFilter, NotificationTotals, QueuePlace};
pub(crate) use tables::Walk;
pub use versions::Changed;

use tables::Tables;

/// How far the view is, as its followers are told after each log entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppliedMark {
    /// The newest log entry that the view holds whole.
    pub index: LogIndex,
    /// The revision at which configuration last changed.
    pub config_revision: Revision,
    /// How many entries changed the notification queue since the process started.
    pub queue_changes: u64,
}

/// The replicated state of this node, for reading.
pub struct View {
    tables: ArcSwap<Tables>,
    applied: AtomicU64,
    newest_mark: AtomicU64,
    clock_ms: AtomicU64,
    followers: watch::Sender<AppliedMark>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            tables: ArcSwap::from_pointee(Tables::new()),
            applied: AtomicU64::new(0),
            newest_mark: AtomicU64::new(0),
            clock_ms: AtomicU64::new(0),
            followers: watch::Sender::new(AppliedMark::default()),
        }
    }
}

impl View {
    /// The newest log entry that is in the view whole; zero when there is none.
    #[must_use]
    pub fn applied(&self) -> LogIndex {
        LogIndex(self.applied.load(Ordering::Acquire))
    }

    /// A receiver that sees each newer [`AppliedMark`]; a slow one sees only the newest.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<AppliedMark> {
        self.followers.subscribe()
    }

    /// The state's record of itself.
    #[must_use]
    pub fn meta(&self) -> Arc<Meta> {
        self.tables.load().meta().unwrap_or_default()
    }

    /// Cluster time as of the newest applied entry.
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_ms(self.clock_ms.load(Ordering::Acquire))
    }

    /// The revision of the newest revocation mark of any subject.
    #[must_use]
    pub fn newest_mark(&self) -> Revision {
        Revision(self.newest_mark.load(Ordering::Acquire))
    }

    /// Whether a mark revoked what was issued to a client at this revision.
    ///
    /// Looks at no record when nothing at all was marked since.
    #[must_use]
    pub fn revoked_since(&self, client: &ClientKey, issued: Revision) -> bool {
        issued <= self.newest_mark() && self.tables.load().is_marked(client, issued)
    }

    /// An access token's grant, whether it still holds or not: expiry and marks are the caller's to check.
    #[must_use]
    pub fn grant(&self, id: &GrantId) -> Option<Arc<Grant>> {
        self.tables.load().grants.get(id)
    }

    /// An authorization code, also after its use.
    #[must_use]
    pub fn code(&self, id: &CodeId) -> Option<Arc<Code>> {
        self.tables.load().codes.get(id)
    }

    /// A refresh-token family.
    #[must_use]
    pub fn family(&self, id: &FamilyId) -> Option<Arc<Family>> {
        self.tables.load().families.get(id)
    }

    /// A key or a basic-auth user, whether it is over or not: that is the caller's to check.
    #[must_use]
    pub fn api_key(&self, id: &ApiKeyId) -> Option<Arc<ApiKeyRecord>> {
        self.tables.load().api_keys.get(id)
    }

    /// The named tokens of the control API.
    #[must_use]
    pub fn admin_tokens(&self) -> Arc<[AdminToken]> {
        match self.get(&RecordKey::AdminTokens) {
            Some(Record::AdminTokens(tokens)) => tokens,
            _ => Arc::default(),
        }
    }

    /// A client's registration with one API.
    #[must_use]
    pub fn client(&self, key: &ClientKey) -> Option<Arc<ClientRecord>> {
        match self.get(&RecordKey::Client(key.clone())) {
            Some(Record::Client(client)) => Some(client),
            _ => None,
        }
    }

    /// An API.
    #[must_use]
    pub fn api(&self, id: &ApiId) -> Option<Arc<ApiRecord>> {
        match self.get(&RecordKey::Api(id.clone())) {
            Some(Record::Api(api)) => Some(api),
            _ => None,
        }
    }

    /// A policy.
    #[must_use]
    pub fn policy(&self, id: &PolicyId) -> Option<Arc<PolicyRecord>> {
        match self.get(&RecordKey::Policy(id.clone())) {
            Some(Record::Policy(policy)) => Some(policy),
            _ => None,
        }
    }

    /// The counters of an API's notification queue.
    #[must_use]
    pub fn outbox(&self, api: &ApiId) -> Option<Arc<Outbox>> {
        match self.get(&RecordKey::Outbox(api.clone())) {
            Some(Record::Outbox(outbox)) => Some(outbox),
            _ => None,
        }
    }

    /// Carries out the changes of one log entry, then publishes its index. Only one caller at a time.
    pub(crate) fn commit(&self, index: LogIndex, changes: &[Change]) {
        self.tables.load().commit(changes);
        let queue_changed = changes
            .iter()
            .any(|change| matches!(change.key, RecordKey::Notification(_)));
        self.publish(index, queue_changed);
    }

    /// Applies a batch as the state machine would, for tests of what reads a view.
    #[cfg(feature = "test-util")]
    pub fn apply(&self, index: LogIndex, batch: &raftgate_model::command::Batch) {
        let applied = raftgate_model::apply::apply(self, index, batch);
        self.commit(index, &applied.changes);
    }

    /// Publishes how far the view is, after everything of that entry is in it.
    pub(crate) fn publish(&self, index: LogIndex, queue_changed: bool) {
        let tables = self.tables.load();
        let mut config_revision = Revision::default();
        if let Some(meta) = tables.meta() {
            config_revision = meta.config_revision;
            self.newest_mark
                .store(meta.newest_mark.0, Ordering::Release);
            self.clock_ms.store(meta.clock.as_ms(), Ordering::Release);
        }
        self.applied.store(index.0, Ordering::Release);
        self.followers.send_modify(|mark| {
            mark.index = index;
            mark.config_revision = config_revision;
            mark.queue_changes = mark.queue_changes.saturating_add(u64::from(queue_changed));
        });
    }

    /// Replaces the whole state by one that was loaded, and publishes its index. Only one caller at a time.
    pub(crate) fn replace(&self, loaded: Loading, index: LogIndex) {
        let tables = loaded.tables;
        // A mark that is known too early costs a lookup; one that is known too late lets a revoked token pass.
        let marked = tables.meta().map_or(0, |meta| meta.newest_mark.0);
        self.newest_mark.fetch_max(marked, Ordering::AcqRel);
        self.tables.store(Arc::new(tables));
        self.publish(index, true);
    }

    /// Begins a walk over the present state; the caller keeps writers out until this returns.
    ///
    /// `None` while another walk is under way.
    pub(crate) fn walk(&self) -> Option<Walk> {
        Walk::begin(self.tables.load_full())
    }
}

impl ReadState for View {
    fn get(&self, key: &RecordKey) -> Option<Record> {
        self.tables.load().get(key)
    }

    fn first_queued(&self, api: &ApiId, from: u64) -> Option<u64> {
        self.tables.load().first_queued(api, from)
    }
}

/// A second state that is being loaded, seen by nobody yet.
pub(crate) struct Loading {
    tables: Tables,
}

impl Loading {
    /// An empty state with room for about so many grants.
    pub(crate) fn new(grants: usize) -> Self {
        let tables = Tables::new();
        tables.reserve(grants);
        Self { tables }
    }

    /// Puts a record.
    pub(crate) fn put(&self, key: &RecordKey, record: Record) {
        self.tables.load(key, record);
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
