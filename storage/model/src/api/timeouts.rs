//! How long an upstream may take: per path and per API, in Tyk's fields and in ours.

use serde_json::{Map, Value};

use super::path_rules::{self, PathEntry};
use crate::json::{DocumentFaults, Node};
use crate::time::Ttl;

/// The longest timeout.
const TIMEOUT_MAX: Ttl = Ttl::from_s(24 * 3600);

/// The timeouts that an API sets; the gateway's hold where it sets none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiTimeouts {
    /// Until a connection stands.
    pub connect: Option<Ttl>,
    /// From the request's last byte until the head of the answer.
    pub head: Option<Ttl>,
    /// From the moment the request is forwarded until the last byte of its answer; nothing limits it where none is set.
    pub total: Option<Ttl>,
}

impl ApiTimeouts {
    /// Reads Tyk's `global_enforce_timeout`, and our own keys, which beat it.
    pub(super) fn read(definition: &Map<String, Value>, faults: &mut DocumentFaults) -> Self {
        let global = Node::member(definition, "global_enforce_timeout", faults);
        let global = read_global(&global, faults);
        let own = Node::member(definition, "raftgate", faults);
        let mut own_ms = |key: &str| read_ms(&own.get(key, faults), faults);
        Self {
            connect: own_ms("connect_timeout_ms").or(global),
            head: own_ms("response_head_timeout_ms").or(global),
            total: own_ms("total_timeout_ms"),
        }
    }
}

/// A version's `hard_timeouts`.
pub(super) fn read_hard(list: &Node<'_>, faults: &mut DocumentFaults) -> Vec<PathEntry<Ttl>> {
    path_rules::entries(list, faults, read_enforced)
}

