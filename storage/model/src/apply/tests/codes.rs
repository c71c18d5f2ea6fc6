//! Codes: one distinct pair each, whoever repeats what.

use std::sync::Arc;

use super::world::World;
use crate::answer::{CodeFault, Refusal};
use crate::command::Command;
use crate::oauth::pkce::PkceChallenge;
use crate::session::SessionRules;
use crate::state::record::{CodeRedirect, NotificationKind, SessionSource};
use crate::state::{RecordKey, Subject};
use crate::time::Ttl;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[test]
fn a_code_yields_an_access_and_a_refresh_token() {
    let mut world = World::new();
    let issued = world.tokens();
    let grant = world.grant(&issued).unwrap();
    assert_eq!(issued.expires_at.since(issued.at).as_s(), 3600);
    assert_eq!(grant.birth.incarnation.0, 77);
    assert_eq!(
        grant.birth.index.0, world.index,
        "the token names the entry that issued it"
    );
    assert_eq!(issued.refresh.unwrap().generation, 0);
}

#[test]
fn no_refresh_token_when_the_api_issues_none_d15() {
    let mut world = World::new();
    let code = world.code();
    let mut redeem = world.redeem(code);
    redeem.lifetimes.refresh = None;
    let issued = world.issued(Command::RedeemCode(redeem.clone()));
    assert!(issued.refresh.is_none());
    assert!(world.state.get_family(redeem.family).is_none());
}

#[test]
fn a_repeated_exchange_inside_the_window_gets_the_same_tokens() {
    let mut world = World::new();
    let code = world.code();
    let first = world.redeem(code);
    let tokens = world.issued(Command::RedeemCode(first));
    world.pass(9);
    let again = world.redeem(code);
    let repeated = world.issued(Command::RedeemCode(again));
    assert_eq!(repeated.access, tokens.access);
    assert_eq!(repeated.refresh, tokens.refresh);
    assert_eq!(
        repeated.expires_at.since(repeated.at).as_s(),
        3591,
        "what is left, not 3600"
    );
}

#[test]
fn a_repeated_exchange_after_the_window_revokes_what_the_first_yielded_d7() {
    let mut world = World::new();
    let code = world.code();
    let first = world.redeem(code);
    let tokens = world.issued(Command::RedeemCode(first));
    world.pass(10);
    let again = world.redeem(code);
    assert_eq!(
        world.refused(Command::RedeemCode(again)),
        Refusal::Code(CodeFault::Reused)
    );
    assert!(world.grant(&tokens).is_none());
    let refresh = world.refresh(tokens.refresh.unwrap());
    assert!(matches!(
        world.refused(Command::Refresh(refresh)),
        Refusal::Refresh(_)
    ));
}

#[test]
fn a_different_request_inside_the_window_is_no_retry() {
    let mut world = World::new();
    let code = world.code();
    let mut issue = world.redeem(code);
    issue.redirect_uri = Some("https://app.example/cb".into());
    let tokens = world.issued(Command::RedeemCode(issue));
    let mut again = world.redeem(code);
    again.verifier = Some(PkceChallenge::of_verifier(VERIFIER).unwrap());
    assert_eq!(
        world.refused(Command::RedeemCode(again)),
        Refusal::Code(CodeFault::Reused)
    );
    assert!(world.grant(&tokens).is_none());
}

#[test]
fn no_second_answer_once_the_family_moved_on() {
    let mut world = World::new();
    let code = world.code();
    let first = world.redeem(code);
    let tokens = world.issued(Command::RedeemCode(first));
    let refresh = world.refresh(tokens.refresh.unwrap());
    let rotated = world.issued(Command::Refresh(refresh));
    let again = world.redeem(code);
    assert_eq!(
        world.refused(Command::RedeemCode(again)),
        Refusal::Code(CodeFault::Reused)
    );
    assert!(world.grant(&rotated).is_none(), "the family is revoked");
}

