//! The password grant: the session, one access token per user and client, and users that changed meanwhile.

use std::sync::Arc;

use super::world::{World, client, key, sealed};
use crate::answer::{Issued, RefreshFault, Refusal};
use crate::command::{
    ApiKeyNaming, Command, IssuePassword, Lifetimes, PasswordChange, PutApiKey, Retention,
};
use crate::id::{ApiKeyId, FamilyId, GrantId, OrgId, Revision};
use crate::keyring::PasswordHash;
use crate::session::SessionRules;
use crate::state::record::{ApiKeyRecord, SessionSource};
use crate::state::{ReadState, Record, RecordKey};
use crate::time::Ttl;

const USER: ApiKeyId = ApiKeyId::from_bytes([5; 16]);

fn put(org: &str, expires_s: i64) -> PutApiKey {
    let session = r#"{"access_rights":{"orders":{}},"meta_data":{"of":"user"},"tags":["t"]}"#;
    PutApiKey {
        id: USER,
        naming: ApiKeyNaming::Custom(sealed()),
        org: OrgId::new(org).unwrap(),
        session: Arc::new(SessionRules::from_json(session, false).unwrap()),
        password: PasswordChange::Set(PasswordHash::of_nobody()),
        expires_s,
        first_lifetime: None,
        retention: Retention::Forever,
    }
}

fn user(world: &World) -> Arc<ApiKeyRecord> {
    match world.state.get(&RecordKey::ApiKey(USER)) {
        Some(Record::ApiKey(user)) => user,
        other => panic!("expected a user, got {other:?}"),
    }
}

/// A world with the user in it.
fn world() -> World {
    let mut world = World::new();
    world.done(Command::PutApiKey(put("default", 0)));
    world
}

fn login(world: &mut World, client: &str, user_revision: Revision) -> Command {
    Command::IssuePassword(IssuePassword {
        client: world.authenticated(client),
        user: USER,
        user_revision,
        grant: GrantId::from_bytes(world.fresh()),
        family: FamilyId::from_bytes(world.fresh()),
        scope: None,
        lifetimes: Lifetimes {
            access: Ttl::from_s(3600),
            refresh: Some(Ttl::from_s(10_000)),
        },
        notify: World::terms(),
    })
}

fn tokens(world: &mut World, client: &str) -> Issued {
    let revision = user(world).revision;
    let login = login(world, client, revision);
    world.issued(login)
}

#[test]
fn a_user_lends_its_session_and_the_application_is_told_d19() {
    let mut world = world();
    let issued = tokens(&mut world, "app");
    let grant = world.grant(&issued).unwrap();
    let SessionSource::Rules(rules) = &grant.session else {
        panic!("a session of rules");
    };
    assert!(rules.grants(&key("orders", "app").api).is_some());
    assert_eq!(
        (rules.meta_data(), rules.tags()),
        (None, &["t".to_owned()][..])
    );
    assert_eq!(world.notifications().len(), 1);
    let refresh = Command::Refresh(world.refresh(issued.refresh.unwrap()));
    world.issued(refresh);
}

#[test]
fn a_second_login_ends_the_first_access_token_and_no_refresh_token_d20() {
    let mut world = world();
    let others = tokens(&mut world, "other");
    let first = tokens(&mut world, "app");
    let revision = user(&world).revision;
    let second = tokens(&mut world, "app");
    assert_eq!(
        user(&world).revision,
        revision,
        "a login is no change of the user"
    );
    assert!(world.grant(&first).is_none());
    assert!(world.grant(&second).is_some() && world.grant(&others).is_some());
    // What the first one is refreshed to lives beside the second, until the next login ends what the second became.
    let refresh = Command::Refresh(world.refresh(first.refresh.unwrap()));
    let refreshed = world.issued(refresh);
    let refresh = Command::Refresh(world.refresh(second.refresh.unwrap()));
    let renewed = world.issued(refresh);
    let third = tokens(&mut world, "app");
    assert!(world.grant(&renewed).is_none());
    assert!(world.grant(&refreshed).is_some() && world.grant(&third).is_some());
}

#[test]
fn a_user_that_changed_since_the_check_gets_nothing() {
    let mut world = world();
    let revision = user(&world).revision;
    let early = login(&mut world, "app", revision);
    world.done(Command::PutApiKey(put("default", 0)));
    assert_eq!(world.refused(early), Refusal::UserChanged);
    let present = user(&world).revision;
    let late = login(&mut world, "app", present);
    world.done(Command::DeleteApiKey(USER));
    assert_eq!(world.refused(late), Refusal::UserChanged);
    world.done(Command::PutApiKey(put("others", 0)));
    let foreign = user(&world).revision;
    let foreign = login(&mut world, "app", foreign);
    assert_eq!(world.refused(foreign), Refusal::UserChanged);
}

