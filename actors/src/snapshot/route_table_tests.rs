#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;
use raftgate_model::api::{ListenPath, Target};

use super::*;

fn api(id: &str, host: Option<&str>, listen_path: &str) -> Arc<CompiledApi> {
    let target = Target::parse("http://127.0.0.1:1/").unwrap();
    let mut api = CompiledApi::keyless(
        ApiId::new(id).unwrap(),
        ListenPath::parse(listen_path).unwrap(),
        target,
    );
    api.host = host.map(Box::from);
    Arc::new(api)
}

fn mounted(apis: impl IntoIterator<Item = Arc<CompiledApi>>) -> (RouteTable, Vec<RouteConflict>) {
    let mut table = RouteTable::default();
    let refused = apis.into_iter().filter_map(|api| table.insert(api).err());
    let conflicts = refused.collect();
    (table, conflicts)
}

fn table(apis: impl IntoIterator<Item = Arc<CompiledApi>>) -> RouteTable {
    let (table, conflicts) = mounted(apis);
    assert!(conflicts.is_empty(), "{conflicts:?}");
    table
}

fn found<'p>(table: &RouteTable, host: Option<&str>, path: &'p str) -> Option<(String, &'p str)> {
    match table.place(host, path)? {
        Place::Served(found) => Some((found.api.id.to_string(), found.rest)),
        Place::Unserved(_) => None,
    }
}

fn expect(id: &str, rest: &'static str) -> Option<(String, &'static str)> {
    Some((id.to_owned(), rest))
}

#[test]
fn a_listen_path_matches_at_segment_boundaries_only() {
    let table = table([api("a", None, "/sample/")]);
    assert_eq!(found(&table, None, "/sample"), expect("a", ""));
    assert_eq!(found(&table, None, "/sample/"), expect("a", "/"));
    assert_eq!(found(&table, None, "/sample/x/y"), expect("a", "/x/y"));
    assert_eq!(found(&table, None, "/sample//x"), expect("a", "//x"));
    for path in [
        "/samplefoo",
        "/sampl",
        "/",
        "//sample",
        "/x/sample",
        "/Sample",
        "/%73ample",
    ] {
        assert_eq!(found(&table, None, path), None, "{path}");
    }
}

#[test]
fn a_path_that_some_read_as_one_of_a_deeper_api_is_told() {
    let unserved = UnservedApi {
        id: ApiId::new("broken").unwrap(),
        host: None,
        listen_path: ListenPath::parse("/broken").unwrap(),
    };
    let table = table([
        api("root", None, "/"),
        api("a", None, "/a"),
        api("ab", None, "/a/b"),
        api("odd", None, "/a;v=1"),
        api("host", Some("h"), "/of-host"),
    ])
    .keeping([unserved]);
    for (host, path) in [
        (None, "/a;x"),
        (None, "/a;x/c"),
        (None, "/%61/c"),
        (None, "//a"),
        (None, "/a%2fc"),
        (None, "/\\a"),
        (None, "/a//b/c"),
        (None, "/a/b;x"),
        (None, "/a;x/b"),
        (None, "/broken;x"),
        (Some("h"), "/of-host;x"),
    ] {
        assert!(table.is_read_as_anothers(host, path), "{path}");
    }
    for (host, path) in [
        (None, "/a"),
        (None, "/a/c;x"),
        (None, "/a/b/c;x//%61"),
        (None, "/c;x/a"),
        (None, "/ab;x"),
        // This one is mounted so; it stands as deep.
        (None, "/a;v=1"),
        (None, "/a;v=1/c"),
        (Some("other"), "/of-host;x"),
    ] {
        assert!(!table.is_read_as_anothers(host, path), "{path}");
    }
    let nobody_above = mounted([api("a", None, "/a")]).0;
    assert!(!nobody_above.is_read_as_anothers(None, "/a;x"));
}

#[test]
fn the_longest_listen_path_wins() {
    let table = table([
        api("root", None, "/"),
        api("a", None, "/a"),
        api("ab", None, "/a/b/"),
    ]);
    assert_eq!(found(&table, None, "/a/b/c"), expect("ab", "/c"));
    assert_eq!(found(&table, None, "/a/bc"), expect("a", "/bc"));
    assert_eq!(found(&table, None, "/b"), expect("root", "/b"));
    assert_eq!(found(&table, None, "/"), expect("root", "/"));
}