/// Tyk's object, or the bare number of seconds.
fn read_global(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Ttl> {
    match node.value()? {
        Value::Number(_) => read_seconds(node, faults),
        _ => {
            let _ = node.object(faults)?;
            let is_off = node.get("disabled", faults).flag(faults)
                || node.get("enabled", faults).optional_flag(faults) == Some(false);
            read_enforced(node, faults).filter(|_| !is_off)
        }
    }
}

/// `timeout_duration`, a text such as `1.5s` or `200ms`, which beats `timeout` or `value`, whole seconds; zero is none.
fn read_enforced(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Ttl> {
    let duration = node.get("timeout_duration", faults);
    let Some(text) = duration.filled_text(faults) else {
        let timeout = node.get("timeout", faults);
        let value = node.get("value", faults);
        let given = if timeout.value().is_some() {
            timeout
        } else {
            value
        };
        return read_seconds(&given, faults);
    };
    let timeout = parse_duration(text).filter(|timeout| *timeout <= TIMEOUT_MAX);
    if timeout.is_none() {
        faults.add(
            duration.path(),
            "must be a duration such as 1m30s, 1.5s or 200ms, at most 24h",
        );
    }
    timeout.filter(|timeout| *timeout > Ttl::ZERO)
}

fn read_seconds(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Ttl> {
    let seconds = node.whole(faults)?;
    let timeout = u64::try_from(seconds).ok().map(Ttl::from_s);
    if timeout.is_none_or(|timeout| timeout > TIMEOUT_MAX) {
        faults.add(
            node.path(),
            format!(
                "must be a number of seconds, at most {}",
                TIMEOUT_MAX.as_s()
            ),
        );
    }
    timeout.filter(|timeout| *timeout > Ttl::ZERO)
}

fn read_ms(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Ttl> {
    let ms = node.whole(faults)?;
    let timeout = u64::try_from(ms)
        .ok()
        .filter(|ms| *ms > 0)
        .map(Ttl::from_ms);
    if timeout.is_none_or(|timeout| timeout > TIMEOUT_MAX) {
        faults.add(
            node.path(),
            format!("must be a whole number from 1 to {}", TIMEOUT_MAX.as_ms()),
        );
    }
    timeout
}

/// Go's durations without a sign: numbers, with or without a fraction, each with its unit; whole milliseconds, rounded up.
fn parse_duration(text: &str) -> Option<Ttl> {
    let mut rest = text;
    let mut total_ms = 0.0_f64;
    while !rest.is_empty() {
        let digits =
            rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let number: f64 = number.parse().ok()?;
        let letters = after
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let unit_ms = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "\u{b5}s" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        total_ms += number * unit_ms;
        rest = after;
    }
    let is_a_time = !text.is_empty() && total_ms <= TIMEOUT_MAX.as_ms() as f64;
    is_a_time.then(|| Ttl::from_ms(total_ms.ceil() as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use serde_json::json;

    use super::*;

    fn read(definition: &Value) -> (Option<u64>, Option<u64>, Vec<String>) {
        let mut faults = DocumentFaults::default();
        let read = ApiTimeouts::read(definition.as_object().unwrap(), &mut faults);
        let faults = faults
            .all()
            .iter()
            .map(|fault| fault.path.clone())
            .collect();
        (
            read.connect.map(Ttl::as_ms),
            read.head.map(Ttl::as_ms),
            faults,
        )
    }

    #[test]
    fn durations_are_gos() {
        for (text, ms) in [
            ("1s", Some(1000)),
            ("1.5s", Some(1500)),
            ("200ms", Some(200)),
            ("1m30s", Some(90_000)),
            ("1h", Some(3_600_000)),
            ("1us", Some(1)),
            ("0s", Some(0)),
            ("24h", Some(86_400_000)),
            ("24h1s", None),
            ("", None),
            ("5", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("1..5s", None),
            ("1s ", None),
        ] {
            assert_eq!(parse_duration(text).map(Ttl::as_ms), ms, "{text}");
        }
    }

    #[test]
    fn an_apis_timeouts_are_tyks_or_our_own() {
        let ms = |ms| (Some(ms), Some(ms), vec![]);
        assert_eq!(read(&json!({})), (None, None, vec![]));
        assert_eq!(read(&json!({"global_enforce_timeout": 2})), ms(2000));
        let tyk = |object: Value| json!({"global_enforce_timeout": object});
        assert_eq!(read(&tyk(json!({"timeout": 3}))), ms(3000));
        assert_eq!(read(&tyk(json!({"enabled": true, "value": 3}))), ms(3000));
        let both = json!({"timeout": 3, "timeout_duration": "1.2s"});
        assert_eq!(read(&tyk(both)), ms(1200));
        for off in [
            json!({"timeout": 3, "disabled": true}),
            json!({"timeout": 3, "enabled": false}),
            json!({"timeout": 0}),
            json!(0),
        ] {
            assert_eq!(read(&tyk(off)), (None, None, vec![]));
        }
        let own = json!({
            "global_enforce_timeout": 9,
            "raftgate": {"connect_timeout_ms": 5, "response_head_timeout_ms": 70}
        });
        assert_eq!(read(&own), (Some(5), Some(70), vec![]));
    }

    #[test]
    fn timeouts_that_are_none_are_named() {
        let (_, _, faults) = read(&json!({
            "global_enforce_timeout": {"timeout": -1},
            "raftgate": {"connect_timeout_ms": 0, "response_head_timeout_ms": "5s", "total_timeout_ms": -1}
        }));
        assert_eq!(
            faults,
            [
                "global_enforce_timeout.timeout",
                "raftgate.connect_timeout_ms",
                "raftgate.response_head_timeout_ms",
                "raftgate.total_timeout_ms",
            ]
        );
    }

    #[test]
    fn the_time_for_a_whole_exchange_is_our_own_alone() {
        let total = |definition: Value| {
            let mut faults = DocumentFaults::default();
            ApiTimeouts::read(definition.as_object().unwrap(), &mut faults).total
        };
        assert_eq!(total(json!({"global_enforce_timeout": 9})), None);
        let own = json!({"raftgate": {"total_timeout_ms": 1500}});
        assert_eq!(total(own), Some(Ttl::from_ms(1500)));
    }
}
