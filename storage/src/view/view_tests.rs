#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use raftgate_model::apply::apply;
use raftgate_model::command::{Batch, Command, Origin, Request, SweepItem};
use raftgate_model::id::{BootId, NodeId};
use raftgate_model::state::record::NotificationState;
use raftgate_model::state::{MemoryState, Subject};
use raftgate_model::testing::Scenario;

use super::*;

fn records_of(mut walk: Walk) -> BTreeMap<RecordKey, Record> {
    std::iter::from_fn(|| walk.next_part()).flatten().collect()
}

fn expected(state: &MemoryState) -> BTreeMap<RecordKey, Record> {
    let records = state.iter();
    records.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// A scenario and a view that went along with it.
fn run(seed: u64, batches: usize) -> (Scenario, View) {
    let mut scenario = Scenario::new(seed);
    let view = View::default();
    for _ in 0..batches {
        step(&mut scenario, &view);
    }
    (scenario, view)
}

fn step(scenario: &mut Scenario, view: &View) {
    let (batch, applied) = scenario.next_batch();
    let own = apply(view, scenario.index(), &batch);
    assert_eq!(own, applied);
    view.commit(scenario.index(), &own.changes);
}

fn check_indexes(state: &MemoryState, view: &View) {
    let mut apis = Vec::new();
    let mut policies = Vec::new();
    let mut clients = Vec::new();
    let mut grants: BTreeMap<ClientKey, BTreeSet<(Timestamp, GrantId)>> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    let mut waiting = BTreeSet::new();
    for (key, record) in state.iter() {
        match (key, record) {
            (RecordKey::Api(id), _) => apis.push(id.clone()),
            (RecordKey::Policy(id), _) => policies.push(id.clone()),
            (RecordKey::Client(key), _) => clients.push(key.clone()),
            (RecordKey::Grant(id), Record::Grant(grant)) => {
                let of_client = grants.entry(grant.client_key()).or_default();
                of_client.insert((grant.expires_at, *id));
                ended.insert((grant.expires_at, key.clone()));
            }
            (RecordKey::Code(_), Record::Code(code)) => {
                ended.insert((code.expires_at, key.clone()));
            }
            (RecordKey::Family(_), Record::Family(family)) => {
                ended.insert((family.expires_at, key.clone()));
            }
            (RecordKey::Notification(key), Record::Notification(message)) => {
                assert_eq!(view.find_notification(&message.id), Some(key.clone()));
                if let NotificationState::Queued { next_attempt_at } = message.state {
                    waiting.insert((key.api.clone(), next_attempt_at, key.sequence));
                }
            }
            _ => {}
        }
    }
    assert_eq!(view.apis(None, 100), apis);
    assert_eq!(view.policies(None, 100), policies);
    let listed: Vec<ClientKey> = apis_with_clients(&clients)
        .iter()
        .flat_map(|api| view.clients_of(api, None, 100))
        .map(|client| ClientKey {
            api: client.api.clone(),
            client: client.id.clone(),
        })
        .collect();
    assert_eq!(listed, clients);
    for key in &clients {
        assert!(view.apis_of(&key.client, 100).contains(&key.api));
    }
    for (client, expected) in &grants {
        let listed: Vec<_> = paged_grants(view, client);
        assert_eq!(listed, expected.iter().copied().collect::<Vec<_>>());
    }
    let now = view.clock();
    let due: BTreeSet<_> = view.due(now, 10_000).into_iter().map(key_of).collect();
    for (at, key) in ended {
        assert!(at > now || due.contains(&key), "{key:?} ended at {at:?}");
    }
    check_queues(state, view, &waiting);
    check_versions(state, view);
}

/// Compares what changed since each revision with the versions of the records themselves.
fn check_versions(state: &MemoryState, view: &View) {
    let mut apis: BTreeMap<ApiId, Revision> = BTreeMap::new();
    let mut policies: BTreeMap<PolicyId, Revision> = BTreeMap::new();
    for (_, record) in state.iter() {
        match record {
            Record::Api(api) => drop(apis.insert(api.id.clone(), api.revision)),
            Record::Policy(policy) => drop(policies.insert(policy.id.clone(), policy.revision)),
            _ => {}
        }
    }
    let newest = view.meta().revision.0;
    for after in std::iter::once(None).chain((0..=newest).map(|at| Some(Revision(at)))) {
        check_since(&apis, &view.apis_since(after), after);
        check_since(&policies, &view.policies_since(after), after);
    }
}

fn check_since<K: Ord + Clone + std::fmt::Debug>(
    versions: &BTreeMap<K, Revision>,
    told: &Changed<K>,
    after: Option<Revision>,
) {
    let newer = versions
        .iter()
        .filter(|(_, version)| Some(**version) > after);
    let expected: BTreeSet<_> = newer.map(|(id, version)| (*version, id.clone())).collect();
    let of_told = told.ids.iter().map(|id| (versions[id], id.clone()));
    let told_ages: Vec<_> = told.ids.iter().map(|id| versions[id]).collect();
    assert!(told_ages.is_sorted(), "{told:?}");
    assert_eq!(of_told.collect::<BTreeSet<_>>(), expected);
    assert_eq!(told.ids.len(), expected.len(), "nobody is told twice");
    assert_eq!(told.count, versions.len());
    assert_eq!(told.newest, versions.values().copied().max().max(after));
}

/// Compares the queues of notifications with those that wait, by API, time and sequence.
fn check_queues(state: &MemoryState, view: &View, waiting: &BTreeSet<(ApiId, Timestamp, u64)>) {
    let mut due = Vec::new();
    for api in view.apis_with_notifications_due(Timestamp::MAX) {
        let mut after = None;
        while let Some(place) = view
            .notifications_due(&api, Timestamp::MAX, after, 1)
            .first()
        {
            due.push((api.clone(), place.0, place.1));
            after = Some(*place);
        }
    }
    assert_eq!(due, waiting.iter().cloned().collect::<Vec<_>>());
    for (api, _, sequence) in waiting {
        for from in [0, *sequence, sequence + 1] {
            let expected = state.first_queued(api, from);
            assert_eq!(view.first_queued(api, from), expected);
        }
    }
    let times = waiting.iter().map(|(_, at, _)| *at);
    let now = view.clock();
    assert_eq!(
        view.next_notification_after(now),
        times.filter(|at| *at > now).min()
    );
    let mut all: BTreeMap<(ApiId, u64), Timestamp> = BTreeMap::new();
    for (key, record) in state.iter() {
        if let (RecordKey::Notification(key), Record::Notification(message)) = (key, record) {
            all.insert((key.api.clone(), key.sequence), message.created_at);
        }
    }
    let waits = |(api, _, sequence): &(ApiId, Timestamp, u64)| all[&(api.clone(), *sequence)];
    let totals = NotificationTotals {
        queued: waiting.len(),
        failed: all.len() - waiting.len(),
        oldest_queued_at: waiting.iter().map(waits).min(),
    };
    assert_eq!(view.notification_totals(), totals);
    let listed: Vec<_> = view
        .apis(None, 100)
        .iter()
        .flat_map(|api| view.notifications(api, NotificationFilter::All, None, 1000))
        .map(|(key, _)| (key.api, key.sequence))
        .collect();
    let of_present_apis = all.keys().filter(|(api, _)| view.api(api).is_some());
    assert_eq!(listed, of_present_apis.cloned().collect::<Vec<_>>());
}

fn apis_with_clients(clients: &[ClientKey]) -> BTreeSet<ApiId> {
    clients.iter().map(|key| key.api.clone()).collect()
}

fn paged_grants(view: &View, client: &ClientKey) -> Vec<(Timestamp, GrantId)> {
    let mut all = Vec::new();
    loop {
        let page = view.grants_of(client, all.last().copied(), 3);
        if page.is_empty() {
            return all;
        }
        assert!(page.len() <= 3);
        all.extend(page.into_iter().map(|(id, grant)| (grant.expires_at, id)));
    }
}

fn key_of(item: SweepItem) -> RecordKey {
    match item {
        SweepItem::Grant(id) => RecordKey::Grant(id),
        SweepItem::Code(id) => RecordKey::Code(id),
        SweepItem::Family(id) => RecordKey::Family(id),
        SweepItem::ApiKey(id) => RecordKey::ApiKey(id),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_view_goes_where_the_reference_goes(seed: u64) {
        let (scenario, view) = run(seed, 150);
        prop_assert_eq!(records_of(view.walk().unwrap()), expected(scenario.state()));
        prop_assert_eq!(view.applied(), scenario.index());
        prop_assert_eq!(view.subscribe().borrow().index, scenario.index());
        check_indexes(scenario.state(), &view);
    }

    #[test]
    fn a_loaded_view_is_the_one_that_was_walked(seed: u64) {
        let (scenario, view) = run(seed, 100);
        let loading = Loading::new(10);
        for (key, record) in records_of(view.walk().unwrap()) {
            loading.put(&key, record);
        }
        let loaded = View::default();
        loaded.replace(loading, scenario.index());
        prop_assert_eq!(records_of(loaded.walk().unwrap()), expected(scenario.state()));
        prop_assert_eq!(loaded.newest_mark(), view.newest_mark());
        prop_assert_eq!(loaded.clock(), view.clock());
        check_indexes(scenario.state(), &loaded);
    }

    #[test]
    fn a_walk_is_one_point_in_time_while_entries_are_applied(seed: u64, before in 1_usize..60) {
        let (mut scenario, view) = run(seed, before);
        let then = expected(scenario.state());
        let mut walk = view.walk().unwrap();
        let mut walked = BTreeMap::new();
        while let Some(part) = walk.next_part() {
            walked.extend(part);
            if walked.len() % 3 == 0 && scenario.index().0 < 120 {
                step(&mut scenario, &view);
            }
        }
        prop_assert_eq!(walked, then);
        drop(walk);
        prop_assert_eq!(records_of(view.walk().unwrap()), expected(scenario.state()));
    }

    #[test]
    fn what_a_mark_ended_is_found_and_swept(seed: u64, subject in 0_u8..3) {
        let (mut scenario, view) = run(seed, 120);
        let client = view.clients_of(&ApiId::new("api-0").unwrap(), None, 1);
        let subject = match (subject, client.first()) {
            (0, _) => Subject::Everyone,
            (1, Some(client)) => Subject::Client(ClientKey {
                api: client.api.clone(),
                client: client.id.clone(),
            }),
            _ => Subject::Api(ApiId::new("api-0").unwrap()),
        };
        let mut index = scenario.index().0;
        let mut propose = |command| {
            index += 1;
            let batch = Batch {
                stamp: view.clock(),
                origins: vec![Origin { node: NodeId(9), boot: BootId(index), done_below: 0 }],
                requests: vec![Request { origin: 0, sequence: 1, command }],
            };
            let applied = apply(&view, LogIndex(index), &batch);
            view.commit(LogIndex(index), &applied.changes);
        };
        propose(Command::RevokeAll(subject));
        // Everything that had ended by time is out of the way, so that only marks are at work.
        let long_ago = Timestamp::ZERO;
        let mut idle = 0;
        while idle < 20 {
            let found = view.due(long_ago, 5);
            prop_assert!(found.len() <= 5);
            idle = if found.is_empty() { idle + 1 } else { 0 };
            propose(Command::Sweep(found));
        }
        for (key, record) in records_of(view.walk().unwrap()) {
            let holder = match record {
                Record::Grant(grant) => Some((grant.client_key(), grant.revision)),
                _ => None,
            };
            if let Some((client, revision)) = holder {
                prop_assert!(!view.revoked_since(&client, revision), "{key:?} is left");
            }
        }
        scenario.next_batch();
    }
}

#[test]
fn followers_hear_of_each_entry_and_of_its_kind() {
    let (mut scenario, view) = run(1, 1);
    let mut follower = view.subscribe();
    let mut queue_changes = follower.borrow_and_update().queue_changes;
    for _ in 0..60 {
        let (batch, _) = scenario.next_batch();
        let own = apply(&view, scenario.index(), &batch);
        view.commit(scenario.index(), &own.changes);
        assert!(follower.has_changed().unwrap());
        let mark = *follower.borrow_and_update();
        assert_eq!(mark.index, scenario.index());
        assert_eq!(mark.config_revision, view.meta().config_revision);
        let queued = own
            .changes
            .iter()
            .any(|change| matches!(change.key, RecordKey::Notification(_)));
        queue_changes += u64::from(queued);
        assert_eq!(mark.queue_changes, queue_changes);
    }
    assert!(queue_changes > 0);
}

#[test]
fn loaded_grants_share_their_texts() {
    let (_, view) = run(4, 150);
    let loading = Loading::new(0);
    for (key, record) in records_of(view.walk().unwrap()) {
        let bytes = crate::codec::encode_record(&record).unwrap();
        loading.put(&key, crate::codec::decode_record(&key, &bytes).unwrap());
    }
    let loaded = View::default();
    loaded.replace(loading, LogIndex(150));
    let mut copies: BTreeMap<String, BTreeSet<*const u8>> = BTreeMap::new();
    for (_, record) in records_of(loaded.walk().unwrap()) {
        if let Record::Grant(grant) = record {
            let texts = [grant.api.as_str(), grant.client.as_str()];
            for text in texts
                .into_iter()
                .chain(grant.scope.as_ref().map(|s| s.as_str()))
            {
                copies
                    .entry(text.to_owned())
                    .or_default()
                    .insert(text.as_ptr());
            }
        }
    }
    assert!(copies.len() > 4, "{copies:?}");
    assert!(
        copies.values().all(|copies| copies.len() == 1),
        "{copies:?}"
    );
}
