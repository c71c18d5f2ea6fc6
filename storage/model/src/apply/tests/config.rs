//! APIs, policies, clients and definition files.

use super::world::{World, api, client, key};
use crate::answer::{Refusal, Reply};
use crate::command::{Command, PutApi, SecretOrigin, SourceMark, UpdateApi};
use crate::id::{ApiId, Revision};
use crate::seal::SecretVerifier;
use crate::state::record::ClientSecret;
use crate::state::{ReadState, Record, RecordKey, SourcePath};

#[test]
fn a_listen_path_belongs_to_one_api() {
    let mut world = World::new();
    let taken = Refusal::ListenPathTaken(ApiId::new("orders").unwrap());
    assert_eq!(
        world.refused(Command::PutApi(api("rival", "/orders"))),
        taken
    );
    world.done(Command::DeleteApi(ApiId::new("orders").unwrap()));
    world.done(Command::PutApi(api("rival", "/orders")));
}

#[test]
fn a_changed_listen_path_frees_the_old_one() {
    let mut world = World::new();
    let mut moved = api("orders", "/moved");
    moved.document_hash = [99; 32];
    assert_eq!(
        world.done(Command::PutApi(moved)),
        Reply::Stored { existed: true }
    );
    world.done(Command::PutApi(api("rival", "/orders")));
}

#[test]
fn an_update_of_an_api_that_was_read_is_refused_once_it_changed() {
    let update = |hash: u8, replaces| {
        let mut put = api("orders", "/orders");
        put.document_hash = [hash; 32];
        Command::UpdateApi(UpdateApi { put, replaces })
    };
    let revision = |world: &World| {
        let id = ApiId::new("orders").unwrap();
        match world.state.get(&RecordKey::Api(id)) {
            Some(Record::Api(api)) => api.revision,
            _ => Revision::default(),
        }
    };
    let mut world = World::new();
    let read = revision(&world);
    assert_eq!(
        world.done(update(50, read)),
        Reply::Stored { existed: true }
    );
    let updated = revision(&world);
    assert!(updated > read);
    assert_eq!(world.refused(update(51, read)), Refusal::ApiChanged);
    assert_eq!(revision(&world), updated);
    // Deleted it is no API any more, and made again it is another one.
    world.done(Command::DeleteApi(ApiId::new("orders").unwrap()));
    assert_eq!(world.refused(update(51, updated)), Refusal::ApiChanged);
    world.done(Command::PutApi(api("orders", "/orders")));
    assert_eq!(world.refused(update(51, updated)), Refusal::ApiChanged);
}

/// Who has which listen path.
pub(super) fn owner(world: &World, path: &str) -> Option<String> {
    let route = api("x", path).routes.remove(0);
    match world.state.get(&RecordKey::Route(route)) {
        Some(Record::Route(owner)) => Some(owner.to_string()),
        _ => None,
    }
}

pub(super) fn changed(id: &str, path: &str, hash: u8) -> PutApi {
    let mut put = api(id, path);
    put.document_hash = [hash; 32];
    put
}

#[test]
fn apis_of_one_command_exchange_their_listen_paths() {
    let mut world = World::new();
    world.done(Command::PutApi(api("b", "/b")));
    world.done(Command::PutApi(api("c", "/c")));
    for (paths, hash) in [(["/b", "/c", "/orders"], 1), (["/c", "/orders", "/b"], 2)] {
        let ids = ["orders", "b", "c"];
        let puts = ids
            .iter()
            .zip(paths)
            .map(|(id, path)| changed(id, path, hash));
        world.done(Command::PutApis(puts.collect()));
        for (id, path) in ids.into_iter().zip(paths) {
            assert_eq!(owner(&world, path).as_deref(), Some(id));
        }
    }
    // One at a time none of it is possible.
    let taken = Refusal::ListenPathTaken(ApiId::new("b").unwrap());
    assert_eq!(
        world.refused(Command::PutApi(changed("c", "/orders", 3))),
        taken
    );
}

#[test]
fn a_set_that_does_not_fit_as_a_whole_changes_nothing() {
    let mut world = World::new();
    world.done(Command::PutApi(api("b", "/b")));
    world.done(Command::PutApi(api("c", "/c")));
    for (puts, rival) in [
        (vec![changed("orders", "/b", 1), changed("b", "/c", 1)], "c"),
        (
            vec![changed("orders", "/new", 1), changed("b", "/new", 1)],
            "orders",
        ),
    ] {
        let taken = Refusal::ListenPathTaken(ApiId::new(rival).unwrap());
        assert_eq!(world.refused(Command::PutApis(puts)), taken);
        assert_eq!(owner(&world, "/orders").as_deref(), Some("orders"));
        assert_eq!(owner(&world, "/b").as_deref(), Some("b"));
        assert_eq!(owner(&world, "/new"), None);
    }
    let none = world.done(Command::PutApis(Vec::new()));
    assert_eq!(none, Reply::Stored { existed: false });
}

