//! The command line's flags as a source of settings.

use zeroize::Zeroizing;

use super::environment::value_of;
use super::error::ConfigError;
use super::key::Key;
use super::layers::Layers;
use super::origin::Origin;

/// The flags that were given, each with the key that it sets.
#[derive(Default)]
pub struct Flags(Vec<(&'static str, &'static Key, Zeroizing<String>)>);

impl Flags {
    /// Adds a flag, with its dashes, if it was given.
    #[must_use]
    pub fn with(mut self, flag: &'static str, key: &'static Key, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.0.push((flag, key, Zeroizing::new(value.to_owned())));
        }
        self
    }

    /// Lays the flags over what is there.
    pub(super) fn lay_over(&self, layers: &mut Layers, errors: &mut Vec<ConfigError>) {
        for (flag, key, text) in &self.0 {
            let origin = Origin::Flag(flag);
            match value_of(key, text, &origin) {
                Ok(value) => layers.set(key, origin, value),
                Err(error) => errors.push(error),
            }
        }
    }
}
