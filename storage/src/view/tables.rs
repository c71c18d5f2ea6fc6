//! The records themselves: big tables for what tokens refer to, one for the rest, and their indexes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, RwLock};
use raftgate_model::id::{ApiId, ApiKeyId, CodeId, FamilyId, GrantId, Revision};
use raftgate_model::state::record::{ApiKeyRecord, Code, Family, Grant, Meta};
use raftgate_model::state::{Change, ClientKey, ReadState, Record, RecordKey, Subject};

use super::indexes::Indexes;
use super::killed::Killed;
use super::pool::Pool;
use super::shards::Sharded;

/// Parts of a big table: with a million entries each part holds about 2,000, copied in some 40 us by a walk.
const BIG_PARTS: usize = 512;
/// Parts of the table of everything else.
const REST_PARTS: usize = 64;

/// One state in memory. A snapshot that is installed makes a second one, which then takes the first one's place.
pub(super) struct Tables {
    meta: ArcSwapOption<Meta>,
    pub(super) grants: Sharded<GrantId, Arc<Grant>>,
    pub(super) codes: Sharded<CodeId, Arc<Code>>,
    pub(super) families: Sharded<FamilyId, Arc<Family>>,
    pub(super) api_keys: Sharded<ApiKeyId, Arc<ApiKeyRecord>>,
    rest: Sharded<RecordKey, Record>,
    pub(super) indexes: RwLock<Indexes>,
    pub(super) killed: Mutex<Killed>,
    pool: Mutex<Pool>,
    /// Whether a walk is under way.
    walked: AtomicBool,
}

impl Tables {
    pub(super) fn new() -> Self {
        Self {
            meta: ArcSwapOption::empty(),
            grants: Sharded::new(BIG_PARTS),
            codes: Sharded::new(BIG_PARTS),
            families: Sharded::new(BIG_PARTS),
            api_keys: Sharded::new(BIG_PARTS),
            rest: Sharded::new(REST_PARTS),
            indexes: RwLock::default(),
            killed: Mutex::default(),
            pool: Mutex::default(),
            walked: AtomicBool::new(false),
        }
    }

    pub(super) fn meta(&self) -> Option<Arc<Meta>> {
        self.meta.load_full()
    }

    /// Carries out what `apply` decided: records first, so that an index never names one that is not there yet.
    pub(super) fn commit(&self, changes: &[Change]) {
        let mut pool = self.pool.lock();
        for change in changes {
            self.set(&mut pool, &change.key, change.after.clone());
        }
        drop(pool);
        let mut indexes = self.indexes.write();
        for change in changes {
            indexes.change(&change.key, change.before.as_ref(), change.after.as_ref());
        }
        drop(indexes);
        for change in changes {
            self.note_mark(&change.key);
        }
    }

    /// Puts a record that a loader read; the texts in it become shared ones.
    pub(super) fn load(&self, key: &RecordKey, record: Record) {
        let mut pool = self.pool.lock();
        let record = match record {
            Record::Family(family) => {
                let mut family = Arc::unwrap_or_clone(family);
                pool.share_family(&mut family);
                Record::Family(Arc::new(family))
            }
            Record::Code(code) => {
                let mut code = Arc::unwrap_or_clone(code);
                pool.share_code(&mut code);
                Record::Code(Arc::new(code))
            }
            Record::Grant(grant) => Record::Grant(pool.share_grant(grant)),
            other => other,
        };
        self.indexes.write().change(key, None, Some(&record));
        self.set(&mut pool, key, Some(record));
        drop(pool);
        self.note_mark(key);
    }

    /// Makes room for so many grants.
    pub(super) fn reserve(&self, grants: usize) {
        self.grants.reserve(grants);
    }

    fn set(&self, pool: &mut Pool, key: &RecordKey, record: Option<Record>) {
        match (key, record) {
            (RecordKey::Grant(id), Some(Record::Grant(grant))) => {
                self.grants.set(*id, Some(pool.share_grant(grant)));
            }
            (RecordKey::Grant(id), _) => self.grants.set(*id, None),
            (RecordKey::Code(id), Some(Record::Code(code))) => self.codes.set(*id, Some(code)),
            (RecordKey::Code(id), _) => self.codes.set(*id, None),
            (RecordKey::Family(id), Some(Record::Family(family))) => {
                self.families.set(*id, Some(family));
            }
            (RecordKey::Family(id), _) => self.families.set(*id, None),
            (RecordKey::ApiKey(id), Some(Record::ApiKey(record))) => {
                self.api_keys.set(*id, Some(record));
            }
            (RecordKey::ApiKey(id), _) => self.api_keys.set(*id, None),
            (RecordKey::Meta, Some(Record::Meta(meta))) => self.meta.store(Some(meta)),
            (RecordKey::Meta, _) => self.meta.store(None),
            (key, record) => self.rest.set(key.clone(), record),
        }
    }

