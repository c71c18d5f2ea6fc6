//! Sets of definitions in one command: all or none, and no two APIs on one listen path, whatever they ask for.

use std::sync::LazyLock;

use raftgate_model::answer::Answer;
use raftgate_model::api::{ApiDocument, ApiSpec};
use raftgate_model::apply::apply;
use raftgate_model::command::{Batch, Command, Origin, PUT_APIS_MAX, PutApi, Request};
use raftgate_model::id::{ApiId, BootId, KeyId, LogIndex, NodeId};
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{Sealed, SecretKind, SecretOwner};
use raftgate_model::secret::{Secret, SecretBytes};
use raftgate_model::state::{MemoryState, Record, RecordKey, RouteKey};
use raftgate_model::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Something sealed: what it says plays no part.
static SEALED: LazyLock<Sealed> = LazyLock::new(|| {
    let (master, lookup) = (SecretBytes::new([1; 32]), SecretBytes::new([2; 32]));
    let owner = SecretOwner {
        kind: SecretKind::ApiDefinition,
        id: "a",
    };
    let ring = KeyRing::new(KeyId(1), master, lookup);
    ring.seal(KeyId(1), owner, [0; 12], &Secret::from("{}"))
        .unwrap()
});

/// Each line is a set: a JSON array of definitions.
pub(super) fn api_sets(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut state = MemoryState::default();
    for (line, number) in text.lines().take(8).zip(1_u64..) {
        let Ok(Value::Array(documents)) = serde_json::from_str(line) else {
            continue;
        };
        let puts: Vec<PutApi> = documents
            .iter()
            .take(PUT_APIS_MAX)
            .filter_map(|document| put(&document.to_string()))
            .collect();
        let before = apis(&state);
        let wanted: Vec<ApiId> = puts.iter().map(|put| put.id.clone()).collect();
        let answer = carry_out(&mut state, Command::PutApis(puts), number);
        match answer {
            Answer::Done(_) => {
                let now = apis(&state);
                let is_there = |id: &ApiId| now.iter().any(|(there, _)| there == id);
                assert!(wanted.iter().all(is_there), "{line}");
                assert!(before.iter().all(|(id, _)| is_there(id)), "{line}");
            }
            Answer::Refused(_) => assert_eq!(apis(&state), before, "{line}"),
            Answer::Unknown => panic!("a request that was not carried out"),
        }
        routes_are_owned(&state);
    }
}

/// What an import would propose.
fn put(text: &str) -> Option<PutApi> {
    let mut document = ApiDocument::parse(text).ok()?;
    if document.lacks_api_id() {
        document.set_api_id(&ApiId::new("nameless").unwrap());
    }
    let (spec, _) = ApiSpec::read(&document).ok()?;
    let route = RouteKey {
        host: spec.domain.as_ref().map(|domain| domain.as_str().into()),
        listen_path: spec.listen_path.as_str().into(),
    };
    Some(PutApi {
        id: spec.id,
        org: spec.org,
        document: SEALED.clone(),
        document_hash: Sha256::digest(text.as_bytes()).into(),
        routes: if spec.active { vec![route] } else { Vec::new() },
        source: None,
    })
}

fn carry_out(state: &mut MemoryState, command: Command, number: u64) -> Answer {
    let batch = Batch {
        stamp: Timestamp::from_unix_s(1),
        origins: vec![Origin {
            node: NodeId(1),
            boot: BootId(1),
            done_below: number,
        }],
        requests: vec![Request {
            origin: 0,
            sequence: number,
            command,
        }],
    };
    let mut applied = apply(state, LogIndex(number), &batch);
    state.commit(&applied.changes);
    applied.answers.remove(0)
}

/// Every API with its listen paths, by id.
fn apis(state: &MemoryState) -> Vec<(ApiId, Vec<RouteKey>)> {
    let records = state.iter().filter_map(|(_, record)| match record {
        Record::Api(api) => Some((api.id.clone(), api.routes.to_vec())),
        _ => None,
    });
    records.collect()
}

/// Each listen path has one owner, who knows of it, and each API owns all of its own.
fn routes_are_owned(state: &MemoryState) {
    let all = apis(state);
    let owners = state
        .iter()
        .filter_map(|(key, record)| match (key, record) {
            (RecordKey::Route(route), Record::Route(owner)) => Some((route, owner)),
            _ => None,
        });
    let owners: Vec<(&RouteKey, &ApiId)> = owners.collect();
    for (route, owner) in &owners {
        let knows = |(id, routes): &(ApiId, Vec<RouteKey>)| id == *owner && routes.contains(route);
        assert!(all.iter().any(knows), "{route:?} of {owner}");
    }
    for (id, routes) in &all {
        for route in routes {
            assert!(owners.contains(&(route, id)), "{route:?} of {id}");
        }
    }
}
