//! Revocation and sweeping.

use super::world::{World, key};
use crate::answer::{CodeFault, Refusal, Reply};
use crate::command::{Command, Revoke, RevokeOwner, RevokeTarget, SweepItem};
use crate::state::{ReadState, Record, RecordKey, Subject};

fn owned(client: &str) -> RevokeOwner {
    RevokeOwner::Client(key("orders", client))
}

#[test]
fn a_revoked_access_token_is_gone_and_its_family_lives() {
    let mut world = World::new();
    let tokens = world.tokens();
    let revoke = Revoke {
        target: RevokeTarget::Access(tokens.access.id),
        owner: owned("app"),
    };
    assert_eq!(
        world.done(Command::Revoke(revoke)),
        Reply::Revoked { found: true }
    );
    assert!(world.grant(&tokens).is_none());
    let refresh = world.refresh(tokens.refresh.unwrap());
    world.issued(Command::Refresh(refresh));
}

#[test]
fn a_revoked_refresh_token_kills_its_access_token() {
    let mut world = World::new();
    let tokens = world.tokens();
    let family = tokens.refresh.unwrap().family;
    let revoke = Revoke {
        target: RevokeTarget::Refresh(family),
        owner: owned("app"),
    };
    assert_eq!(
        world.done(Command::Revoke(revoke)),
        Reply::Revoked { found: true }
    );
    assert!(world.grant(&tokens).is_none());
    let refresh = world.refresh(tokens.refresh.unwrap());
    assert!(matches!(
        world.refused(Command::Refresh(refresh)),
        Refusal::Refresh(_)
    ));
}

#[test]
fn another_clients_token_is_not_revoked() {
    let mut world = World::new();
    let tokens = world.tokens();
    let revoke = Revoke {
        target: RevokeTarget::Access(tokens.access.id),
        owner: owned("other"),
    };
    assert_eq!(world.refused(Command::Revoke(revoke)), Refusal::NotYours);
    assert!(world.grant(&tokens).is_some());
}

#[test]
fn a_refresh_token_that_is_ended_alone_leaves_its_access_token_t16() {
    let mut world = World::new();
    let code = world.code();
    let redeem = world.redeem(code);
    let tokens = world.issued(Command::RedeemCode(redeem.clone()));
    let revoke = Revoke {
        target: RevokeTarget::RefreshAlone(tokens.refresh.unwrap().family),
        owner: RevokeOwner::Api(key("orders", "app").api),
    };
    for found in [true, false] {
        let reply = world.done(Command::Revoke(revoke.clone()));
        assert_eq!(reply, Reply::Revoked { found });
    }
    assert!(world.grant(&tokens).is_some());
    let refresh = world.refresh(tokens.refresh.unwrap());
    assert!(matches!(
        world.refused(Command::Refresh(refresh)),
        Refusal::Refresh(_)
    ));
    // The code's second use ends what is left.
    world.pass(11);
    let refused = world.refused(Command::RedeemCode(redeem));
    assert_eq!(refused, Refusal::Code(CodeFault::Reused));
    assert!(world.grant(&tokens).is_none());
}

#[test]
fn an_operator_who_speaks_for_a_client_ends_its_tokens_at_the_apis_named() {
    let mut world = World::new();
    let tokens = world.tokens();
    let at = |client: &str, api: &str| RevokeOwner::ClientAt {
        client: key("orders", client).client,
        apis: [key(api, client).api].into(),
    };
    let revoke = |owner| {
        Command::Revoke(Revoke {
            target: RevokeTarget::Access(tokens.access.id),
            owner,
        })
    };
    for owner in [at("other", "orders"), at("app", "elsewhere")] {
        assert_eq!(world.refused(revoke(owner)), Refusal::NotYours);
        assert!(world.grant(&tokens).is_some());
    }
    world.done(revoke(at("app", "orders")));
    assert!(world.grant(&tokens).is_none());
}

#[test]
fn an_unknown_token_is_no_error_d21() {
    let mut world = World::new();
    let unknown = crate::id::GrantId::from_bytes([200; 16]);
    let revoke = Revoke {
        target: RevokeTarget::Access(unknown),
        owner: RevokeOwner::Anyone,
    };
    assert_eq!(
        world.done(Command::Revoke(revoke)),
        Reply::Revoked { found: false }
    );
}

#[test]
fn a_mark_ends_what_was_issued_before_it_and_nothing_after() {
    let mut world = World::new();
    let before = world.client_credentials();
    let grant = world.grant(&before).unwrap();
    world.done(Command::RevokeAll(Subject::Client(key("orders", "app"))));
    let after = world.client_credentials();
    let younger = world.grant(&after).unwrap();
    let Some(Record::Mark(mark)) = world
        .state
        .get(&RecordKey::Mark(Subject::Client(key("orders", "app"))))
    else {
        panic!("no mark");
    };
    assert!(grant.revision <= mark && younger.revision > mark);
}

#[test]
fn a_sweep_removes_only_what_is_long_over() {
    let mut world = World::new();
    let tokens = world.tokens();
    let item = SweepItem::Grant(tokens.access.id);
    world.pass(3600 + 59);
    assert_eq!(world.done(Command::Sweep(vec![item])), Reply::Swept(0));
    assert!(world.grant(&tokens).is_some());
    world.pass(1);
    assert_eq!(world.done(Command::Sweep(vec![item])), Reply::Swept(1));
    assert!(world.grant(&tokens).is_none());
}

#[test]
fn a_sweep_removes_what_a_mark_ended() {
    let mut world = World::new();
    let tokens = world.tokens();
    world.done(Command::RevokeAll(Subject::Everyone));
    let items = vec![
        SweepItem::Grant(tokens.access.id),
        SweepItem::Family(tokens.refresh.unwrap().family),
    ];
    assert_eq!(world.done(Command::Sweep(items)), Reply::Swept(2));
}
