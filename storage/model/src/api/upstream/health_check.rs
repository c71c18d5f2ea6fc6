//! How targets are asked whether they are well: our own `health_check`, and Tyk's uptime tests as far as they say the same.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::rotation::{Rotation, with_scheme};
use super::{bounded, refuse_unknown};
use crate::api::target::Target;
use crate::api::unsupported::ImportWarning;
use crate::json::{DocumentFaults, Node};

const KEYS: [&str; 5] = [
    "path",
    "interval_ms",
    "timeout_ms",
    "unhealthy_after",
    "healthy_after",
];
const INTERVAL_MS: u32 = 5_000;
const INTERVAL_BOUNDS_MS: RangeInclusive<u32> = 50..=3_600_000;
const TIMEOUT_MS: u32 = 2_000;
const TIMEOUT_BOUNDS_MS: RangeInclusive<u32> = 10..=60_000;
const UNHEALTHY_AFTER: u32 = 3;
const HEALTHY_AFTER: u32 = 2;
const STREAK_BOUNDS: RangeInclusive<u32> = 1..=100;
const PATH_BYTES_MAX: usize = 2048;
const TESTS_MAX: usize = 1024;
/// What a URI's path and query hold besides letters and digits (RFC 3986 sections 3.3 and 3.4), and the brackets that many
/// leave in a query as they are.
const MARKS: &[u8] = b"-._~!$&'()*+,;=:@/?%[]";

/// A GET at every target, again and again; shown without its path, whose query may be what opens the target.
#[derive(Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Path and query asked for at each target's host, whatever the target's own path.
    pub path: Box<str>,
    /// From one round of checks to the next, in milliseconds.
    pub interval_ms: u32,
    /// How long a target may take to answer, in milliseconds.
    pub timeout_ms: u32,
    /// So many failures in a row make a target that is up down.
    pub unhealthy_after: u32,
    /// So many successes in a row make a target that is down up.
    pub healthy_after: u32,
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthCheck")
            .field("interval_ms", &self.interval_ms)
            .field("timeout_ms", &self.timeout_ms)
            .field("unhealthy_after", &self.unhealthy_after)
            .field("healthy_after", &self.healthy_after)
            .finish_non_exhaustive()
    }
}

impl HealthCheck {
    /// A check of this path with everything else at its default.
    #[must_use]
    pub fn of(path: &str) -> Self {
        Self {
            path: path.into(),
            interval_ms: INTERVAL_MS,
            timeout_ms: TIMEOUT_MS,
            unhealthy_after: UNHEALTHY_AFTER,
            healthy_after: HEALTHY_AFTER,
        }
    }

    /// Reads `raftgate.health_check`.
    pub(super) fn read(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Self> {
        node.value()?;
        refuse_unknown(node, &KEYS, faults);
        node.value().filter(|value| value.is_object())?;
        let path = node.get("path", faults);
        let text = path.text(faults).unwrap_or_default();
        if !is_path(text) {
            let reason = format!(
                "must be a path with its query, such as /health, of at most {PATH_BYTES_MAX} bytes and escaped as in a URL"
            );
            faults.add(path.path(), reason);
        }
        let mut number = |key: &str, bounds, default| {
            let node = node.get(key, faults);
            bounded(&node, bounds, default, faults)
        };
        Some(Self {
            path: text.into(),
            interval_ms: number("interval_ms", INTERVAL_BOUNDS_MS, INTERVAL_MS),
            timeout_ms: number("timeout_ms", TIMEOUT_BOUNDS_MS, TIMEOUT_MS),
            unhealthy_after: number("unhealthy_after", STREAK_BOUNDS, UNHEALTHY_AFTER),
            healthy_after: number("healthy_after", STREAK_BOUNDS, HEALTHY_AFTER),
        })
    }
}

/// Whether a text is a path, perhaps with a query, of nothing but characters that may stand there.
fn is_path(text: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || MARKS.contains(&byte);
    text.starts_with('/') && text.len() <= PATH_BYTES_MAX && text.bytes().all(may_stand)
}

/// Tyk's `uptime_tests`, if hosts that fail them are to be left out and they are nothing but GETs of one path at every target.
///
/// Tests of another kind are warned of: targets are then found to be down by requests alone.
pub(super) fn read_uptime_tests(
    definition: &Map<String, Value>,
    proxy: &Node<'_>,
    rotation: Option<&Rotation>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> Option<HealthCheck> {
    let wanted = proxy.get("check_host_against_uptime_tests", faults);
    let tests = Node::member(definition, "uptime_tests", faults);
    if !wanted.flag(faults) || tests.get("disabled", faults).flag(faults) {
        return None;
    }
    let list = tests.get("check_list", faults);
    let items = list.items(TESTS_MAX, faults);
    if items.is_empty() {
        return None;
    }
    let check = rotation.and_then(|rotation| plain_check(&items, rotation, faults));
    if check.is_none() {
        warnings.push(ImportWarning {
            path: list.path().to_owned(),
            reason: "is not run: only plain GETs of one path at every target of the list are; \
                     raftgate.health_check says it for sure"
                .to_owned(),
        });
    }
    check
}

/// The check that these tests amount to.
fn plain_check(
    items: &[Node<'_>],
    rotation: &Rotation,
    faults: &mut DocumentFaults,
) -> Option<HealthCheck> {
    let mut tested = Vec::with_capacity(items.len());
    let mut timeout_ms = None;
    for item in items {
        let is_plain = ["headers", "body", "commands", "enable_proxy_protocol"]
            .iter()
            .all(|field| !item.get(field, faults).is_set());
        let method = item.get("method", faults).text(faults).unwrap_or_default();
        let url = item.get("url", faults).text(faults).unwrap_or_default();
        if !is_plain || !(method.is_empty() || method.eq_ignore_ascii_case("get")) {
            return None;
        }
        tested.push(Target::parse(&with_scheme(url)).ok()?);
        // Nanoseconds, as Go counts time.
        let timeout_ns = item.get("timeout", faults).whole(faults).unwrap_or(0);
        let ms = u32::try_from(timeout_ns / 1_000_000).ok();
        timeout_ms = timeout_ms.max(ms.filter(|ms| *ms > 0));
    }
    let asked = |target: &Target| match target.query() {
        Some(query) => format!("{}?{query}", target.path()),
        None => target.path().to_owned(),
    };
    let path = asked(tested.first()?);
    let is_one_path = tested.iter().all(|target| asked(target) == path);
    let covers = |target: &Target| {
        let same = |tested: &Target| tested.origin() == target.origin();
        tested.iter().any(same)
    };
    if !is_one_path || !is_path(&path) || !rotation.targets().iter().all(covers) {
        return None;
    }
    let (least, most) = TIMEOUT_BOUNDS_MS.into_inner();
    Some(HealthCheck {
        timeout_ms: timeout_ms.map_or(TIMEOUT_MS, |ms| ms.clamp(least, most)),
        ..HealthCheck::of(&path)
    })
}