/// The same user with this in its session.
fn changed(session: &str) -> PutApiKey {
    PutApiKey {
        naming: ApiKeyNaming::Updated,
        session: Arc::new(SessionRules::from_json(session, false).unwrap()),
        password: PasswordChange::Kept,
        ..put("default", 0)
    }
}

#[track_caller]
fn refreshed(world: &mut World, issued: &Issued) -> Issued {
    let refresh = Command::Refresh(world.refresh(issued.refresh.unwrap()));
    world.issued(refresh)
}

/// The refresh token yields nothing, and is gone with its access token from then on.
#[track_caller]
fn assert_ended(world: &mut World, issued: &Issued) {
    for _ in 0..2 {
        let refresh = Command::Refresh(world.refresh(issued.refresh.unwrap()));
        let unknown = Refusal::Refresh(RefreshFault::Unknown);
        assert_eq!(world.refused(refresh), unknown);
        let family = issued.refresh.unwrap().family;
        assert!(world.state.get(&RecordKey::Family(family)).is_none());
        assert!(world.grant(issued).is_none());
    }
}

#[test]
fn a_family_ends_with_its_user() {
    let active = r#"{"access_rights":{"orders":{}}}"#;
    let inactive = r#"{"access_rights":{"orders":{}},"is_inactive":true}"#;
    let mut world = world();
    let [off, lost, kept] = [(); 3].map(|()| tokens(&mut world, "app"));
    world.done(Command::PutApiKey(changed(inactive)));
    assert_ended(&mut world, &off);
    world.done(Command::PutApiKey(changed(active)));
    assert_ended(&mut world, &off);
    let lost = refreshed(&mut world, &lost);
    // A user that is replaced as a whole is the same; one that was deleted before is not, whatever its name.
    world.done(Command::PutApiKey(put("default", 0)));
    let kept = refreshed(&mut world, &kept);
    let kept = refreshed(&mut world, &kept);
    world.done(Command::DeleteApiKey(USER));
    assert_ended(&mut world, &kept);
    world.done(Command::PutApiKey(put("default", 0)));
    assert_ended(&mut world, &lost);
    let own = tokens(&mut world, "app");
    refreshed(&mut world, &own);
}

#[test]
fn a_family_ends_when_its_users_time_is_over() {
    let mut world = world();
    let issued = tokens(&mut world, "app");
    let ends = i64::try_from(world.now.as_unix_s()).unwrap() + 100;
    world.done(Command::PutApiKey(put("default", ends)));
    let issued = refreshed(&mut world, &issued);
    world.pass(100);
    assert_ended(&mut world, &issued);
}

#[test]
fn a_family_waits_while_its_users_organisation_is_another() {
    let mut world = world();
    let issued = tokens(&mut world, "app");
    world.done(Command::PutApiKey(put("others", 0)));
    let refresh = Command::Refresh(world.refresh(issued.refresh.unwrap()));
    let unknown = Refusal::Refresh(RefreshFault::Unknown);
    assert_eq!(world.refused(refresh), unknown);
    world.done(Command::PutApiKey(put("default", 0)));
    refreshed(&mut world, &issued);
}

#[test]
fn tokens_end_with_their_user_and_an_ended_user_gets_none() {
    let mut world = World::new();
    let ends = i64::try_from(world.now.as_unix_s()).unwrap() + 100;
    world.done(Command::PutApiKey(put("default", ends)));
    let issued = tokens(&mut world, "app");
    assert_eq!(issued.expires_at.since(issued.at), Ttl::from_s(100));
    world.pass(100);
    let revision = user(&world).revision;
    let login = login(&mut world, "app", revision);
    assert_eq!(world.refused(login), Refusal::UserChanged);
}

#[test]
fn the_clients_metadata_stands_in_for_the_users() {
    let mut world = world();
    let mut new = client(&["orders"], "described", None);
    new.text.meta_data = Some(r#"{"of":"client"}"#.into());
    world.done(Command::CreateClient(new));
    let issued = tokens(&mut world, "described");
    let grant = world.grant(&issued).unwrap();
    let SessionSource::Rules(rules) = &grant.session else {
        panic!("a session of rules");
    };
    let expected = serde_json::json!({"of": "client"});
    assert_eq!(rules.meta_data(), expected.as_object());
}

#[test]
fn a_user_who_is_switched_off_gets_nothing_and_loses_nothing() {
    let mut world = world();
    let issued = tokens(&mut world, "app");
    world.done(Command::PutApiKey(changed(
        r#"{"access_rights":{"orders":{}},"is_inactive":true}"#,
    )));
    let revision = user(&world).revision;
    let off = login(&mut world, "app", revision);
    assert_eq!(world.refused(off), Refusal::UserChanged);
    assert!(world.grant(&issued).is_some());
}
