//! What was issued through one API comes to another: a mistake of a client of the same name, a theft by any other.

use super::world::{World, client, key, other_secret};
use crate::answer::{Answer, CodeFault, RefreshFault, Refusal};
use crate::command::{Command, NewClient};
use crate::state::record::ClientSecret;
use crate::state::{ReadState as _, RecordKey};

/// Longer than a code of this world lives, in seconds.
const CODE_LIFE_S: u64 = 251;

#[test]
fn a_refresh_token_at_another_api_of_its_client_changes_nothing() {
    let same = client(&["billing"], "app", None).secret;
    for (secret, fault) in [
        (same, RefreshFault::OtherApi),
        // Changed at one of its APIs, as a rotation does.
        (other_secret(), RefreshFault::OtherApi),
        (ClientSecret::Public, RefreshFault::OtherClient),
    ] {
        let mut world = World::new();
        world.app_at_billing(&secret);
        let first = world.tokens();
        let refresh = world.refresh(first.refresh.unwrap());
        let second = world.issued(Command::Refresh(refresh));
        for token in [first.refresh, second.refresh] {
            let mut astray = world.refresh(token.unwrap());
            astray.client = world.authenticated_at("billing", "app");
            let refusal = world.refused(Command::Refresh(astray));
            if refusal != Refusal::Refresh(fault) {
                assert_eq!(refusal, Refusal::Refresh(RefreshFault::Unknown));
            }
        }
        let lives = fault == RefreshFault::OtherApi;
        assert_eq!(world.grant(&second).is_some(), lives, "{fault:?}");
        let refresh = world.refresh(second.refresh.unwrap());
        let goes_on = world.run(Command::Refresh(refresh));
        assert_eq!(matches!(goes_on, Answer::Done(_)), lives, "{fault:?}");
    }
}

#[test]
fn a_code_at_another_api_of_its_client_changes_nothing() {
    let same = client(&["billing"], "app", None).secret;
    let secrets = [
        (same, CodeFault::OtherApi),
        (other_secret(), CodeFault::OtherApi),
        (ClientSecret::Public, CodeFault::OtherClient),
    ];
    for (secret, fault) in secrets {
        for used in [false, true] {
            let mut world = World::new();
            world.app_at_billing(&secret);
            let code = world.code();
            let mut redeem = world.redeem(code);
            let tokens = used.then(|| world.issued(Command::RedeemCode(redeem.clone())));
            let mut astray = world.redeem(code);
            astray.client = world.authenticated_at("billing", "app");
            let refusal = world.refused(Command::RedeemCode(astray));
            assert_eq!(refusal, Refusal::Code(fault));
            let lives = fault == CodeFault::OtherApi;
            if let Some(tokens) = tokens {
                assert_eq!(world.grant(&tokens).is_some(), lives);
            }
            redeem.grant = crate::id::GrantId::from_bytes(world.fresh());
            let rightful = world.run(Command::RedeemCode(redeem));
            assert_eq!(matches!(rightful, Answer::Done(_)), lives);
        }
    }
}

/// One that needs no secret is not ended by whoever needs one.
#[test]
fn what_a_public_client_was_issued_is_no_prey_of_a_confidential_one_of_its_name() {
    let public = |api: &str| NewClient {
        secret: ClientSecret::Public,
        ..client(&[api], "spa", Some("gold"))
    };
    let confidential = client(&["billing"], "spa", Some("gold"));
    for other in [confidential, public("billing")] {
        let mut world = World::new();
        world.app_at_billing(&other_secret());
        world.done(Command::CreateClient(public("orders")));
        world.done(Command::CreateClient(other));
        let mut issue = world.issue_code();
        issue.client = key("orders", "spa");
        let code = world.code_from(issue);
        let mut redeem = world.redeem(code);
        redeem.client = world.authenticated_at("orders", "spa");
        let tokens = world.issued(Command::RedeemCode(redeem.clone()));
        let mut astray = redeem;
        astray.client = world.authenticated_at("billing", "spa");
        let refusal = world.refused(Command::RedeemCode(astray));
        assert_eq!(refusal, Refusal::Code(CodeFault::OtherApi));
        assert!(world.grant(&tokens).is_some());
    }
}

#[test]
fn a_code_whose_time_is_over_changes_nothing_in_the_hands_of_another_client() {
    for used in [false, true] {
        let mut world = World::new();
        world.app_at_billing(&ClientSecret::Public);
        let code = world.code();
        let redeem = world.redeem(code);
        let tokens = used.then(|| world.issued(Command::RedeemCode(redeem)));
        let before = world.state.get(&RecordKey::Code(code.id));
        world.pass(CODE_LIFE_S);
        let mut astray = world.redeem(code);
        astray.client = world.authenticated_at("billing", "app");
        let refusal = world.refused(Command::RedeemCode(astray));
        assert_eq!(refusal, Refusal::Code(CodeFault::OtherClient));
        assert_eq!(world.state.get(&RecordKey::Code(code.id)), before);
        assert!(tokens.is_none_or(|tokens| world.grant(&tokens).is_some()));
    }
}
