//! Configuration: defaults, file, environment and flags become one [`Settings`], or a list of all that is wrong.
//!
//! [`table`] defines every key once. Sources are laid over each other as raw values that remember where they came from
//! ([`layers`]), because an error has to point there, which a serde struct can no longer do; [`settings`] then checks types and bounds.

pub mod address;
pub mod environment;
pub mod error;
pub mod file;
pub mod flags;
pub mod key;
pub mod layers;
pub mod limits;
pub mod log;
pub mod nearest;
pub mod oauth;
pub mod origin;
mod reader;
#[cfg(test)]
mod reference;
pub mod settings;
pub mod table;
pub mod typed;
pub mod value;
mod without_effect;

use std::path::Path;

use environment::Environment;
use error::{ConfigError, ConfigErrors};
use file::ConfigFile;
use flags::Flags;
use layers::Layers;
use reader::Reader;
use settings::Settings;

/// Reads the file, if there is one, and resolves it with the environment and the flags.
///
/// # Errors
/// Everything that is wrong in any of them.
pub fn load(
    file: Option<&Path>,
    environment: &Environment,
    flags: &Flags,
) -> Result<Settings, ConfigErrors> {
    let file = file.map(ConfigFile::read).transpose()?;
    resolve(file.as_ref(), environment, flags)
}

/// Lays flags over the environment over the file over the defaults, and checks the result.
///
/// # Errors
/// Everything that is wrong in any of them.
pub fn resolve(
    file: Option<&ConfigFile>,
    environment: &Environment,
    flags: &Flags,
) -> Result<Settings, ConfigErrors> {
    let mut layers = Layers::default();
    let mut errors: Vec<ConfigError> = Vec::new();
    if let Some(file) = file {
        file.lay_over(&mut layers, &mut errors);
    }
    environment.lay_over(&mut layers, &mut errors);
    flags.lay_over(&mut layers, &mut errors);
    let mut reader = Reader::new(&layers, errors);
    let settings = Settings::read(&mut reader);
    ConfigErrors::none(reader.into_errors())?;
    Ok(settings)
}

#[cfg(test)]
#[path = "mod_tests/mod.rs"]
mod tests;
