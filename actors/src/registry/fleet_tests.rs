#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected must fail"
)]

use std::sync::mpsc;

use actix::Arbiter;
use parking_lot::Mutex;
use raftgate_model::id::{KeyId, OrgId};
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::{Secret, SecretBytes};
use raftgate_model::time::Timestamp;
use tokio::time::Instant;

use super::*;
use crate::api::SealedDefinitions;
use crate::compile::GatewayDefaults;
use crate::snapshot::{ApiCounters, gateway_tls};

const TIMEOUT: Duration = Duration::from_secs(600);
const APIS: usize = 4000;

fn keys() -> Arc<KeyRing> {
    Arc::new(KeyRing::new(
        KeyId(1),
        SecretBytes::new([1; 32]),
        SecretBytes::new([2; 32]),
    ))
}

fn sealed() -> SealedDefinitions {
    SealedDefinitions::new(keys(), GatewayDefaults::default())
}

fn health_checks() -> HealthChecks {
    HealthChecks::on(Arbiter::current(), gateway_tls().unwrap())
}

fn fleet(timeout: Duration) -> Fleet {
    Fleet::new(
        Arc::new(sealed()),
        health_checks(),
        timeout,
        &GatewaySnapshot::default(),
    )
}

fn record(number: usize) -> Arc<ApiRecord> {
    let id = format!("api{number}");
    let text = format!(
        r#"{{"api_id":"{id}","name":"{id}","active":true,"use_keyless":true,"proxy":{{"listen_path":"/{id}/","target_url":"http://up"}}}}"#
    );
    stored(&id, text, Revision(1))
}

fn stored(id: &str, text: String, revision: Revision) -> Arc<ApiRecord> {
    let owner = SecretOwner {
        kind: SecretKind::ApiDefinition,
        id,
    };
    let document = keys()
        .seal(KeyId(1), owner, [0; 12], &Secret::new(text))
        .unwrap();
    Arc::new(ApiRecord {
        id: ApiId::new(id).unwrap(),
        org: OrgId::default(),
        document,
        document_hash: [0; 32],
        routes: Arc::from([]),
        source: None,
        updated_at: Timestamp::ZERO,
        revision,
    })
}

#[actix::test]
async fn the_time_limit_is_that_of_one_api_however_many_wait() {
    let records: Vec<_> = (0..APIS).map(record).collect();
    let began = Instant::now();
    let mut unhurried = fleet(TIMEOUT);
    let round = unhurried.compile(records.clone()).await;
    assert_eq!(unhurried.settle(round), Settled::All);
    let all = began.elapsed();

    // Far more than any of them needs, far less than all need together.
    let mut fleet = fleet(all / 4);
    let round = fleet.compile(records).await;
    assert_eq!(fleet.settle(round), Settled::All);
    assert_eq!(fleet.newest().len(), APIS);
}

/// What a round brings in which nobody answers.
async fn unanswered(fleet: &mut Fleet, reason: Unanswered) -> Round {
    let mut round = fleet.compile(vec![record(1)]).await;
    for attempt in &mut round.0 {
        attempt.answer = Err(reason);
    }
    round
}

#[actix::test]
async fn who_was_too_late_is_degraded_and_asked_again() {
    let mut fleet = fleet(TIMEOUT);
    let round = unanswered(&mut fleet, Unanswered::Late).await;
    assert_eq!(fleet.settle(round), Settled::AskAgain);
    assert!(fleet.newest().is_empty() && fleet.older().is_empty());
    let degraded = fleet.degraded(&[]);
    let hindrances: Vec<_> = degraded.iter().map(|api| api.hindrance).collect();
    assert_eq!(hindrances, [Hindrance::Late]);

    let round = fleet.compile(vec![record(1)]).await;
    assert_eq!(fleet.settle(round), Settled::All);
    assert_eq!(fleet.newest().len(), 1);
    assert!(fleet.degraded(&[]).is_empty());

    let round = fleet.compile(vec![record(1)]).await;
    assert!(round.0.is_empty(), "it has answered for this revision");
}

#[actix::test]
async fn whoever_died_over_a_definition_does_not_come_by_itself() {
    let mut fleet = fleet(TIMEOUT);
    let round = unanswered(&mut fleet, Unanswered::Died).await;
    assert_eq!(fleet.settle(round), Settled::All);
    let degraded = fleet.degraded(&[]);
    let hindrances: Vec<_> = degraded.iter().map(|api| api.hindrance).collect();
    assert_eq!(hindrances, [Hindrance::Unservable]);
}

/// Definitions of which that of `api1`, and those of `late` ones, are compiled only when the test lets them.
struct Held {
    sealed: SealedDefinitions,
    release: Mutex<mpsc::Receiver<Release>>,
}

/// How the definition that was held goes on.
enum Release {
    Go,
    Panic,
}

impl Definitions for Held {
    fn compile(
        &self,
        record: &ApiRecord,
        counters: Arc<ApiCounters>,
    ) -> Result<Option<CompiledApi>, String> {
        let id = record.id.as_str();
        if id == "api1" || id.starts_with("late") {
            match self.release.lock().recv() {
                Ok(Release::Go) | Err(mpsc::RecvError) => {}
                Ok(Release::Panic) => panic!("as the test asked"),
            }
        }
        self.sealed.compile(record, counters)
    }
}

