#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

fn api(id: &str, listen_path: &str) -> Arc<CompiledApi> {
    Arc::new(CompiledApi::keyless(
        ApiId::new(id).unwrap(),
        ListenPath::parse(listen_path).unwrap(),
        Target::parse("http://127.0.0.1:1/").unwrap(),
    ))
}

#[test]
fn a_reader_sees_what_was_published_last() {
    let publisher = Publisher::default();
    let mut reader = publisher.source().reader();
    assert!(reader.load().routes().find(None, "/a").is_none());
    publisher.publish(GatewaySnapshot::build([api("one", "/a")], []).unwrap());
    let found = Arc::clone(reader.load().routes().find(None, "/a").unwrap().api);
    publisher.publish(GatewaySnapshot::default());
    assert!(reader.load().routes().find(None, "/a").is_none());
    assert_eq!(
        found.id.as_str(),
        "one",
        "a request in flight keeps its API"
    );
}

#[test]
fn a_snapshot_finds_apis_by_id() {
    let snapshot = GatewaySnapshot::build([api("one", "/a"), api("two", "/b")], []).unwrap();
    assert_eq!(snapshot.apis().count(), 2);
    assert!(snapshot.api(&ApiId::new("two").unwrap()).is_some());
    assert!(snapshot.api(&ApiId::new("three").unwrap()).is_none());
}

#[test]
fn a_conflict_names_the_same_holder_every_time() {
    for _ in 0..16 {
        let error = GatewaySnapshot::build([api("b", "/a"), api("a", "/a")], []).unwrap_err();
        assert_eq!((error.holder.as_str(), error.refused.as_str()), ("a", "b"));
    }
}
