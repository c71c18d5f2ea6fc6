use std::sync::Arc;

use super::world::{World, sealed};
use crate::admin_token::{ADMIN_TOKENS_MAX, AdminName, AdminRole};
use crate::answer::{Answer, Refusal, Reply};
use crate::command::{
    ApiKeyNaming, Command, NewAdminToken, PasswordChange, PutApiKey, Retention, SWEEP_GRACE,
    SweepItem, UpdateApiKey,
};
use crate::id::{ApiKeyId, OrgId, Revision};
use crate::keyring::PasswordHash;
use crate::seal::SecretVerifier;
use crate::session::SessionRules;
use crate::state::record::{ApiKeyName, ApiKeyRecord};
use crate::state::{ReadState, Record, RecordKey};
use crate::time::Ttl;

const ID: ApiKeyId = ApiKeyId::from_bytes([5; 16]);

fn put(naming: ApiKeyNaming) -> PutApiKey {
    let rules = SessionRules::from_json(r#"{"access_rights":{"orders":{}}}"#, false).unwrap();
    PutApiKey {
        id: ID,
        naming,
        org: OrgId::default(),
        session: Arc::new(rules),
        password: PasswordChange::Kept,
        expires_s: 0,
        first_lifetime: None,
        retention: Retention::Forever,
    }
}

fn custom() -> PutApiKey {
    put(ApiKeyNaming::Custom(sealed()))
}

impl World {
    fn api_key(&self) -> Option<Arc<ApiKeyRecord>> {
        match self.state.get(&RecordKey::ApiKey(ID)) {
            Some(Record::ApiKey(key)) => Some(key),
            _ => None,
        }
    }

    /// Seconds from now on, as a session says when it ends.
    fn in_s(&self, seconds: i64) -> i64 {
        i64::try_from(self.now.as_unix_s()).unwrap() + seconds
    }
}

#[test]
fn a_generated_key_is_derived_from_its_entry() {
    let mut world = World::new();
    let answer = world.run(Command::PutApiKey(put(ApiKeyNaming::Generated)));
    let Answer::Done(Reply::ApiKey {
        birth: Some(birth),
        existed: false,
    }) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(birth.index.0, world.index);
    assert_eq!(world.api_key().unwrap().name, ApiKeyName::Generated(birth));
    // What is put over it keeps its text.
    let replaced = world.run(Command::PutApiKey(put(ApiKeyNaming::Replaced)));
    assert_eq!(
        replaced,
        Answer::Done(Reply::ApiKey {
            birth: Some(birth),
            existed: true
        })
    );
}

#[test]
fn an_update_keeps_what_it_does_not_say_and_a_replacement_does_not() {
    let mut world = World::new();
    let mut first = custom();
    first.password = PasswordChange::Set(PasswordHash::of_nobody());
    first.expires_s = world.in_s(100);
    world.done(Command::PutApiKey(first.clone()));
    let made = world.api_key().unwrap();
    world.now = world.now.plus(Ttl::from_s(10));

    let mut update = put(ApiKeyNaming::Updated);
    update.expires_s = world.in_s(-1);
    world.done(Command::PutApiKey(update));
    let updated = world.api_key().unwrap();
    assert_eq!(updated.created_at, made.created_at);
    assert!(updated.updated_at > made.updated_at && updated.revision > made.revision);
    assert!(updated.is_user(), "the password stays");
    assert_eq!(
        updated.expires_s, first.expires_s,
        "a past end counts as not given"
    );

    let mut replaced = custom();
    replaced.password = PasswordChange::Set(PasswordHash::of_nobody());
    replaced.expires_s = world.in_s(-1);
    world.done(Command::PutApiKey(replaced));
    let replaced = world.api_key().unwrap();
    assert_eq!((replaced.created_at, replaced.expires_s), (world.now, 0));
}

#[test]
fn a_user_does_not_become_a_key_for_want_of_a_password() {
    let mut world = World::new();
    let mut user = custom();
    user.password = PasswordChange::Set(PasswordHash::of_nobody());
    user.retention = Retention::FromNow(Ttl::from_s(5));
    world.done(Command::PutApiKey(user.clone()));
    let made = world.api_key();
    for without in [custom(), put(ApiKeyNaming::Replaced)] {
        let answer = world.run(Command::PutApiKey(without));
        assert_eq!(answer, Answer::Refused(Refusal::PasswordMissing));
        assert_eq!(world.api_key(), made, "nothing changed");
    }
    let mut with = put(ApiKeyNaming::Replaced);
    with.password = user.password.clone();
    with.retention = user.retention;
    world.done(Command::PutApiKey(with));
    assert!(world.api_key().unwrap().is_user());
    // The name of one that is over is free, and a key becomes a user without more ado.
    world.now = world.now.plus(Ttl::from_s(5));
    world.done(Command::PutApiKey(custom()));
    assert!(!world.api_key().unwrap().is_user());
    world.done(Command::PutApiKey(user));
    assert!(world.api_key().unwrap().is_user());
}

#[test]
fn what_is_not_there_is_not_updated() {
    let mut world = World::new();
    for naming in [ApiKeyNaming::Updated, ApiKeyNaming::Replaced] {
        let answer = world.run(Command::PutApiKey(put(naming)));
        assert_eq!(answer, Answer::Refused(Refusal::UnknownApiKey));
    }
    let deleted = world.run(Command::DeleteApiKey(ID));
    assert_eq!(deleted, Answer::Done(Reply::Stored { existed: false }));
    world.done(Command::PutApiKey(custom()));
    let deleted = world.run(Command::DeleteApiKey(ID));
    assert_eq!(deleted, Answer::Done(Reply::Stored { existed: true }));
    assert!(world.api_key().is_none());
}

#[test]
fn an_update_of_what_was_read_is_refused_once_it_changed() {
    let update = |replaces| {
        let put = put(ApiKeyNaming::Updated);
        Command::UpdateApiKey(UpdateApiKey { put, replaces })
    };
    let mut world = World::new();
    assert_eq!(world.refused(update(Revision(0))), Refusal::UnknownApiKey);
    world.done(Command::PutApiKey(custom()));
    let read = world.api_key().unwrap().revision;
    world.done(update(read));
    let updated = world.api_key().unwrap();
    assert!(updated.revision > read);
    assert_eq!(world.refused(update(read)), Refusal::ApiKeyChanged);
    assert_eq!(world.api_key().unwrap(), updated);
    // Deleted and made again it is another one.
    world.done(Command::DeleteApiKey(ID));
    assert_eq!(
        world.refused(update(updated.revision)),
        Refusal::UnknownApiKey
    );
    world.done(Command::PutApiKey(custom()));
    assert_eq!(
        world.refused(update(updated.revision)),
        Refusal::ApiKeyChanged
    );
}

#[test]
fn the_lifetime_of_a_policy_counts_for_a_key_that_is_new() {
    let mut world = World::new();
    let mut key = custom();
    key.first_lifetime = Some(Ttl::from_s(60));
    key.expires_s = world.in_s(1000);
    world.done(Command::PutApiKey(key.clone()));
    assert_eq!(world.api_key().unwrap().expires_s, world.in_s(60));
    world.done(Command::PutApiKey(key));
    assert_eq!(world.api_key().unwrap().expires_s, world.in_s(1000));
}

#[test]
fn a_record_ends_as_its_retention_says() {
    let mut world = World::new();
    let later = |seconds| Some(seconds);
    for (retention, expires_in_s, ends_in_s) in [
        (Retention::Forever, Some(100), None),
        (
            Retention::AfterExpiry(Ttl::from_s(5)),
            Some(100),
            later(105),
        ),
        (Retention::AfterExpiry(Ttl::from_s(5)), None, None),
        (Retention::FromNow(Ttl::from_s(5)), Some(100), later(5)),
        (Retention::FromNow(Ttl::from_s(5)), None, later(5)),
        (
            Retention::FromNowOrExpiry(Ttl::from_s(5)),
            Some(100),
            later(100),
        ),
        (
            Retention::FromNowOrExpiry(Ttl::from_s(200)),
            Some(100),
            later(200),
        ),
        (Retention::FromNowOrExpiry(Ttl::from_s(5)), None, None),
    ] {
        let mut key = custom();
        key.retention = retention;
        key.expires_s = expires_in_s.map_or(-1, |seconds| world.in_s(seconds));
        world.done(Command::PutApiKey(key));
        let ends_at = ends_in_s.map(|seconds| world.now.plus(Ttl::from_s(seconds)));
        assert_eq!(world.api_key().unwrap().ends_at, ends_at, "{retention:?}");
    }
}

#[test]
fn a_key_that_is_over_is_as_if_it_had_never_been_and_is_swept() {
    let mut world = World::new();
    let mut key = custom();
    key.password = PasswordChange::Set(PasswordHash::of_nobody());
    key.retention = Retention::FromNow(Ttl::from_s(5));
    world.done(Command::PutApiKey(key));
    let items = vec![SweepItem::ApiKey(ID)];
    let early = world.run(Command::Sweep(items.clone()));
    assert_eq!(early, Answer::Done(Reply::Swept(0)));
    world.now = world.now.plus(Ttl::from_s(5));
    assert!(world.api_key().unwrap().is_gone(world.now));
    let update = world.run(Command::PutApiKey(put(ApiKeyNaming::Updated)));
    assert_eq!(update, Answer::Refused(Refusal::UnknownApiKey));
    world.now = world.now.plus(SWEEP_GRACE);
    let late = world.run(Command::Sweep(items));
    assert_eq!(late, Answer::Done(Reply::Swept(1)));
    assert!(world.api_key().is_none());
}

#[test]
fn a_session_that_is_over_is_told_from_one_without_an_end() {
    let mut world = World::new();
    for (expires_s, expired) in [
        (world.in_s(1), [false, true]),
        (0, [false, false]),
        (-1, [false, false]),
        (1, [true, true]),
    ] {
        let mut key = custom();
        key.expires_s = expires_s;
        world.done(Command::PutApiKey(key));
        let key = world.api_key().unwrap();
        let found = [0, 1].map(|s| key.is_expired(world.now.plus(Ttl::from_s(s))));
        assert_eq!(found, expired, "{expires_s}");
    }
}

#[test]
fn admin_tokens_have_names_of_their_own_and_are_bounded() {
    let mut world = World::new();
    let new = |name: &str| {
        Command::CreateAdminToken(NewAdminToken {
            name: AdminName::new(name).unwrap(),
            role: AdminRole::ReadOnly,
            verifier: SecretVerifier::from_bytes([1; 32]),
        })
    };
    world.done(new("a"));
    let again = world.run(new("a"));
    assert_eq!(again, Answer::Refused(Refusal::AdminTokenExists));
    for number in 1..ADMIN_TOKENS_MAX {
        world.done(new(&format!("n{number}")));
    }
    let more = world.run(new("more"));
    assert_eq!(more, Answer::Refused(Refusal::TooManyAdminTokens));
    let delete = Command::DeleteAdminToken(AdminName::new("a").unwrap());
    for existed in [true, false] {
        let deleted = world.run(delete.clone());
        assert_eq!(deleted, Answer::Done(Reply::Stored { existed }));
    }
    world.done(new("more"));
}
