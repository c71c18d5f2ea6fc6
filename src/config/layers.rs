//! The sources laid over each other: for each key the strongest value and where it came from.

use std::collections::BTreeMap;

use super::error::ConfigError;
use super::key::{DefaultValue, Key};
use super::origin::Origin;
use super::value::RawValue;

/// The environment variable with the passphrase of the key ring's envelope; not a setting.
pub const PASSPHRASE_VARIABLE: &str = "RAFTGATE_KEYS_PASSPHRASE";

/// One value and its source.
#[derive(Clone)]
pub struct Located {
    /// Where it came from.
    pub origin: Origin,
    /// What stands there.
    pub value: RawValue,
}

/// The strongest value of each key that some source sets. Sources are laid from the weakest to the strongest.
#[derive(Default)]
pub struct Layers(BTreeMap<String, Located>);

impl Layers {
    /// Sets a key, over whatever a weaker source said.
    pub fn set(&mut self, key: &Key, origin: Origin, value: RawValue) {
        self.0.insert(key.path(), Located { origin, value });
    }

    /// What applies to a key: the strongest value, else the default, else `None`.
    ///
    /// # Errors
    /// The default in the table is not TOML, which a test rules out.
    pub fn get(&self, key: &Key) -> Result<Option<Located>, ConfigError> {
        if let Some(located) = self.0.get(&key.path()) {
            return Ok(Some(located.clone()));
        }
        let DefaultValue::Toml(text) = key.default else {
            return Ok(None);
        };
        match RawValue::parse(text) {
            Ok(value) => Ok(Some(Located {
                origin: Origin::Default,
                value,
            })),
            Err(reason) => Err(ConfigError::Conflict {
                origin: Origin::Default,
                key: key.path(),
                reason,
            }),
        }
    }

    /// Where a key was set; [`Origin::Default`] when no source set it.
    #[must_use]
    pub fn origin(&self, key: &Key) -> Origin {
        self.0
            .get(&key.path())
            .map_or(Origin::Default, |located| located.origin.clone())
    }
}
