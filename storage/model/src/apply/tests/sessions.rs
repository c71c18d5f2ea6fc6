//! What makes the session of a token: `key_rules` with the client's metadata, or a policy of the API's organisation.

use std::sync::Arc;

use super::world::{World, client};
use crate::answer::{CodeFault, Issued, RefreshFault, Refusal};
use crate::command::{
    ClientUpdate, Command, IssueClientCredentials, IssueCode, IssueImplicit, PutPolicy, RedeemCode,
};
use crate::id::{GrantId, OrgId, PolicyId};
use crate::oauth::scope::Scope;
use crate::session::SessionRules;
use crate::state::record::{Grant, SessionSource};
use crate::time::Ttl;

const RULES: &str =
    r#"{"access_rights":{"orders":{}},"meta_data":{"key":"meta","foo":"keybar"},"alias":"who"}"#;

fn rules() -> Option<SessionSource> {
    let rules = SessionRules::from_json(RULES, false).unwrap();
    Some(SessionSource::Rules(Arc::new(rules)))
}

fn rules_of(grant: &Grant) -> &Arc<SessionRules> {
    match &grant.session {
        SessionSource::Rules(rules) => rules,
        SessionSource::Policy(id) => panic!("a session of policy {id}"),
    }
}

/// A code of the client `app`, whose registration carries this metadata.
fn code_with_rules(world: &mut World, meta_data: Option<&str>) -> crate::token::AuthCode {
    let mut new = client(&["orders"], "described", Some("gold"));
    new.text.meta_data = meta_data.map(Arc::from);
    world.done(Command::CreateClient(new));
    let issue = IssueCode {
        client: super::world::key("orders", "described"),
        session: rules(),
        ..world.issue_code()
    };
    world.code_from(issue)
}

