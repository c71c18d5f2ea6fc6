//! What a definition says of its upstreams besides the one target: several targets, their health, second tries, TLS.

mod health_check;
mod retries;
mod rotation;
mod transport;

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::unsupported::ImportWarning;
use crate::json::{DocumentFaults, Node};

pub use health_check::HealthCheck;
pub use retries::{RetryOn, RetrySpec, Setback};
pub use rotation::{Rotation, TargetPlace};
pub use transport::{Tls12Ciphers, TlsVersions, UpstreamTls, Verification};

/// How an API's upstreams are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamSpec {
    /// Several targets that take turns; `None` for the one of `proxy.target_url`.
    pub rotation: Option<Rotation>,
    /// How targets are found to be down before a request meets it; `None` finds out by requests alone.
    pub health_check: Option<HealthCheck>,
    /// What is tried a second time; `None` for nothing.
    pub retries: Option<RetrySpec>,
    /// TLS towards the targets, where it is not the gateway's.
    pub tls: UpstreamTls,
}

impl UpstreamSpec {
    /// Reads Tyk's fields below `proxy` and `uptime_tests`, and our own keys, which beat them.
    pub(super) fn read(
        definition: &Map<String, Value>,
        warnings: &mut Vec<ImportWarning>,
        faults: &mut DocumentFaults,
    ) -> Self {
        let proxy = Node::member(definition, "proxy", faults);
        let rotation = Rotation::read(&proxy, faults);
        let of_tyk = health_check::read_uptime_tests(
            definition,
            &proxy,
            rotation.as_ref(),
            warnings,
            faults,
        );
        let own = Node::member(definition, "raftgate", faults);
        let of_ours = HealthCheck::read(&own.get("health_check", faults), faults);
        let retries = RetrySpec::read(&own.get("retries", faults), faults);
        Self {
            rotation,
            health_check: of_ours.or(of_tyk),
            retries,
            tls: UpstreamTls::read(&proxy.get("transport", faults), warnings, faults),
        }
    }
}

/// Names what of an object is none of `keys`.
fn refuse_unknown(node: &Node<'_>, keys: &[&str], faults: &mut DocumentFaults) {
    let Some(object) = node.object(faults) else {
        return;
    };
    for key in object.keys().filter(|key| !keys.contains(&key.as_str())) {
        let reason = format!("is not a known key; known are {}", keys.join(", "));
        faults.add(format!("{}.{key}", node.path()), reason);
    }
}

/// A whole number within bounds, or the default where there is none.
fn bounded(
    node: &Node<'_>,
    bounds: RangeInclusive<u32>,
    default: u32,
    faults: &mut DocumentFaults,
) -> u32 {
    if node.value().is_none() {
        return default;
    }
    let number = node.whole(faults);
    match number.and_then(|number| u32::try_from(number).ok()) {
        Some(number) if bounds.contains(&number) => number,
        _ => {
            if number.is_some() {
                let (min, max) = bounds.into_inner();
                let reason = format!("must be a whole number from {min} to {max}");
                faults.add(node.path(), reason);
            }
            default
        }
    }
}

#[cfg(test)]
#[path = "upstream_tests.rs"]
mod tests;