#[test]
fn apis_of_the_host_come_first_and_the_others_serve_what_is_left() {
    let table = table([
        api("any", None, "/a/b"),
        api("host", Some("API.example.com"), "/a"),
    ]);
    for host in [
        "api.example.com",
        "api.example.com:8080",
        "Api.Example.COM",
        "api.example.com.",
    ] {
        assert_eq!(
            found(&table, Some(host), "/a/b"),
            expect("host", "/b"),
            "{host}"
        );
    }
    assert_eq!(
        found(&table, Some("other.example.com"), "/a/b"),
        expect("any", "")
    );
    assert_eq!(found(&table, Some("other.example.com"), "/a"), None);
    assert_eq!(found(&table, None, "/a/b"), expect("any", ""));
}

#[test]
fn an_ipv6_host_keeps_its_colons() {
    let table = table([api("six", Some("[::1]"), "/")]);
    assert_eq!(found(&table, Some("[::1]:80"), "/"), expect("six", "/"));
    assert_eq!(found(&table, Some("[::1]"), "/"), expect("six", "/"));
}

#[test]
fn a_taken_listen_path_is_refused_with_the_name_of_its_holder() {
    let claims = [
        api("one", None, "/a/"),
        api("two", None, "/a"),
        api("three", None, "/b"),
    ];
    let (table, conflicts) = mounted(claims);
    let told: Vec<_> = conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["listen path /a of API two is already taken by API one"]
    );
    assert_eq!(found(&table, None, "/a"), expect("one", ""));
    assert_eq!(found(&table, None, "/b"), expect("three", ""));
    let other_hosts = [api("one", None, "/a"), api("two", Some("h"), "/a")];
    assert!(mounted(other_hosts).1.is_empty());
}

#[test]
fn an_api_that_cannot_be_served_keeps_its_place_from_shorter_listen_paths() {
    let unserved = |id: &str, host: Option<&str>, path: &str| UnservedApi {
        id: ApiId::new(id).unwrap(),
        host: host.map(Box::from),
        listen_path: ListenPath::parse(path).unwrap(),
    };
    let table = table([
        api("root", None, "/"),
        api("below", None, "/a/b/c"),
        api("taken", None, "/t"),
    ])
    .keeping([
        unserved("broken", None, "/a/b/"),
        unserved("of-host", Some("H"), "/h"),
        unserved("late", None, "/t"),
    ]);
    let whose = |host: Option<&str>, path: &str| match table.place(host, path).unwrap() {
        Place::Served(found) => found.api.id.to_string(),
        Place::Unserved(id) => format!("{id}, unserved"),
    };
    for path in ["/a/b", "/a/b/", "/a/b/x"] {
        assert_eq!(whose(None, path), "broken, unserved", "{path}");
    }
    assert_eq!(whose(None, "/a/b/c/d"), "below");
    assert_eq!(whose(None, "/a/bc"), "root");
    assert_eq!(whose(Some("h:80"), "/h/x"), "of-host, unserved");
    assert_eq!(whose(Some("other"), "/h/x"), "root");
    assert_eq!(whose(None, "/t"), "taken");
}

#[test]
fn the_deepest_listen_path_is_found() {
    let deepest = "/a".repeat(LISTEN_PATH_SEGMENTS_MAX);
    let table = table([api("deep", None, &deepest)]);
    let below = format!("{deepest}/x");
    assert_eq!(found(&table, None, &below), expect("deep", "/x"));
    assert_eq!(found(&table, None, "/a/a"), None);
}

#[test]
fn a_path_of_slashes_costs_no_lookups_beyond_the_depths_in_use() {
    let table = table([api("root", None, "/")]);
    assert_eq!(
        found(&table, None, &"/".repeat(20_000)).map(|(id, _)| id),
        Some("root".to_owned())
    );
}

/// The rule as one reads it, without any index.
fn naive<'a>(paths: &'a [String], path: &str) -> Option<&'a str> {
    paths
        .iter()
        .filter(|listen| {
            let prefix = listen.trim_end_matches('/');
            path == prefix || path.starts_with(&format!("{prefix}/"))
        })
        .max_by_key(|listen| listen.trim_end_matches('/').len())
        .map(String::as_str)
}

proptest! {
    #[test]
    fn the_table_agrees_with_a_naive_matcher(
        listen_paths in proptest::collection::hash_set("(/[ab]{1,2}){0,4}", 0..8),
        path in "(/[ab]{0,2}){1,6}",
    ) {
        let paths: Vec<String> = listen_paths.into_iter().map(|path| format!("{path}/")).collect();
        let table = table(paths.iter().map(|path| api(path, None, path)));
        let expected = naive(&paths, &path).map(str::to_owned);
        prop_assert_eq!(found(&table, None, &path).map(|(id, _)| id), expected);
    }
}