#[test]
fn what_is_unchanged_in_a_set_keeps_its_listen_path() {
    let mut world = World::new();
    let puts = vec![api("orders", "/orders"), changed("b", "/b", 1)];
    world.done(Command::PutApis(puts.clone()));
    world.done(Command::PutApis(puts));
    for (id, path) in [("orders", "/orders"), ("b", "/b")] {
        assert_eq!(owner(&world, path).as_deref(), Some(id));
    }
}

#[test]
fn files_that_exchange_their_apis_exchange_them_in_one_command() {
    let mut world = World::new();
    let put = |id, path, file, hash| match from_file(id, path, file, hash) {
        Command::PutApi(put) => put,
        _ => unreachable!(),
    };
    world.done(from_file("one", "/one", "a.json", 1));
    world.done(from_file("two", "/two", "b.json", 2));
    let swapped = vec![
        put("two", "/one", "a.json", 3),
        put("one", "/two", "b.json", 4),
    ];
    world.done(Command::PutApis(swapped));
    assert_eq!(owner(&world, "/one").as_deref(), Some("two"));
    assert_eq!(owner(&world, "/two").as_deref(), Some("one"));
    world.done(Command::RemoveSource(SourcePath("a.json".into())));
    assert_eq!(owner(&world, "/one"), None);
    assert_eq!(owner(&world, "/two").as_deref(), Some("one"));
}

#[test]
fn an_identical_definition_changes_nothing() {
    let mut world = World::new();
    let applied = world.batch(vec![Command::PutApi(api("orders", "/orders"))]);
    let touched: Vec<_> = applied.changes.iter().map(|change| &change.key).collect();
    assert!(
        touched
            .iter()
            .all(|key| matches!(key, RecordKey::Meta | RecordKey::Boot(_))),
        "{touched:?}"
    );
}

#[test]
fn a_client_is_registered_with_all_apis_or_none() {
    let mut world = World::new();
    let new = client(&["orders", "absent"], "both", None);
    assert_eq!(
        world.refused(Command::CreateClient(new)),
        Refusal::UnknownApi
    );
    assert!(
        world
            .state
            .get(&RecordKey::Client(key("orders", "both")))
            .is_none()
    );
}

#[test]
fn an_existing_client_is_kept_unless_identical() {
    let mut world = World::new();
    let same = client(&["orders"], "app", Some("gold"));
    assert!(matches!(
        world.done(Command::CreateClient(same.clone())),
        Reply::Clients(_)
    ));
    let mut other_secret = same.clone();
    other_secret.secret = ClientSecret::Confidential {
        verifier: SecretVerifier::from_bytes([8; 32]),
        sealed: None,
    };
    assert_eq!(
        world.refused(Command::CreateClient(other_secret.clone())),
        Refusal::ClientExists
    );
    other_secret.origin = SecretOrigin::Generated;
    assert!(matches!(
        world.done(Command::CreateClient(other_secret)),
        Reply::Clients(_)
    ));
    let mut other_text = same;
    other_text.text.description = "different".into();
    assert_eq!(
        world.refused(Command::CreateClient(other_text)),
        Refusal::ClientExists
    );
}

/// A registration whose secret was made for this request.
fn generated(apis: &[&str], id: &str, secret: u8) -> Command {
    let mut new = client(apis, id, Some("gold"));
    new.secret = ClientSecret::Confidential {
        verifier: SecretVerifier::from_bytes([secret; 32]),
        sealed: None,
    };
    new.origin = SecretOrigin::Generated;
    Command::CreateClient(new)
}

#[test]
fn a_client_has_one_secret_at_all_apis_of_a_registration() {
    for apis in [["orders", "more"], ["more", "orders"]] {
        let mut world = World::new();
        world.done(Command::PutApi(api("more", "/more")));
        world.done(generated(&["orders"], "both", 1));
        let Reply::Clients(clients) = world.done(generated(&apis, "both", 2)) else {
            unreachable!("a registration answers with clients")
        };
        let first = ClientSecret::Confidential {
            verifier: SecretVerifier::from_bytes([1; 32]),
            sealed: None,
        };
        assert_eq!(clients.len(), 2);
        assert!(clients.iter().all(|client| client.secret == first));
        for api in apis {
            let Some(Record::Client(stored)) =
                world.state.get(&RecordKey::Client(key(api, "both")))
            else {
                unreachable!("the client is registered with {api}")
            };
            assert_eq!(stored.secret, first, "{api}");
        }
    }
}

