//! Changing a registration: what it says, its secret, and what becomes of its tokens.

use std::sync::Arc;

use super::world::{World, client, key};
use crate::answer::{RefreshFault, Refusal, Reply};
use crate::command::{ClientUpdate, Command, IssueClientCredentials, NewSecret};
use crate::id::{GrantId, OrgId, PolicyId};
use crate::seal::SecretVerifier;
use crate::state::record::{ClientRecord, ClientSecret, ClientText};
use crate::state::{ClientKey, ReadState, RecordKey, Subject};
use crate::time::Ttl;

fn update_of(key: ClientKey, policy: Option<&str>) -> ClientUpdate {
    ClientUpdate {
        key,
        text: ClientText {
            redirect_uri: "".into(),
            policy: policy.map(|id| PolicyId::new(id).unwrap()),
            meta_data: None,
            description: "changed".into(),
        },
        expires_at: None,
    }
}

fn secret_of(byte: u8) -> ClientSecret {
    ClientSecret::Confidential {
        verifier: SecretVerifier::from_bytes([byte; 32]),
        sealed: None,
    }
}

fn client_of(world: &mut World, command: Command) -> Arc<ClientRecord> {
    match world.done(command) {
        Reply::Clients(clients) => Arc::clone(clients.first().unwrap()),
        other => panic!("expected a client, got {other:?}"),
    }
}

fn put_policy(world: &mut World, id: &str) {
    world.done(Command::PutPolicy(crate::command::PutPolicy {
        id: PolicyId::new(id).unwrap(),
        org: OrgId::default(),
        document: "{}".into(),
        source: None,
    }));
}

#[test]
fn an_update_replaces_everything_but_the_secret_t36_to_t38() {
    let mut world = World::new();
    let before = world.authenticated("app");
    let update = update_of(key("orders", "app"), Some("gold"));
    let changed = client_of(&mut world, Command::UpdateClient(update.clone()));
    assert_eq!(changed.text, update.text);
    assert_eq!(changed.secret, secret_of(7));
    assert_eq!(
        world.authenticated("app"),
        before,
        "the secret is as good as before"
    );
}

#[test]
fn another_policy_ends_the_tokens_and_the_same_one_does_not_d32() {
    let mut world = World::new();
    put_policy(&mut world, "silver");
    let tokens = world.tokens();
    for (policy, ends) in [(Some("gold"), false), (Some("silver"), true)] {
        world.done(Command::UpdateClient(update_of(
            key("orders", "app"),
            policy,
        )));
        let refresh = Command::Refresh(world.refresh(tokens.refresh.unwrap()));
        if ends {
            assert_eq!(
                world.refused(refresh),
                Refusal::Refresh(RefreshFault::Unknown)
            );
        } else {
            world.issued(refresh);
        }
    }
    // One that had none before loses nothing by getting one, and one that loses its policy loses its tokens.
    world.done(Command::CreateClient(client(&["orders"], "bare", None)));
    let bare = key("orders", "bare");
    let marked = |world: &World| {
        let mark = RecordKey::Mark(Subject::Client(bare.clone()));
        world.state.get(&mark).is_some()
    };
    world.done(Command::UpdateClient(update_of(bare.clone(), Some("gold"))));
    assert!(!marked(&world));
    world.done(Command::UpdateClient(update_of(bare.clone(), None)));
    assert!(marked(&world));
}

#[test]
fn a_new_secret_ends_the_old_one_and_no_token_t39() {
    let mut world = World::new();
    let tokens = world.tokens();
    let old = world.authenticated("app");
    let rotate = Command::RotateClientSecret(NewSecret {
        key: key("orders", "app"),
        secret: secret_of(8),
    });
    assert_eq!(client_of(&mut world, rotate).secret, secret_of(8));
    let issue = Command::IssueClientCredentials(IssueClientCredentials {
        client: old,
        grant: GrantId::from_bytes(world.fresh()),
        scope: None,
        lifetime: Ttl::from_s(60),
    });
    assert_eq!(world.refused(issue), Refusal::CredentialsChanged);
    let refresh = Command::Refresh(world.refresh(tokens.refresh.unwrap()));
    world.issued(refresh);
}

#[test]
fn who_is_not_registered_cannot_be_changed_and_who_has_no_secret_gets_none() {
    let mut world = World::new();
    let nobody = key("orders", "nobody");
    let update = Command::UpdateClient(update_of(nobody.clone(), None));
    assert_eq!(world.refused(update), Refusal::UnknownClient);
    let rotate = |key| {
        Command::RotateClientSecret(NewSecret {
            key,
            secret: secret_of(8),
        })
    };
    assert_eq!(world.refused(rotate(nobody)), Refusal::UnknownClient);
    let mut public = client(&["orders"], "public", Some("gold"));
    public.secret = ClientSecret::Public;
    world.done(Command::CreateClient(public));
    let rotate = rotate(key("orders", "public"));
    assert_eq!(world.refused(rotate), Refusal::PublicClient);
}
