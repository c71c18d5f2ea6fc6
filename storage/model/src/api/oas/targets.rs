//! Targets with weights, which are repetitions in a Classic definition.

use serde_json::Value;

use super::conversions::{is_enabled, items, text};
use super::projection::Projection;
use crate::api::common_divisor::common_divisor;
use crate::api::document::DEFINITION_BYTES_MAX;
use crate::json::{DocumentFaults, Node};

/// The longest target list.
const TURNS_MAX: u64 = 10_000;

/// One target as its author wrote it.
struct Weighted<'v> {
    origin: Node<'v>,
    url: &'v str,
    weight: u64,
}

impl<'v> Weighted<'v> {
    fn read(target: &Node<'v>, faults: &mut DocumentFaults) -> Self {
        let weight = target.get("weight", faults);
        Self {
            origin: target.get("url", faults),
            url: text(target, "url"),
            weight: weight.value().and_then(Value::as_u64).unwrap_or(0),
        }
    }
}

/// Targets as often as their weights say, which are reduced first: it is their ratio that counts. Without an `upstream.url` the
/// first one stands in for it.
pub(super) fn load_balancing(
    node: &Node<'_>,
    at: &'static str,
    projection: &mut Projection,
    faults: &mut DocumentFaults,
) {
    let list = node.get("targets", faults);
    let targets = items(&list);
    let targets = targets.iter().map(|target| Weighted::read(target, faults));
    let mut targets: Vec<_> = targets.filter(|target| target.weight > 0).collect();
    reduce(&mut targets);
    if let Some(reason) = too_many(&targets) {
        return faults.add(list.path(), reason);
    }
    if targets.is_empty() && is_enabled(node) {
        faults.add(list.path(), "all load balancing targets have weight 0");
    }
    let has_url = projection
        .classic
        .get("proxy")
        .and_then(|proxy| proxy.get("target_url"));
    if let (None, Some(first)) = (has_url, targets.first()) {
        projection.make("proxy.target_url", Value::from(first.url), &first.origin);
    }
    let mut urls = Vec::new();
    for target in &targets {
        for _ in 0..target.weight {
            let place = format!("{at}[{}]", urls.len());
            let origin = target.origin.path();
            projection.origins.note(&place, origin, false, true);
            urls.push(target.url);
        }
    }
    projection.make(at, Value::from(urls), &list);
}

/// Divides the weights by what they have in common.
fn reduce(targets: &mut [Weighted<'_>]) {
    let weights = targets.iter().map(|target| target.weight);
    let divisor = weights.fold(0, common_divisor);
    for target in targets {
        let reduced = target.weight.checked_div(divisor);
        target.weight = reduced.unwrap_or(target.weight);
    }
}

/// Why these targets cannot be repeated as often as their weights say.
fn too_many(targets: &[Weighted<'_>]) -> Option<String> {
    let (mut turns, mut bytes) = (0_u64, 0_u64);
    for target in targets {
        turns = turns.saturating_add(target.weight);
        let length = u64::try_from(target.url.len()).unwrap_or(u64::MAX);
        bytes = bytes.saturating_add(target.weight.saturating_mul(length));
    }
    if turns > TURNS_MAX {
        return Some(format!(
            "the weights add up to more than {TURNS_MAX}, reduced as far as they can be"
        ));
    }
    // As many as a Classic definition could hold that says the same.
    let bytes_max = u64::try_from(DEFINITION_BYTES_MAX).unwrap_or(u64::MAX);
    (bytes > bytes_max).then(|| {
        format!("the URLs, repeated by their weights, have more than {DEFINITION_BYTES_MAX} bytes")
    })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests stop at the first surprise"
    )]

    use serde_json::json;

    use super::*;

    const AT: &str = "proxy.target_list";

    /// What targets of these URLs and weights become, and what is wrong with them.
    fn projected(targets: &[(&str, u64)]) -> (Vec<String>, String) {
        let target = |(url, weight): &(&str, u64)| json!({"url": url, "weight": weight});
        let targets: Vec<Value> = targets.iter().map(target).collect();
        let document = json!({"b": {"enabled": true, "targets": targets}});
        let faults = &mut DocumentFaults::default();
        let node = Node::member(document.as_object().unwrap(), "b", faults);
        let mut projection = Projection::default();
        load_balancing(&node, AT, &mut projection, faults);
        let list = projection.classic.get("proxy");
        let list = list.and_then(|proxy| proxy["target_list"].as_array());
        let urls = list.into_iter().flatten();
        let urls = urls.map(|url| url.as_str().unwrap().to_owned());
        (urls.collect(), faults.to_string())
    }

    #[test]
    fn weights_are_reduced_before_they_are_repeated() {
        for (targets, expected) in [
            (vec![("a", 20_000)], vec!["a"]),
            (vec![("a", u64::MAX), ("b", u64::MAX)], vec!["a", "b"]),
            (
                vec![("a", 3_000_000), ("b", 0), ("c", 2_000_000)],
                vec!["a", "a", "a", "c", "c"],
            ),
        ] {
            let (urls, faults) = projected(&targets);
            assert_eq!(faults, "");
            assert_eq!(urls, expected);
        }
        let (urls, _) = projected(&[("a", 9_999), ("b", 1)]);
        assert_eq!((urls.len(), urls[9_999].as_str()), (10_000, "b"));
    }

    #[test]
    fn what_would_grow_too_long_is_refused_and_not_made() {
        let long = format!("http://{}", "a".repeat(4_000));
        for (targets, reason) in [
            (
                vec![("a", 10_000), ("b", 1)],
                "the weights add up to more than 10000, reduced",
            ),
            (
                vec![("a", u64::MAX), ("b", u64::MAX - 1)],
                "the weights add up to more than 10000, reduced",
            ),
            (
                vec![(long.as_str(), 9_999), ("b", 1)],
                "the URLs, repeated by their weights, have more than 1048576 bytes",
            ),
        ] {
            let (urls, faults) = projected(&targets);
            assert_eq!(urls.len(), 0);
            let expected = format!("b.targets: {reason}");
            assert!(faults.starts_with(&expected), "{faults}");
        }
    }
}