#[test]
fn a_clients_metadata_is_in_every_session_that_key_rules_make_t8() {
    let mut world = World::new();
    let code = code_with_rules(&mut world, Some(r#"{"foo":"bar","client":"meta"}"#));
    let mut redeem = world.redeem(code);
    redeem.client = world.authenticated("described");
    let first = world.issued(Command::RedeemCode(redeem));
    let mut refresh = world.refresh(first.refresh.unwrap());
    refresh.client = world.authenticated("described");
    let before = world.grant(&first).unwrap();
    let second = world.issued(Command::Refresh(refresh));
    let expected: serde_json::Value =
        serde_json::json!({"foo": "keybar", "client": "meta", "key": "meta"});
    for grant in [before, world.grant(&second).unwrap()] {
        let rules = rules_of(&grant);
        assert_eq!(rules.meta_data(), expected.as_object());
        assert_eq!(rules.alias(), "who");
    }
}

#[test]
fn changed_metadata_is_in_the_next_token() {
    let mut world = World::new();
    let code = code_with_rules(&mut world, Some(r#"{"client":"old"}"#));
    let mut text = client(&["orders"], "described", Some("gold")).text;
    text.meta_data = Some(Arc::from(r#"{"client":"new"}"#));
    world.done(Command::UpdateClient(ClientUpdate {
        key: super::world::key("orders", "described"),
        text,
        expires_at: None,
    }));
    let mut redeem = world.redeem(code);
    redeem.client = world.authenticated("described");
    let issued = world.issued(Command::RedeemCode(redeem));
    let grant = world.grant(&issued).unwrap();
    let expected = serde_json::json!({"client": "new", "foo": "keybar", "key": "meta"});
    assert_eq!(rules_of(&grant).meta_data(), expected.as_object());
}

/// The implicit grant for `app`.
fn implicit(world: &mut World, session: Option<SessionSource>) -> Command {
    Command::IssueImplicit(IssueImplicit {
        grant: GrantId::from_bytes(world.fresh()),
        client: super::world::key("orders", "app"),
        session,
        scope: Scope::parse("read").unwrap(),
        lifetime: Ttl::from_s(60),
    })
}

#[test]
fn the_implicit_grant_yields_an_access_token_alone_t7_t10() {
    let mut world = World::new();
    for session in [None, rules()] {
        let command = implicit(&mut world, session.clone());
        let issued = world.issued(command);
        assert_eq!(issued.refresh, None);
        assert_eq!(issued.expires_at.since(issued.at), Ttl::from_s(60));
        let grant = world.grant(&issued).unwrap();
        assert_eq!((&grant.family, &grant.scope), (&None, &issued.scope));
        match session {
            Some(session) => assert_eq!(grant.session, session),
            None => assert_eq!(
                grant.session,
                SessionSource::Policy(PolicyId::new("gold").unwrap())
            ),
        }
    }
    assert!(world.notifications().is_empty());
    world.done(policy_of("others"));
    let command = implicit(&mut world, None);
    assert_eq!(world.refused(command), Refusal::NoSession);
    world.done(Command::DeleteApi(super::world::key("orders", "app").api));
    let command = implicit(&mut world, rules());
    assert_eq!(world.refused(command), Refusal::UnknownApi);
}

#[test]
fn rules_of_a_client_without_metadata_stay_as_they_were_given() {
    for meta_data in [None, Some("{}")] {
        let mut world = World::new();
        let code = code_with_rules(&mut world, meta_data);
        let mut redeem = world.redeem(code);
        redeem.client = world.authenticated("described");
        let issued = world.issued(Command::RedeemCode(redeem));
        let grant = world.grant(&issued).unwrap();
        assert_eq!(rules_of(&grant).as_str(), RULES);
    }
}

/// The exchange of a code whose rules end after so many seconds.
fn exchange_until(world: &mut World, seconds: u64) -> RedeemCode {
    let end = world.now.plus(Ttl::from_s(seconds)).as_unix_s();
    let text = format!(r#"{{"access_rights":{{"orders":{{}}}},"expires":{end}}}"#);
    let rules = SessionRules::from_json(&text, false).unwrap();
    let issue = IssueCode {
        session: Some(SessionSource::Rules(Arc::new(rules))),
        ..world.issue_code()
    };
    let code = world.code_from(issue);
    world.redeem(code)
}

/// Tokens of such a code.
fn tokens_until(world: &mut World, seconds: u64) -> Issued {
    let redeem = exchange_until(world, seconds);
    world.issued(Command::RedeemCode(redeem))
}

#[test]
fn a_code_is_not_exchanged_beyond_the_end_of_its_rules() {
    let mut world = World::new();
    let redeem = exchange_until(&mut world, 100);
    world.pass(100);
    assert_eq!(
        world.refused(Command::RedeemCode(redeem)),
        Refusal::Code(CodeFault::Expired)
    );
}

#[test]
fn a_session_whose_rules_end_is_not_refreshed_beyond_its_end() {
    let mut world = World::new();
    let first = tokens_until(&mut world, 100);
    assert_eq!(first.expires_at.since(first.at), Ttl::from_s(100));
    world.pass(60);
    let refresh = world.refresh(first.refresh.unwrap());
    let second = world.issued(Command::Refresh(refresh));
    assert_eq!(second.expires_at, first.expires_at);
    world.pass(40);
    let refresh = world.refresh(second.refresh.unwrap());
    assert_eq!(
        world.refused(Command::Refresh(refresh)),
        Refusal::Refresh(RefreshFault::Expired)
    );
}

#[test]
fn rules_whose_end_is_past_leave_it_to_the_api() {
    let mut world = World::new();
    let first = tokens_until(&mut world, 0);
    assert_eq!(first.expires_at.since(first.at), Ttl::from_s(3600));
    world.pass(4000);
    let refresh = world.refresh(first.refresh.unwrap());
    let second = world.issued(Command::Refresh(refresh));
    assert_eq!(second.expires_at.since(second.at), Ttl::from_s(3600));
}

fn policy_of(org: &str) -> Command {
    Command::PutPolicy(PutPolicy {
        id: PolicyId::new("gold").unwrap(),
        org: OrgId::new(org).unwrap(),
        document: "{}".into(),
        source: None,
    })
}

fn client_credentials(world: &mut World) -> Command {
    Command::IssueClientCredentials(IssueClientCredentials {
        client: world.authenticated("app"),
        grant: GrantId::from_bytes(world.fresh()),
        scope: None,
        lifetime: Ttl::from_s(3600),
    })
}

#[test]
fn a_policy_of_another_organisation_makes_no_session() {
    let mut world = World::new();
    let (code, tokens) = (world.code(), world.tokens());
    world.done(policy_of("others"));
    let commands = [
        client_credentials(&mut world),
        Command::IssueCode(world.issue_code()),
        Command::RedeemCode(world.redeem(code)),
        Command::Refresh(world.refresh(tokens.refresh.unwrap())),
    ];
    for command in commands.clone() {
        assert_eq!(world.refused(command), Refusal::NoSession);
    }
    // Nothing was burnt or revoked by it: the policy's return makes all of them good again.
    world.done(policy_of("default"));
    for command in commands {
        world.done(command);
    }
}

#[test]
fn rules_need_no_policy_of_any_organisation() {
    let mut world = World::new();
    world.done(policy_of("others"));
    let code = code_with_rules(&mut world, None);
    let mut redeem = world.redeem(code);
    redeem.client = world.authenticated("described");
    world.issued(Command::RedeemCode(redeem));
}
