//! Reads keys as the types that their kinds promise, and collects everything that is wrong on the way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use raftgate_model::time::Ttl;

use super::address::HostPort;
use super::error::ConfigError;
use super::key::{Key, Kind};
use super::layers::{Layers, Located};
use super::nearest::nearest_of;
use super::origin::Origin;
use super::typed::{self, MESSAGE_IDS, OverrideMessage, WrongMessage};
use super::value::RawValue;
use raftgate_model::secret::Secret;

/// Reads settings out of the layers. A wrong value is noted and reads as unset, so that reading goes on.
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    errors: Vec<ConfigError>,
    #[cfg(test)]
    pub(super) read: std::collections::BTreeSet<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers, errors: Vec<ConfigError>) -> Self {
        Self {
            layers,
            errors,
            #[cfg(test)]
            read: std::collections::BTreeSet::new(),
        }
    }

    /// Everything that was wrong.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    /// Notes that `key` contradicts another setting.
    pub(super) fn conflict(&mut self, key: &Key, reason: String) {
        self.errors.push(ConfigError::Conflict {
            origin: self.layers.origin(key),
            key: key.path(),
            reason,
        });
    }

    /// Whether some source sets a key.
    pub(super) fn is_set(&self, key: &Key) -> bool {
        self.layers.origin(key) != Origin::Default
    }

    /// Where a key was set.
    pub(super) fn origin(&self, key: &Key) -> Origin {
        self.layers.origin(key)
    }

    pub(super) fn text(&mut self, key: &Key) -> String {
        let Kind::Text { bytes_max } = key.kind else {
            return String::new();
        };
        self.value(key, |value| typed::text(value, bytes_max))
            .unwrap_or_default()
    }

    pub(super) fn secret(&mut self, key: &Key) -> Option<Secret> {
        self.value(key, typed::secret).map(Secret::new)
    }

    pub(super) fn path(&mut self, key: &Key) -> Option<PathBuf> {
        self.value(key, typed::path)
    }

    pub(super) fn node_name(&mut self, key: &Key) -> Option<String> {
        self.value(key, typed::node_name)
    }

    pub(super) fn listen(&mut self, key: &Key) -> SocketAddr {
        self.value(key, typed::listen)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub(super) fn remote(&mut self, key: &Key) -> Option<HostPort> {
        self.value(key, typed::remote)
    }

    pub(super) fn remotes(&mut self, key: &Key) -> Vec<HostPort> {
        self.value(key, typed::remotes).unwrap_or_default()
    }

    pub(super) fn networks(&mut self, key: &Key) -> Vec<IpNet> {
        self.value(key, typed::networks).unwrap_or_default()
    }

    pub(super) fn boolean(&mut self, key: &Key) -> bool {
        self.value(key, typed::boolean).unwrap_or_default()
    }

    /// A number, or `None` when it is unset; where a default exists `None` only stands beside an error.
    pub(super) fn number_if_set(&mut self, key: &Key) -> Option<u64> {
        let Kind::Number(bounds) = key.kind else {
            return None;
        };
        self.value(key, |value| typed::number(value, bounds))
    }

    pub(super) fn number(&mut self, key: &Key) -> u64 {
        self.number_if_set(key).unwrap_or_default()
    }

    pub(super) fn count(&mut self, key: &Key) -> usize {
        usize::try_from(self.number(key)).unwrap_or(usize::MAX)
    }

    pub(super) fn ms(&mut self, key: &Key) -> Ttl {
        Ttl::from_ms(self.number(key))
    }

    pub(super) fn seconds(&mut self, key: &Key) -> Ttl {
        Ttl::from_s(self.number(key))
    }

    pub(super) fn list_of_ms(&mut self, key: &Key) -> Vec<Ttl> {
        let Kind::Numbers { each, entries_max } = key.kind else {
            return Vec::new();
        };
        let numbers = self.value(key, |value| typed::numbers(value, each, entries_max));
        let numbers = numbers.unwrap_or_default();
        numbers.into_iter().map(Ttl::from_ms).collect()
    }

    pub(super) fn choice(&mut self, key: &Key) -> &'static str {
        let Kind::Choice(words) = key.kind else {
            return "";
        };
        self.value(key, |value| typed::choice(value, words))
            .unwrap_or_default()
    }

    pub(super) fn log_filter(&mut self, key: &Key) -> String {
        self.value(key, typed::log_filter).unwrap_or_default()
    }

    pub(super) fn messages(&mut self, key: &Key) -> BTreeMap<String, OverrideMessage> {
        let Some(located) = self.located(key) else {
            return BTreeMap::new();
        };
        match typed::messages(&located.value) {
            Ok(messages) => messages,
            Err(WrongMessage::UnknownId(id)) => {
                let nearest = nearest_of(&id, MESSAGE_IDS.iter().copied());
                self.errors.push(ConfigError::UnknownKey {
                    origin: located.origin,
                    key: format!("{}.{id}", key.path()),
                    nearest: format!("{}.{nearest}", key.path()),
                });
                BTreeMap::new()
            }
            Err(WrongMessage::Entry(id)) => {
                let dot = if id.is_empty() { "" } else { "." };
                self.errors.push(ConfigError::Invalid {
                    origin: located.origin,
                    key: format!("{}{dot}{id}", key.path()),
                    value: "this value".to_owned(),
                    allowed: key.kind.allowed(),
                });
                BTreeMap::new()
            }
        }
    }

    fn value<T>(&mut self, key: &Key, typed: impl Fn(&RawValue) -> Option<T>) -> Option<T> {
        let located = self.located(key)?;
        let value = typed(&located.value);
        if value.is_none() {
            let shown = match key.kind {
                Kind::Secret => "the value (not shown)".to_owned(),
                _ => located.value.shown(),
            };
            self.errors.push(ConfigError::Invalid {
                origin: located.origin,
                key: key.path(),
                value: shown,
                allowed: key.kind.allowed(),
            });
        }
        value
    }

    fn located(&mut self, key: &Key) -> Option<Located> {
        #[cfg(test)]
        self.read.insert(key.path());
        match self.layers.get(key) {
            Ok(located) => located,
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }
}
