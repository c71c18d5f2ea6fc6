#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use raftgate_model::api::{ListenPath, Target};

use super::*;

fn api(id: &str, listen_path: &str) -> Arc<CompiledApi> {
    Arc::new(CompiledApi::keyless(
        ApiId::new(id).unwrap(),
        ListenPath::parse(listen_path).unwrap(),
        Target::parse("http://127.0.0.1:1/").unwrap(),
    ))
}

/// The API that serves a path.
fn serving(snapshot: &GatewaySnapshot, path: &str) -> Option<Arc<CompiledApi>> {
    match snapshot.routes().place(None, path)? {
        Place::Served(found) => Some(Arc::clone(found.api)),
        Place::Unserved(_) => None,
    }
}

#[test]
fn a_reader_sees_what_was_published_last() {
    let publisher = Publisher::default();
    let mut reader = publisher.source().reader();
    assert!(serving(reader.load(), "/a").is_none());
    publisher.publish(GatewaySnapshot::build([api("one", "/a")], []).0);
    let found = serving(reader.load(), "/a").unwrap();
    publisher.publish(GatewaySnapshot::default());
    assert!(serving(reader.load(), "/a").is_none());
    assert_eq!(
        found.id.as_str(),
        "one",
        "a request in flight keeps its API"
    );
}

#[test]
fn a_snapshot_finds_apis_by_id() {
    let snapshot = GatewaySnapshot::build([api("one", "/a"), api("two", "/b")], []).0;
    assert_eq!(snapshot.apis().count(), 2);
    assert!(snapshot.api(&ApiId::new("two").unwrap()).is_some());
    assert!(snapshot.api(&ApiId::new("three").unwrap()).is_none());
}

#[test]
fn a_conflict_takes_the_later_apis_route_and_nothing_else() {
    let claims = [api("b", "/a"), api("a", "/a"), api("c", "/c")];
    let (snapshot, conflicts) = GatewaySnapshot::build(claims, []);
    let conflict = conflicts.first().unwrap();
    assert_eq!(
        (conflict.holder.as_str(), conflict.refused.as_str()),
        ("b", "a")
    );
    let owner = |path| serving(&snapshot, path).unwrap().id.clone();
    assert_eq!(owner("/a").as_str(), "b");
    assert_eq!(owner("/c").as_str(), "c");
    assert!(snapshot.api(&ApiId::new("a").unwrap()).is_some());
}
