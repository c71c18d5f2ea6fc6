//! What listings and the sweep ask for, kept beside the records and built anew at every load.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use raftgate_model::id::{ApiId, ClientId, PolicyId, Revision};
use raftgate_model::state::{ClientKey, Record, RecordKey, SourcePath};

use super::api_keys::ApiKeys;
use super::holdings::{Holdings, Perishable, Place};
use super::queue::Queues;
use super::versions::Versions;

/// All indexes; changed by the one writer, read for short moments.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    pub(super) holdings: Holdings,
    pub(super) queues: Queues,
    pub(super) api_keys: ApiKeys,
    pub(super) apis: Versions<ApiId>,
    pub(super) policies: Versions<PolicyId>,
    sources: BTreeSet<SourcePath>,
    clients_of: BTreeMap<ApiId, BTreeSet<ClientId>>,
    apis_of: BTreeMap<ClientId, BTreeSet<ApiId>>,
}

impl Indexes {
    /// Takes note of a record that changed.
    pub(super) fn change(
        &mut self,
        key: &RecordKey,
        before: Option<&Record>,
        after: Option<&Record>,
    ) {
        match key {
            RecordKey::Api(id) => self.apis.set(id, after.and_then(version_of)),
            RecordKey::Policy(id) => self.policies.set(id, after.and_then(version_of)),
            RecordKey::Source(path) => set(&mut self.sources, path, after.is_some()),
            RecordKey::Client(client) => self.register(client, after.is_some()),
            RecordKey::Grant(_) | RecordKey::Code(_) | RecordKey::Family(_) => {
                if let Some((client, place)) = before.and_then(|record| place_of(key, record)) {
                    self.holdings.remove(client, place);
                }
                if let Some((client, place)) = after.and_then(|record| place_of(key, record)) {
                    self.holdings.add(client, place);
                }
            }
            RecordKey::ApiKey(id) => {
                if let Some(Record::ApiKey(key)) = before {
                    self.api_keys.remove(*id, key);
                }
                if let Some(Record::ApiKey(key)) = after {
                    self.api_keys.add(*id, key);
                }
            }
            RecordKey::Notification(place) => {
                if let Some(Record::Notification(message)) = before {
                    self.queues.remove(place, message);
                }
                if let Some(Record::Notification(message)) = after {
                    self.queues.add(place, message);
                }
            }
            RecordKey::Meta
            | RecordKey::Boot(_)
            | RecordKey::Route(_)
            | RecordKey::Mark(_)
            | RecordKey::Outbox(_)
            | RecordKey::AdminTokens => {}
        }
    }

    fn register(&mut self, key: &ClientKey, present: bool) {
        let clients = self.clients_of.entry(key.api.clone()).or_default();
        set(clients, &key.client, present);
        if clients.is_empty() {
            self.clients_of.remove(&key.api);
        }
        let apis = self.apis_of.entry(key.client.clone()).or_default();
        set(apis, &key.api, present);
        if apis.is_empty() {
            self.apis_of.remove(&key.client);
        }
    }

    pub(super) fn sources(&self, after: Option<&SourcePath>, limit: usize) -> Vec<SourcePath> {
        page(&self.sources, after, limit)
    }

    pub(super) fn clients_of(
        &self,
        api: &ApiId,
        after: Option<&ClientId>,
        limit: usize,
    ) -> Vec<ClientId> {
        let clients = self.clients_of.get(api);
        clients.map_or_else(Vec::new, |clients| page(clients, after, limit))
    }

    pub(super) fn apis_of(&self, client: &ClientId, limit: usize) -> Vec<ApiId> {
        let apis = self.apis_of.get(client);
        apis.map_or_else(Vec::new, |apis| page(apis, None, limit))
    }
}

/// The version of a configuration record.
fn version_of(record: &Record) -> Option<Revision> {
    match record {
        Record::Api(api) => Some(api.revision),
        Record::Policy(policy) => Some(policy.revision),
        _ => None,
    }
}

fn set<T: Ord + Clone>(all: &mut BTreeSet<T>, id: &T, present: bool) {
    if present {
        all.insert(id.clone());
    } else {
        all.remove(id);
    }
}

fn page<T: Ord + Clone>(all: &BTreeSet<T>, after: Option<&T>, limit: usize) -> Vec<T> {
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    let rest = all.range((start, Bound::Unbounded));
    rest.take(limit).cloned().collect()
}

/// Whose a record is, and where it stands among the client's.
fn place_of(key: &RecordKey, record: &Record) -> Option<(ClientKey, Place)> {
    let (api, client, at, what) = match (key, record) {
        (RecordKey::Grant(id), Record::Grant(grant)) => {
            let what = Perishable::Grant(*id);
            (&grant.api, &grant.client, grant.expires_at, what)
        }
        (RecordKey::Code(id), Record::Code(code)) => {
            let what = Perishable::Code(*id);
            (&code.api, &code.client, code.expires_at, what)
        }
        (RecordKey::Family(id), Record::Family(family)) => {
            let what = Perishable::Family(*id);
            (&family.api, &family.client, family.expires_at, what)
        }
        _ => return None,
    };
    let client = ClientKey {
        api: api.clone(),
        client: client.clone(),
    };
    Some((client, (at, what)))
}
