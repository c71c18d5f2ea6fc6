//! What was issued through one API comes to another: a mistake of the same client, a theft by any other.

use super::world::{World, client, other_secret};
use crate::answer::{Answer, CodeFault, RefreshFault, Refusal};
use crate::command::Command;
use crate::state::record::ClientSecret;

#[test]
fn a_refresh_token_at_another_api_of_its_client_changes_nothing() {
    let same = client(&["billing"], "app", None).secret;
    for (secret, fault) in [
        (same, RefreshFault::OtherApi),
        (other_secret(), RefreshFault::OtherClient),
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
    for (secret, used) in [
        (&same, false),
        (&same, true),
        (&other_secret(), false),
        (&other_secret(), true),
    ] {
        let mut world = World::new();
        world.app_at_billing(secret);
        let code = world.code();
        let mut redeem = world.redeem(code);
        let tokens = used.then(|| world.issued(Command::RedeemCode(redeem.clone())));
        let mut astray = world.redeem(code);
        astray.client = world.authenticated_at("billing", "app");
        let is_same = *secret == same;
        let fault = match is_same {
            true => CodeFault::OtherApi,
            false => CodeFault::OtherClient,
        };
        let refusal = world.refused(Command::RedeemCode(astray));
        assert_eq!(refusal, Refusal::Code(fault));
        if let Some(tokens) = tokens {
            assert_eq!(world.grant(&tokens).is_some(), is_same);
        }
        redeem.grant = crate::id::GrantId::from_bytes(world.fresh());
        let rightful = world.run(Command::RedeemCode(redeem));
        assert_eq!(matches!(rightful, Answer::Done(_)), is_same);
    }
}