    fn note_mark(&self, key: &RecordKey) {
        if let RecordKey::Mark(subject) = key {
            self.killed.lock().marked(subject);
        }
    }

    /// Whether a mark revoked what was issued to a client at a revision; looks at the marks themselves.
    pub(super) fn is_marked(&self, client: &ClientKey, issued: Revision) -> bool {
        [
            Subject::Everyone,
            Subject::Api(client.api.clone()),
            Subject::Client(client.clone()),
        ]
        .into_iter()
        .any(|subject| match self.rest.get(&RecordKey::Mark(subject)) {
            Some(Record::Mark(revision)) => issued <= revision,
            _ => false,
        })
    }
}

impl ReadState for Tables {
    fn get(&self, key: &RecordKey) -> Option<Record> {
        match key {
            RecordKey::Meta => self.meta().map(Record::Meta),
            RecordKey::Grant(id) => self.grants.get(id).map(Record::Grant),
            RecordKey::Code(id) => self.codes.get(id).map(Record::Code),
            RecordKey::Family(id) => self.families.get(id).map(Record::Family),
            RecordKey::ApiKey(id) => self.api_keys.get(id).map(Record::ApiKey),
            other => self.rest.get(other),
        }
    }

    fn first_queued(&self, api: &ApiId, from: u64) -> Option<u64> {
        self.indexes.read().queues.first_queued(api, from)
    }
}

/// A walk over all records as they were when it began, in parts, while the state goes on.
pub(crate) struct Walk {
    tables: Arc<Tables>,
    meta: Option<Arc<Meta>>,
    next: usize,
}

impl Walk {
    /// Begins a walk if there is no other; the caller sees to it that nobody writes at this moment.
    pub(super) fn begin(tables: Arc<Tables>) -> Option<Self> {
        if tables.walked.swap(true, Ordering::AcqRel) {
            return None;
        }
        tables.grants.begin_walk();
        tables.codes.begin_walk();
        tables.families.begin_walk();
        tables.api_keys.begin_walk();
        tables.rest.begin_walk();
        let meta = tables.meta();
        Some(Self {
            tables,
            meta,
            next: 0,
        })
    }

    /// How many parts the walk has in all, for progress.
    pub(crate) fn parts(&self) -> usize {
        1 + REST_PARTS + 4 * BIG_PARTS
    }

    /// The records of the next part; some parts are empty.
    pub(crate) fn next_part(&mut self) -> Option<Vec<(RecordKey, Record)>> {
        let part = self.next;
        self.next = part.saturating_add(1);
        let tables = &self.tables;
        match part {
            0 => {
                let meta = self.meta.take().map(Record::Meta);
                return Some(
                    meta.map(|meta| (RecordKey::Meta, meta))
                        .into_iter()
                        .collect(),
                );
            }
            1..=REST_PARTS => return Some(tables.rest.walk(part - 1)),
            _ => {}
        }
        let part = part - 1 - REST_PARTS;
        let within = part % BIG_PARTS;
        match part / BIG_PARTS {
            0 => Some(keyed(
                tables.codes.walk(within),
                RecordKey::Code,
                Record::Code,
            )),
            1 => Some(keyed(
                tables.families.walk(within),
                RecordKey::Family,
                Record::Family,
            )),
            2 => Some(keyed(
                tables.grants.walk(within),
                RecordKey::Grant,
                Record::Grant,
            )),
            3 => Some(keyed(
                tables.api_keys.walk(within),
                RecordKey::ApiKey,
                Record::ApiKey,
            )),
            _ => None,
        }
    }
}

fn keyed<K, V>(
    entries: Vec<(K, V)>,
    key: fn(K) -> RecordKey,
    record: fn(V) -> Record,
) -> Vec<(RecordKey, Record)> {
    let entries = entries.into_iter();
    entries.map(|(k, v)| (key(k), record(v))).collect()
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.tables.grants.end_walk();
        self.tables.codes.end_walk();
        self.tables.families.end_walk();
        self.tables.api_keys.end_walk();
        self.tables.rest.end_walk();
        self.tables.walked.store(false, Ordering::Release);
    }
}