#[test]
fn two_exchanges_in_one_entry_yield_one_pair_d8() {
    let mut world = World::new();
    let code = world.code();
    let (one, two) = (world.redeem(code), world.redeem(code));
    let answers = world
        .batch(vec![Command::RedeemCode(one), Command::RedeemCode(two)])
        .answers;
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn another_client_burns_the_code_d9() {
    let mut world = World::new();
    let code = world.code();
    let mut stolen = world.redeem(code);
    stolen.client = world.authenticated("other");
    assert_eq!(
        world.refused(Command::RedeemCode(stolen)),
        Refusal::Code(CodeFault::OtherClient)
    );
    let rightful = world.redeem(code);
    assert_eq!(
        world.refused(Command::RedeemCode(rightful)),
        Refusal::Code(CodeFault::Reused)
    );
}

#[test]
fn another_client_with_a_used_code_ends_what_it_yielded() {
    for (refreshes, rotated) in [(true, false), (true, true), (false, false)] {
        let mut world = World::new();
        let code = world.code();
        let mut redeem = world.redeem(code);
        if !refreshes {
            redeem.lifetimes.refresh = None;
        }
        let mut tokens = world.issued(Command::RedeemCode(redeem));
        if rotated {
            let refresh = world.refresh(tokens.refresh.unwrap());
            tokens = world.issued(Command::Refresh(refresh));
        }
        for _ in 0..2 {
            let mut stolen = world.redeem(code);
            stolen.client = world.authenticated("other");
            stolen.notify = World::terms();
            assert_eq!(
                world.refused(Command::RedeemCode(stolen)),
                Refusal::Code(CodeFault::OtherClient)
            );
        }
        assert!(world.grant(&tokens).is_none());
        let told = world.notifications();
        assert_eq!(told.len(), 1, "told once, while there was something to end");
        assert_eq!(told[0].kind, NotificationKind::Revoked);
        assert_eq!((told[0].code, told[0].client.as_str()), (Some(code), "app"));
    }
}

#[test]
fn what_had_ended_before_is_not_told_again() {
    let marked = |world: &mut World| {
        let app = super::world::key("orders", "app");
        world.done(Command::RevokeAll(Subject::Client(app)));
    };
    let expired = |world: &mut World| world.pass(60);
    for end in [&marked as &dyn Fn(&mut World), &expired] {
        for refreshes in [true, false] {
            let mut world = World::new();
            let code = world.code();
            let mut redeem = world.redeem(code);
            redeem.lifetimes.access = Ttl::from_s(60);
            redeem.lifetimes.refresh = refreshes.then_some(Ttl::from_s(60));
            world.issued(Command::RedeemCode(redeem));
            end(&mut world);
            for client in ["other", "app"] {
                let mut again = world.redeem(code);
                again.client = world.authenticated(client);
                again.notify = World::terms();
                world.refused(Command::RedeemCode(again));
            }
            assert_eq!(world.notifications().len(), 0);
        }
    }
}

#[test]
fn a_reused_code_is_told_to_the_resource_owners_application_once() {
    let mut world = World::new();
    let code = world.code();
    let redeem = world.redeem(code);
    world.issued(Command::RedeemCode(redeem));
    world.pass(10);
    for _ in 0..2 {
        let mut again = world.redeem(code);
        again.notify = World::terms();
        world.refused(Command::RedeemCode(again));
    }
    assert_eq!(world.notifications().len(), 1);
}

#[test]
fn a_wrong_redirect_uri_is_refused_and_burns_nothing_d10() {
    let mut world = World::new();
    let code = world.code();
    for wrong in [None, Some("https://app.example/other".into())] {
        let mut redeem = world.redeem(code);
        redeem.redirect_uri = wrong;
        let refusal = world.refused(Command::RedeemCode(redeem));
        assert_eq!(refusal, Refusal::Code(CodeFault::RedirectMismatch));
    }
    let redeem = world.redeem(code);
    world.issued(Command::RedeemCode(redeem));
}

#[test]
fn no_redirect_uri_is_needed_when_none_was_sent_but_a_wrong_one_is_refused() {
    let mut world = World::new();
    for presented in [None, Some("https://app.example/cb".into())] {
        let mut issue = world.issue_code();
        issue.redirect = CodeRedirect::Registered("https://app.example/cb".into());
        let code = world.code_from(issue);
        let mut foreign = world.redeem(code);
        foreign.redirect_uri = Some("http://evil/".into());
        let refusal = world.refused(Command::RedeemCode(foreign));
        assert_eq!(refusal, Refusal::Code(CodeFault::RedirectMismatch));
        let mut redeem = world.redeem(code);
        redeem.redirect_uri = presented;
        world.issued(Command::RedeemCode(redeem));
    }
}

#[test]
fn a_code_lives_250_seconds_d11() {
    let mut world = World::new();
    let (early, late) = (world.code(), world.code());
    world.pass(249);
    let redeem = world.redeem(early);
    world.issued(Command::RedeemCode(redeem));
    world.pass(1);
    let redeem = world.redeem(late);
    assert_eq!(
        world.refused(Command::RedeemCode(redeem)),
        Refusal::Code(CodeFault::Expired)
    );
}

#[test]
fn pkce_decides_rfc7636() {
    let challenge = PkceChallenge::of_verifier(VERIFIER).unwrap();
    let other = PkceChallenge::of_verifier(&"x".repeat(43)).unwrap();
    let cases = [
        (Some(challenge), Some(challenge), None),
        (
            Some(challenge),
            Some(other),
            Some(CodeFault::ChallengeMismatch),
        ),
        (Some(challenge), None, Some(CodeFault::ChallengeMismatch)),
        (
            None,
            Some(challenge),
            Some(CodeFault::VerifierWithoutChallenge),
        ),
        (None, None, None),
    ];
    for (bound, presented, fault) in cases {
        let mut world = World::new();
        let mut issue = world.issue_code();
        issue.challenge = bound;
        let code = world.code_from(issue);
        let mut redeem = world.redeem(code);
        redeem.verifier = presented;
        match fault {
            None => drop(world.issued(Command::RedeemCode(redeem))),
            Some(fault) => {
                assert_eq!(
                    world.refused(Command::RedeemCode(redeem)),
                    Refusal::Code(fault)
                );
            }
        }
    }
}

#[test]
fn revoking_the_client_ends_its_codes() {
    let mut world = World::new();
    let code = world.code();
    world.done(Command::RevokeAll(Subject::Client(super::world::key(
        "orders", "app",
    ))));
    let redeem = world.redeem(code);
    assert_eq!(
        world.refused(Command::RedeemCode(redeem)),
        Refusal::Code(CodeFault::Unknown)
    );
}

#[test]
fn changed_credentials_refuse_what_was_checked_before_them() {
    let mut world = World::new();
    let code = world.code();
    let mut redeem = world.redeem(code);
    redeem.client.credentials_revision = crate::id::Revision(0);
    assert_eq!(
        world.refused(Command::RedeemCode(redeem)),
        Refusal::CredentialsChanged
    );
}

#[test]
fn a_deleted_policy_makes_no_session() {
    let mut world = World::new();
    let code = world.code();
    world.done(Command::DeletePolicy(
        crate::id::PolicyId::new("gold").unwrap(),
    ));
    let redeem = world.redeem(code);
    assert_eq!(
        world.refused(Command::RedeemCode(redeem)),
        Refusal::NoSession
    );
    let issue = world.issue_code();
    assert_eq!(world.refused(Command::IssueCode(issue)), Refusal::NoSession);
}

#[test]
fn key_rules_whose_policy_is_not_there_make_no_session() {
    let mut world = World::new();
    for (named, there) in [
        (r#"{"apply_policies": ["nope"]}"#, false),
        (r#"{"apply_policy_id": "nope"}"#, false),
        (r#"{"apply_policies": ["gold"]}"#, true),
    ] {
        let rules = SessionRules::from_json(named, false).unwrap();
        let mut issue = world.issue_code();
        issue.session = Some(SessionSource::Rules(Arc::new(rules)));
        if !there {
            assert_eq!(world.refused(Command::IssueCode(issue)), Refusal::NoSession);
            continue;
        }
        let (early, late) = (issue.clone(), {
            issue.id = crate::id::CodeId::from_bytes(world.fresh());
            issue
        });
        let code = world.code_from(early);
        let redeem = world.redeem(code);
        let tokens = world.issued(Command::RedeemCode(redeem));
        let code = world.code_from(late);
        world.done(Command::DeletePolicy(
            crate::id::PolicyId::new("gold").unwrap(),
        ));
        let redeem = world.redeem(code);
        assert_eq!(
            world.refused(Command::RedeemCode(redeem)),
            Refusal::NoSession
        );
        let refresh = world.refresh(tokens.refresh.unwrap());
        assert_eq!(world.refused(Command::Refresh(refresh)), Refusal::NoSession);
    }
}

trait FamilyOf {
    fn get_family(&self, id: crate::id::FamilyId) -> Option<crate::state::Record>;
}

impl FamilyOf for crate::state::MemoryState {
    fn get_family(&self, id: crate::id::FamilyId) -> Option<crate::state::Record> {
        crate::state::ReadState::get(self, &RecordKey::Family(id))
    }
}
