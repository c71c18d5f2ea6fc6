//! Refresh families: one live generation, reuse ends the family.

use super::world::World;
use crate::answer::{RefreshFault, Refusal};
use crate::command::Command;
use crate::oauth::scope::Scope;
use crate::state::record::{NotificationKind, NotificationState};
use crate::state::{NotificationKey, ReadState, Record, RecordKey};

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap().unwrap()
}

#[test]
fn a_refresh_ends_the_old_access_token_d12() {
    let mut world = World::new();
    let first = world.tokens();
    let refresh = world.refresh(first.refresh.unwrap());
    let second = world.issued(Command::Refresh(refresh));
    assert!(world.grant(&first).is_none());
    assert!(world.grant(&second).is_some());
    assert_eq!(second.refresh.unwrap().generation, 1);
}

#[test]
fn an_old_refresh_token_ends_the_family_outside_the_window_d13() {
    let mut world = World::new();
    let first = world.tokens();
    let refresh = world.refresh(first.refresh.unwrap());
    let second = world.issued(Command::Refresh(refresh));
    world.pass(10);
    let replay = world.refresh(first.refresh.unwrap());
    let refusal = world.refused(Command::Refresh(replay));
    assert_eq!(refusal, Refusal::Refresh(RefreshFault::Reused));
    assert!(world.grant(&second).is_none());
    let next = world.refresh(second.refresh.unwrap());
    assert_eq!(
        world.refused(Command::Refresh(next)),
        Refusal::Refresh(RefreshFault::Unknown)
    );
}

#[test]
fn a_lost_answer_is_given_again_inside_the_window_d14() {
    let mut world = World::new();
    let first = world.tokens();
    let refresh = world.refresh(first.refresh.unwrap());
    let second = world.issued(Command::Refresh(refresh));
    world.pass(9);
    let retry = world.refresh(first.refresh.unwrap());
    let repeated = world.issued(Command::Refresh(retry));
    assert_eq!(
        (repeated.access, repeated.refresh),
        (second.access, second.refresh)
    );
}

#[test]
fn a_retry_is_none_once_the_successor_was_used() {
    let mut world = World::new();
    let first = world.tokens();
    let refresh = world.refresh(first.refresh.unwrap());
    let second = world.issued(Command::Refresh(refresh));
    let refresh = world.refresh(second.refresh.unwrap());
    world.issued(Command::Refresh(refresh));
    let retry = world.refresh(first.refresh.unwrap());
    assert_eq!(
        world.refused(Command::Refresh(retry)),
        Refusal::Refresh(RefreshFault::Reused)
    );
}

#[test]
fn a_public_client_has_no_window() {
    let mut world = World::new();
    let first = world.tokens();
    let refresh = world.refresh(first.refresh.unwrap());
    world.issued(Command::Refresh(refresh));
    let mut retry = world.refresh(first.refresh.unwrap());
    retry.retry_window = crate::time::Ttl::ZERO;
    assert_eq!(
        world.refused(Command::Refresh(retry)),
        Refusal::Refresh(RefreshFault::Reused)
    );
}

#[test]
fn reuse_is_told_to_the_resource_owners_application() {
    let mut world = World::new();
    let first = world.tokens();
    let refresh = world.refresh(first.refresh.unwrap());
    world.issued(Command::Refresh(refresh));
    world.pass(60);
    let mut replay = world.refresh(first.refresh.unwrap());
    replay.notify = World::terms();
    world.refused(Command::Refresh(replay));
    let key = NotificationKey {
        api: crate::id::ApiId::new("orders").unwrap(),
        sequence: 0,
    };
    let Some(Record::Notification(message)) = world.state.get(&RecordKey::Notification(key)) else {
        panic!("nothing was queued");
    };
    assert_eq!(message.kind, NotificationKind::Revoked);
    assert_eq!(message.old_refresh, first.refresh);
    assert!(message.access.is_none());
    assert!(matches!(message.state, NotificationState::Queued { .. }));
}

#[test]
fn a_scope_may_narrow_and_never_widen() {
    let mut world = World::new();
    let mut issue = world.issue_code();
    issue.scope = Some(scope("read write"));
    let code = world.code_from(issue);
    let redeem = world.redeem(code);
    let first = world.issued(Command::RedeemCode(redeem));
    assert_eq!(first.scope, Some(scope("read write")));

    let mut wider = world.refresh(first.refresh.unwrap());
    wider.scope = Some(scope("read admin"));
    assert_eq!(
        world.refused(Command::Refresh(wider)),
        Refusal::ScopeExceeded
    );

    let mut narrower = world.refresh(first.refresh.unwrap());
    narrower.scope = Some(scope("read"));
    let second = world.issued(Command::Refresh(narrower));
    assert_eq!(second.scope, Some(scope("read")));

    let full = world.refresh(second.refresh.unwrap());
    let third = world.issued(Command::Refresh(full));
    assert_eq!(
        third.scope,
        Some(scope("read write")),
        "narrowing is for one token only"
    );
}

#[test]
fn a_refresh_token_of_another_client_has_leaked_and_its_family_ends() {
    for presented_generation in [0, 1] {
        let mut world = World::new();
        let first = world.tokens();
        let refresh = world.refresh(first.refresh.unwrap());
        let second = world.issued(Command::Refresh(refresh));
        let mut token = second.refresh.unwrap();
        token.generation = presented_generation;
        for fault in [RefreshFault::OtherClient, RefreshFault::Unknown] {
            let mut stolen = world.refresh(token);
            stolen.client = world.authenticated("other");
            stolen.notify = World::terms();
            let refusal = world.refused(Command::Refresh(stolen));
            assert_eq!(refusal, Refusal::Refresh(fault));
        }
        assert!(world.grant(&second).is_none());
        let refresh = world.refresh(second.refresh.unwrap());
        assert_eq!(
            world.refused(Command::Refresh(refresh)),
            Refusal::Refresh(RefreshFault::Unknown)
        );
        let told = world.notifications();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].kind, NotificationKind::Revoked);
        assert_eq!(
            (told[0].old_refresh, told[0].client.as_str()),
            (Some(token), "app")
        );
    }
}

#[test]
fn a_refresh_token_expires() {
    let mut world = World::new();
    let first = world.tokens();
    world.pass(1_209_600);
    let refresh = world.refresh(first.refresh.unwrap());
    assert_eq!(
        world.refused(Command::Refresh(refresh)),
        Refusal::Refresh(RefreshFault::Expired)
    );
}

#[test]
fn a_generation_of_the_future_ends_nothing() {
    let mut world = World::new();
    let first = world.tokens();
    let mut token = first.refresh.unwrap();
    token.generation = 5;
    for (client, fault) in [
        ("app", RefreshFault::Unknown),
        ("other", RefreshFault::OtherClient),
    ] {
        let mut refresh = world.refresh(token);
        refresh.client = world.authenticated(client);
        let refusal = world.refused(Command::Refresh(refresh));
        assert_eq!(refusal, Refusal::Refresh(fault));
        assert!(world.grant(&first).is_some());
    }
}
