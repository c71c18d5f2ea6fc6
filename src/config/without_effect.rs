//! Keys that are understood, checked, and change nothing in this version: whoever sets one is told.

use super::key::Key;
use super::reader::Reader;
use super::table;

/// What is set without effect, one sentence each, with its place.
pub(super) fn warnings(reader: &Reader<'_>) -> Vec<String> {
    let cluster = "this version runs clusters of one node";
    let keys = [
        table::CLUSTER_JOIN_TOKEN,
        table::CLUSTER_JOIN_TOKEN_TTL_S,
        table::CLUSTER_STABLE_MS,
        table::CLUSTER_REMOVE_DEAD_AFTER_S,
    ];
    let set = keys.into_iter().filter(|key| reader.is_set(key));
    set.map(|key| warning(reader, key, cluster)).collect()
}

fn warning(reader: &Reader<'_>, key: &Key, instead: &str) -> String {
    format!(
        "{}: set by {} without effect: {instead}",
        key.path(),
        reader.origin(key)
    )
}
