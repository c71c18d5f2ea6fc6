//! The environment as a source: which variables exist, which are ours, and which only look like ours.

use std::collections::BTreeMap;
use std::ffi::OsString;

use zeroize::Zeroizing;

use super::error::ConfigError;
use super::key::Key;
use super::layers::{Layers, PASSPHRASE_VARIABLE};
use super::nearest::nearest_of;
use super::origin::Origin;
use super::table;
use super::value::RawValue;

/// What the names of our variables begin with.
const PREFIX: &str = "RAFTGATE_";

/// The variables of the environment that begin with `RAFTGATE_`, taken once.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Option<Zeroizing<String>>>);

impl Environment {
    /// Takes the variables of this process.
    #[must_use]
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        Self::from_pairs(std::env::vars_os())
    }

    /// Takes the variables from a list, as tests do.
    pub fn from_pairs<N: Into<OsString>, V: Into<OsString>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let ours = pairs.into_iter().filter_map(|(name, value)| {
            let name = name.into().to_string_lossy().into_owned();
            let value = value.into().into_string().ok().map(Zeroizing::new);
            name.starts_with(PREFIX).then_some((name, value))
        });
        Self(ours.collect())
    }

    /// The passphrase of `keys export` and `keys import`, if the environment holds one.
    #[must_use]
    pub fn keys_passphrase(&self) -> Option<&Zeroizing<String>> {
        self.0.get(PASSPHRASE_VARIABLE)?.as_ref()
    }

    /// Lays the variables over what is there.
    pub(super) fn lay_over(&self, layers: &mut Layers, errors: &mut Vec<ConfigError>) {
        for (name, value) in &self.0 {
            let text = value.as_ref().map_or("", |value| value.as_str());
            if name == PASSPHRASE_VARIABLE || is_service_link(name, text) {
                continue;
            }
            let Some(key) = table::ALL.iter().find(|key| key.variable() == *name) else {
                errors.push(unknown(name));
                continue;
            };
            let origin = Origin::Variable(name.clone());
            match value.as_deref() {
                Some(text) => match value_of(key, text, &origin) {
                    Ok(value) => layers.set(key, origin, value),
                    Err(error) => errors.push(error),
                },
                None => errors.push(ConfigError::Invalid {
                    origin,
                    key: key.path(),
                    value: "text that is not UTF-8".to_owned(),
                    allowed: key.kind.allowed(),
                }),
            }
        }
    }
}

/// The value that a text of the environment or of a flag stands for.
pub(super) fn value_of(key: &Key, text: &str, origin: &Origin) -> Result<RawValue, ConfigError> {
    let is_list_of_text = key.kind.takes_commas() && !text.trim_start().starts_with('[');
    if key.kind.takes_text_as_is() || is_list_of_text {
        return Ok(RawValue::text(text));
    }
    RawValue::parse(text).map_err(|_| ConfigError::Invalid {
        origin: origin.clone(),
        key: key.path(),
        value: RawValue::text(text).shown(),
        allowed: key.kind.allowed(),
    })
}

fn unknown(variable: &str) -> ConfigError {
    let known: Vec<String> = table::ALL.iter().map(|key| key.variable()).collect();
    let known = known.iter().map(String::as_str);
    ConfigError::UnknownVariable {
        variable: variable.to_owned(),
        nearest: nearest_of(variable, known.chain([PASSPHRASE_VARIABLE])).to_owned(),
    }
}

/// Whether a variable is one that Kubernetes sets for a Service whose name begins with `raftgate`.
///
/// Such a Service would otherwise keep every node from starting. The names end in `_SERVICE_HOST`, `_SERVICE_PORT`,
/// `_SERVICE_PORT_NAME`, `_PORT` or `_PORT_8080_TCP` and so on; no key of ours does, which a test holds.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && is_url)
        || name.split_once("_PORT_").is_some_and(|(_, rest)| {
            let mut words = rest.split('_');
            let number = words.next().unwrap_or_default();
            let protocol = words.next().unwrap_or_default();
            number.parse::<u16>().is_ok() && matches!(protocol, "TCP" | "UDP" | "SCTP")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_kubernetes_service_are_not_taken_for_settings() {
        for name in [
            "RAFTGATE_SERVICE_HOST",
            "RAFTGATE_SERVICE_PORT",
            "RAFTGATE_SERVICE_PORT_HTTP",
            "RAFTGATE_PORT",
            "RAFTGATE_CONTROL_PORT",
            "RAFTGATE_PORT_8080_TCP",
            "RAFTGATE_PORT_8080_TCP_ADDR",
            "RAFTGATE_GATEWAY_PORT_443_UDP_PROTO",
        ] {
            assert!(is_service_link(name, "tcp://10.0.0.1:8080"), "{name}");
        }
        for key in table::ALL {
            assert!(
                !is_service_link(&key.variable(), "tcp://10.0.0.1:8080"),
                "{}",
                key.path()
            );
        }
        assert!(!is_service_link("RAFTGATE_GATEWAY_PORT", "8080"));
        assert!(!is_service_link("RAFTGATE_GATEWAY_LISTN", "0.0.0.0:1"));
        assert!(!is_service_link("RAFTGATE_PORT_HTTP_TCP", "80"));
    }
}