fn held(timeout: Duration) -> (Fleet, mpsc::SyncSender<Release>) {
    let (sender, release) = mpsc::sync_channel(2);
    let definitions = Held {
        sealed: sealed(),
        release: Mutex::new(release),
    };
    let fleet = Fleet::new(
        Arc::new(definitions),
        health_checks(),
        timeout,
        &GatewaySnapshot::default(),
    );
    (fleet, sender)
}

#[actix::test]
async fn a_definition_that_does_not_come_back_is_late_and_holds_no_other_up() {
    // Long enough for the one beside it on a busy machine.
    let (mut fleet, release) = held(Duration::from_secs(2));
    let round = fleet.compile(vec![record(1), record(2)]).await;
    assert_eq!(fleet.settle(round), Settled::AskAgain);
    let served: Vec<_> = fleet.newest().iter().map(|api| api.id.clone()).collect();
    assert_eq!(served, [record(2).id.clone()]);

    let again = fleet.question(record(1));
    assert_eq!(again.timeout, LATE_PATIENCE, "who was late before");
    drop(again);

    release.send(Release::Go).unwrap();
    loop {
        let round = fleet.compile(vec![record(1), record(2)]).await;
        if fleet.settle(round) == Settled::All {
            break;
        }
    }
    assert_eq!(fleet.newest().len(), 2);
}

#[actix::test]
async fn those_that_were_late_are_waited_for_together() {
    const LATE: usize = 40;
    let (mut fleet, release) = held(Duration::from_millis(1));
    let late: Vec<_> = (0..LATE)
        .map(|number| stored(&format!("late{number}"), "{}".to_owned(), Revision(1)))
        .collect();
    let round = fleet.compile(late.clone()).await;
    assert_eq!(fleet.settle(round), Settled::AskAgain);
    assert_eq!(fleet.late().len(), LATE);

    fleet.timeout = TIMEOUT;
    let began = Instant::now();
    let mut all = late.clone();
    all.push(record(2));
    let round = fleet.compile(all).await;
    let took = began.elapsed();
    assert!(took < LATE_PATIENCE * 10, "{took:?}");
    assert_eq!(fleet.settle(round), Settled::AskAgain);
    assert_eq!(fleet.newest().len(), 1, "the one that is new");

    // A round that asks none of them leaves them to be asked again.
    let round = fleet.compile(vec![record(3)]).await;
    assert_eq!(round.apis().count(), 1);
    assert_eq!(fleet.settle(round), Settled::AskAgain);
    drop(release);
    loop {
        let round = fleet.compile(late.clone()).await;
        if fleet.settle(round) == Settled::All {
            break;
        }
    }
}

#[actix::test]
async fn a_definition_over_which_compiling_panics_is_degraded_and_its_actor_lives_on() {
    let (mut fleet, release) = held(TIMEOUT);
    release.send(Release::Panic).unwrap();
    let round = fleet.compile(vec![record(1)]).await;
    assert_eq!(fleet.settle(round), Settled::All);
    let reasons: Vec<_> = fleet
        .degraded(&[])
        .iter()
        .map(|api| api.reason.to_string())
        .collect();
    assert_eq!(reasons, ["compiling the definition failed inside"]);

    release.send(Release::Go).unwrap();
    let mut next = ApiRecord::clone(&record(1));
    next.revision = Revision(2);
    let round = fleet.compile(vec![Arc::new(next)]).await;
    assert_eq!(fleet.settle(round), Settled::All);
    assert_eq!(fleet.newest().len(), 1);
}

#[actix::test]
async fn a_fleet_goes_on_from_what_the_one_before_had_in_force() {
    let mut first = fleet(TIMEOUT);
    let round = first.compile(vec![record(1), record(2)]).await;
    first.settle(round);
    let (snapshot, _) = GatewaySnapshot::build(first.newest(), []);

    let broken = stored("api1", "{}".to_owned(), Revision(2));
    let mut second = Fleet::new(Arc::new(sealed()), health_checks(), TIMEOUT, &snapshot);
    let round = second.compile(vec![broken]).await;
    assert_eq!(second.settle(round), Settled::All);
    let older: Vec<_> = second
        .older()
        .iter()
        .map(|api| (api.id.clone(), api.revision))
        .collect();
    assert_eq!(older, [(record(1).id.clone(), Revision(1))]);
    assert!(second.newest().is_empty(), "the other is gone");
}

#[test]
fn apis_with_equal_tls_share_it_and_a_changed_one_has_its_own() {
    let definitions = sealed();
    let tls = |id: &str, transport: &str| {
        let text = format!(
            r#"{{"api_id":"{id}","name":"{id}","active":true,"use_keyless":true,"proxy":{{"listen_path":"/{id}/","target_url":"https://up","transport":{transport}}}}}"#
        );
        let api = definitions.compile(&stored(id, text, Revision(1)), Arc::default());
        api.unwrap().unwrap().tls.unwrap()
    };
    let skipped = r#"{"ssl_insecure_skip_verify":true}"#;
    let (one, another) = (tls("a", skipped), tls("b", skipped));
    assert!(Arc::ptr_eq(&one.config, &another.config));
    let changed = tls(
        "b",
        r#"{"ssl_insecure_skip_verify":true,"ssl_min_version":772}"#,
    );
    assert!(!Arc::ptr_eq(&one.config, &changed.config));
    assert_ne!(one.identity, changed.identity);
    assert!(Arc::ptr_eq(&one.config, &tls("b", skipped).config));
}
