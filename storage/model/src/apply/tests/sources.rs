//! Definition files that take over what another one made.

use super::config::{changed, from_file, owner};
use super::world::World;
use crate::command::{Command, PutPolicy, SourceMark};
use crate::id::{ApiId, OrgId, PolicyId};
use crate::state::record::Made;
use crate::state::record::SourceContent::{self, Applied, Changed, Displaced};
use crate::state::{ReadState, Record, RecordKey, SourcePath};

/// What was last applied from a file, beside the content with this hash.
fn content(world: &World, file: &str, hash: u8) -> Option<(SourceContent, Made)> {
    match world.state.get(&RecordKey::Source(SourcePath(file.into()))) {
        Some(Record::Source(source)) => Some((source.compare([hash; 32]), source.made.clone())),
        _ => None,
    }
}

#[test]
fn a_file_whose_api_another_took_over_is_known_as_such_until_it_is_applied_again() {
    for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
        let mut world = World::new();
        let made = Made::Api(ApiId::new("filed").unwrap());
        let is = |what: SourceContent| Some((what, made.clone()));
        world.done(from_file("filed", "/one", first, 1));
        assert_eq!(content(&world, first, 1), is(Applied));
        // The control API changes what the file made; it is of that file as before.
        world.done(Command::PutApi(changed("filed", "/changed", 9)));
        assert_eq!(content(&world, first, 1), is(Applied));
        for _ in 0..2 {
            world.done(from_file("filed", "/two", second, 2));
            assert_eq!(content(&world, first, 1), is(Displaced));
            assert_eq!(content(&world, first, 3), is(Changed));
            assert_eq!(content(&world, second, 2), is(Applied));
        }
        // The other's end takes along the API; the first file is as it was, and makes it again.
        world.done(Command::RemoveSource(SourcePath(second.into())));
        let left = (owner(&world, "/two"), content(&world, first, 1));
        assert_eq!(left, (None, is(Displaced)));
        world.done(from_file("filed", "/one", first, 1));
        assert_eq!(content(&world, first, 1), is(Applied));
        assert_eq!(owner(&world, "/one").as_deref(), Some("filed"));
    }
}

#[test]
fn a_file_that_makes_something_else_by_now_is_not_displaced() {
    let mut world = World::new();
    world.done(from_file("first", "/first", "a.json", 1));
    world.done(from_file("first", "/first", "b.json", 2));
    world.done(from_file("second", "/second", "a.json", 3));
    let second = Made::Api(ApiId::new("second").unwrap());
    world.done(from_file("first", "/first", "c.json", 4));
    assert_eq!(content(&world, "a.json", 3), Some((Applied, second)));
    let first = Made::Api(ApiId::new("first").unwrap());
    assert_eq!(content(&world, "b.json", 2), Some((Displaced, first)));
}

#[test]
fn no_content_passes_for_one_that_was_applied_or_displaced() {
    let mut world = World::new();
    world.done(from_file("first", "/first", "a.json", 1));
    world.done(from_file("first", "/first", "b.json", 2));
    for file in ["a.json", "b.json"] {
        for hash in [!1, !2] {
            let found = content(&world, file, hash);
            assert_eq!(found.map(|(content, _)| content), Some(Changed));
        }
    }
}

#[test]
fn a_policy_that_moves_between_files_displaces_the_one_that_it_leaves() {
    let put = |file: &str, hash: u8| {
        Command::PutPolicy(PutPolicy {
            id: PolicyId::new("x").unwrap(),
            org: OrgId::default(),
            document: "{}".into(),
            source: Some(SourceMark {
                path: SourcePath(file.into()),
                content_hash: [hash; 32],
            }),
        })
    };
    let mut world = World::new();
    let made = Made::Policy(PolicyId::new("x").unwrap());
    for (taker, left) in [("p.json", "p.json/x"), ("p.json/x", "p.json")] {
        world.done(put(left, 1));
        world.done(put(taker, 2));
        assert_eq!(content(&world, left, 1), Some((Displaced, made.clone())));
        assert_eq!(content(&world, taker, 2), Some((Applied, made.clone())));
    }
}
