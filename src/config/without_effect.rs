//! Keys that are understood, checked, and change nothing in this version: whoever sets one is told.

use super::key::Key;
use super::oauth::CompatSettings;
use super::reader::Reader;
use super::table;

/// What is set without effect, one sentence each, with its place.
pub(super) fn warnings(reader: &Reader<'_>, compat: &CompatSettings) -> Vec<String> {
    let cluster = "this version runs clusters of one node";
    let differs = [
        (table::CLUSTER_JOIN_TOKEN, true, cluster),
        (table::CLUSTER_JOIN_TOKEN_TTL_S, true, cluster),
        (table::CLUSTER_STABLE_MS, true, cluster),
        (table::CLUSTER_REMOVE_DEAD_AFTER_S, true, cluster),
    ];
    let set = differs
        .into_iter()
        .filter(|(key, differs, _)| *differs && reader.is_set(key));
    set.map(|(key, _, instead)| warning(reader, key, instead))
        .collect()
}

fn warning(reader: &Reader<'_>, key: &Key, instead: &str) -> String {
    format!(
        "{}: set by {} without effect: {instead}",
        key.path(),
        reader.origin(key)
    )
}
