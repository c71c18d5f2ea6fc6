#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use raftgate_model::id::{KeyId, OrgId};
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::{Secret, SecretBytes};
use raftgate_model::time::Timestamp;
use tokio::time::Instant;

use super::*;

const TIMEOUT: Duration = Duration::from_secs(600);
const APIS: usize = 4000;

fn keys() -> Arc<KeyRing> {
    Arc::new(KeyRing::new(
        KeyId(1),
        SecretBytes::new([1; 32]),
        SecretBytes::new([2; 32]),
    ))
}

fn fleet(timeout: Duration) -> Fleet {
    Fleet::new(keys(), GatewayDefaults::default(), timeout)
}

fn record(number: usize) -> Arc<ApiRecord> {
    let id = format!("api{number}");
    let text = format!(
        r#"{{"api_id":"{id}","name":"{id}","active":true,"use_keyless":true,"proxy":{{"listen_path":"/{id}/","target_url":"http://up"}}}}"#
    );
    let owner = SecretOwner {
        kind: SecretKind::ApiDefinition,
        id: &id,
    };
    let document = keys()
        .seal(KeyId(1), owner, [0; 12], &Secret::new(text))
        .unwrap();
    Arc::new(ApiRecord {
        id: ApiId::new(&id).unwrap(),
        org: OrgId::default(),
        document,
        document_hash: [0; 32],
        routes: Arc::from([]),
        source: None,
        updated_at: Timestamp::ZERO,
        revision: Revision(1),
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
    let mut fleet = fleet(all / 20);
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
