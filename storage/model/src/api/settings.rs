//! The object `raftgate` of a definition: settings per API that Tyk does not have.

use serde_json::{Map, Value};

use crate::json::{DocumentFaults, Node};
use crate::oauth::error::ErrorStyle;
use crate::time::Ttl;

/// The member of a Classic definition that holds these settings.
const OBJECT: &str = "raftgate";

/// Every key of the object.
const KEYS: [&str; 15] = [
    "error_style",
    "oauth_error_status_code",
    "consistency",
    "max_staleness_ms",
    "available_max_age_s",
    "access_token_ttl_s",
    "refresh_token_ttl_s",
    "auth_code_ttl_s",
    "allowed_scopes",
    "forwarded_host_and_proto",
    "connect_timeout_ms",
    "response_head_timeout_ms",
    "total_timeout_ms",
    "health_check",
    "retries",
];

const YEAR_S: i64 = 365 * 24 * 3600;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// How old a node's state may be while it still answers for an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Local state however old, or up to an age if one is given.
    Available {
        /// From this age on the answer is 503.
        age_max: Option<Ttl>,
    },
    /// Local state up to an age, then 503.
    Bounded {
        /// From this age on the answer is 503.
        staleness_max: Ttl,
    },
    /// State confirmed by the leader for every request.
    Strict,
}

impl Default for Consistency {
    fn default() -> Self {
        Self::Available { age_max: None }
    }
}

/// Settings of one API; what is absent follows the gateway's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiSettings {
    style: Option<StyleName>,
    status: Option<u16>,
    /// How old local state may be.
    pub consistency: Consistency,
    /// How long access tokens live.
    pub access_token_ttl: Option<Ttl>,
    /// How long refresh tokens live.
    pub refresh_token_ttl: Option<Ttl>,
    /// How long authorization codes live.
    pub auth_code_ttl: Option<Ttl>,
    /// Whether upstreams are told the client's host and scheme.
    pub forwarded_origin: ForwardedOrigin,
}

/// Whether upstreams are told which host and scheme the client asked for, as `X-Forwarded-Host` and `X-Forwarded-Proto`.
///
/// Tyk tells neither, and an upstream that never heard of them may build other links when it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedOrigin {
    /// They are not, unless a trusted proxy tells them.
    #[default]
    Untold,
    /// They are: what a trusted proxy tells, else what this gateway was asked for.
    Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StyleName {
    Rfc,
    Tyk,
}

impl ApiSettings {
    /// The error style in force for this API, given the gateway's style and the status that its Tyk style uses.
    #[must_use]
    pub fn error_style(&self, gateway: ErrorStyle, gateway_tyk_status: u16) -> ErrorStyle {
        let style = match (self.style, gateway) {
            (Some(StyleName::Rfc), _) | (None, ErrorStyle::Rfc) => return ErrorStyle::Rfc,
            (Some(StyleName::Tyk), _) => gateway_tyk_status,
            (None, ErrorStyle::Tyk { status }) => status,
        };
        ErrorStyle::Tyk {
            status: self.status.unwrap_or(style),
        }
    }

    /// Reads the settings; keys that do not exist are faults that name the nearest one.
    pub(super) fn read(definition: &Map<String, Value>, faults: &mut DocumentFaults) -> Self {
        let node = Node::member(definition, OBJECT, faults);
        let Some(object) = node.object(faults) else {
            return Self::default();
        };
        for key in object.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            faults.add(format!("{OBJECT}.{key}"), unknown_key(key));
        }
        Self {
            style: read_style(&node.get("error_style", faults), faults),
            status: bounded(
                &node.get("oauth_error_status_code", faults),
                400,
                599,
                faults,
            )
            .and_then(|status| u16::try_from(status).ok()),
            consistency: read_consistency(&node, faults),
            access_token_ttl: seconds(&node.get("access_token_ttl_s", faults), YEAR_S, faults),
            refresh_token_ttl: seconds(
                &node.get("refresh_token_ttl_s", faults),
                10 * YEAR_S,
                faults,
            ),
            auth_code_ttl: seconds(&node.get("auth_code_ttl_s", faults), 3600, faults),
            forwarded_origin: match node.get("forwarded_host_and_proto", faults).flag(faults) {
                true => ForwardedOrigin::Told,
                false => ForwardedOrigin::Untold,
            },
        }
    }
}

fn unknown_key(key: &str) -> String {
    let nearest = KEYS
        .into_iter()
        .max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)));
    format!(
        "is not a known key; the nearest one is {}",
        nearest.unwrap_or(OBJECT)
    )
}

fn read_style(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<StyleName> {
    match node.text(faults)? {
        "rfc" => Some(StyleName::Rfc),
        "tyk" => Some(StyleName::Tyk),
        _ => {
            faults.add(node.path(), "must be \"rfc\" or \"tyk\"");
            None
        }
    }
}

fn read_consistency(node: &Node<'_>, faults: &mut DocumentFaults) -> Consistency {
    let name = node.get("consistency", faults);
    let staleness = node.get("max_staleness_ms", faults);
    let age = node.get("available_max_age_s", faults);
    let staleness_max = bounded(&staleness, 1, DAY_MS, faults);
    let age_max = seconds(&age, YEAR_S, faults);
    let kind = name.text(faults).unwrap_or("available");
    if kind != "bounded" && staleness.value().is_some() {
        faults.add(
            staleness.path(),
            "has a meaning only with \"consistency\": \"bounded\"",
        );
    }
    if kind != "available" && age.value().is_some() {
        faults.add(
            age.path(),
            "has a meaning only with \"consistency\": \"available\"",
        );
    }
    match (kind, staleness_max) {
        ("available", _) => Consistency::Available { age_max },
        ("strict", _) => Consistency::Strict,
        ("bounded", Some(ms)) => Consistency::Bounded {
            staleness_max: Ttl::from_ms(ms.unsigned_abs()),
        },
        ("bounded", None) => {
            faults.add(
                staleness.path(),
                "is needed with \"consistency\": \"bounded\"",
            );
            Consistency::Strict
        }
        _ => {
            faults.add(
                name.path(),
                "must be \"available\", \"bounded\" or \"strict\"",
            );
            Consistency::Strict
        }
    }
}

fn seconds(node: &Node<'_>, seconds_max: i64, faults: &mut DocumentFaults) -> Option<Ttl> {
    bounded(node, 1, seconds_max, faults).map(|seconds| Ttl::from_s(seconds.unsigned_abs()))
}

fn bounded(node: &Node<'_>, min: i64, max: i64, faults: &mut DocumentFaults) -> Option<i64> {
    let number = node.whole(faults)?;
    if (min..=max).contains(&number) {
        return Some(number);
    }
    faults.add(
        node.path(),
        format!("must be a whole number from {min} to {max}"),
    );
    None
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