#[test]
fn clients_are_no_configuration_and_a_repeated_registration_writes_nothing() {
    let mut world = World::new();
    let revision = |world: &World| match world.state.get(&RecordKey::Meta) {
        Some(Record::Meta(meta)) => meta.config_revision,
        _ => unreachable!("a founded state knows itself"),
    };
    let configured = revision(&world);
    world.done(generated(&["orders"], "third", 1));
    let again = world.batch(vec![generated(&["orders"], "third", 2)]);
    let is_client = |key: &RecordKey| matches!(key, RecordKey::Client(_));
    assert!(!again.changes.iter().any(|change| is_client(&change.key)));
    world.done(Command::DeleteClient(key("orders", "third")));
    assert_eq!(revision(&world), configured);
}

#[test]
fn tokens_of_a_deleted_client_stay_dead_when_it_returns_d30() {
    let mut world = World::new();
    let tokens = world.tokens();
    world.done(Command::DeleteClient(key("orders", "app")));
    world.done(Command::CreateClient(client(
        &["orders"],
        "app",
        Some("gold"),
    )));
    let grant = world.grant(&tokens).unwrap();
    let txn = crate::state::Txn::begin(&world.state, crate::id::LogIndex(999));
    assert!(txn.revoked_since(&grant.client_key(), grant.revision));
    let refresh = world.refresh(tokens.refresh.unwrap());
    assert!(matches!(
        world.refused(Command::Refresh(refresh)),
        Refusal::Refresh(_)
    ));
}

pub(super) fn from_file(id: &str, path: &str, file: &str, hash: u8) -> Command {
    let mut put = api(id, path);
    put.document_hash = [hash; 32];
    put.source = Some(SourceMark {
        path: SourcePath(file.into()),
        content_hash: [hash; 32],
    });
    Command::PutApi(put)
}

#[test]
fn removing_a_file_removes_what_it_made_and_nothing_else() {
    let mut world = World::new();
    world.done(from_file("filed", "/filed", "a.json", 1));
    world.done(Command::RemoveSource(SourcePath("a.json".into())));
    assert!(
        world
            .state
            .get(&RecordKey::Api(ApiId::new("filed").unwrap()))
            .is_none()
    );
    assert!(
        world
            .state
            .get(&RecordKey::Api(ApiId::new("orders").unwrap()))
            .is_some()
    );
    let gone = world.done(Command::RemoveSource(SourcePath("a.json".into())));
    assert_eq!(gone, Reply::Stored { existed: false });
}

#[test]
fn a_file_that_names_another_api_takes_its_old_one_away() {
    let mut world = World::new();
    world.done(from_file("first", "/first", "a.json", 1));
    world.done(from_file("second", "/second", "a.json", 2));
    assert!(
        world
            .state
            .get(&RecordKey::Api(ApiId::new("first").unwrap()))
            .is_none()
    );
    assert!(
        world
            .state
            .get(&RecordKey::Api(ApiId::new("second").unwrap()))
            .is_some()
    );
}

#[test]
fn a_file_may_rename_its_api_and_keep_the_listen_path() {
    let mut world = World::new();
    world.done(from_file("first", "/filed", "a.json", 1));
    world.done(from_file("second", "/filed", "a.json", 2));
    let has = |id: &str| {
        let key = RecordKey::Api(ApiId::new(id).unwrap());
        world.state.get(&key).is_some()
    };
    assert_eq!((has("first"), has("second")), (false, true));
    let second = Refusal::ListenPathTaken(ApiId::new("second").unwrap());
    assert_eq!(
        world.refused(from_file("third", "/filed", "b.json", 3)),
        second
    );
}

#[test]
fn a_listen_path_stays_with_an_api_that_is_no_longer_what_its_file_made() {
    let mut world = World::new();
    world.done(from_file("first", "/filed", "a.json", 1));
    world.done(from_file("first", "/filed", "b.json", 1));
    let first = Refusal::ListenPathTaken(ApiId::new("first").unwrap());
    assert_eq!(
        world.refused(from_file("second", "/filed", "a.json", 2)),
        first
    );
}
