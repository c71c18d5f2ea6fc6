//! The configuration file as a source.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::error::ConfigError;
use super::layers::Layers;
use super::nearest::{nearest_key, nearest_of};
use super::origin::Origin;
use super::table;
use super::value::RawValue;

/// The longest configuration file, in bytes; a longer one is some other file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A configuration file's text and the name it goes by in errors.
pub struct ConfigFile {
    path: PathBuf,
    text: Zeroizing<String>,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, is longer than 1 MiB or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |reason: String| ConfigError::Unreadable {
            path: path.to_owned(),
            reason,
        };
        let mut text = Zeroizing::new(String::new());
        let failed = |error: std::io::Error| {
            unreadable(format!(
                "{error}; correct the path after --config, or the rights on the file"
            ))
        };
        let file = File::open(path).map_err(failed)?;
        let length = file
            .take(FILE_BYTES_MAX + 1)
            .read_to_string(&mut text)
            .map_err(failed)?;
        if u64::try_from(length).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
            return Err(unreadable(format!(
                "it is longer than {FILE_BYTES_MAX} bytes"
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// Takes a text as if it had been read from `path`.
    #[must_use]
    pub fn from_text(path: &Path, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: Zeroizing::new(text.to_owned()),
        }
    }

    /// Lays the file's keys over what is there.
    pub(super) fn lay_over(&self, layers: &mut Layers, errors: &mut Vec<ConfigError>) {
        let document = match DeTable::parse(&self.text) {
            Ok(document) => document,
            Err(error) => {
                // The error's own display repeats the line, which may hold a secret; the message does not.
                let (line, column) = self.position(error.span().map_or(0, |span| span.start));
                errors.push(ConfigError::Syntax {
                    path: self.path.clone(),
                    line,
                    column,
                    reason: error.message().to_owned(),
                });
                return;
            }
        };
        self.lay_sections(document.get_ref(), layers, errors);
    }

    fn lay_sections(
        &self,
        sections: &DeTable<'_>,
        layers: &mut Layers,
        errors: &mut Vec<ConfigError>,
    ) {
        for (section, value) in sections {
            match value.get_ref() {
                DeValue::Table(keys) if !keys.is_empty() => {
                    for (name, value) in keys {
                        let path = format!("{}.{}", section.get_ref(), name.get_ref());
                        let offset = name.span().start;
                        match table::ALL.iter().find(|key| key.path() == path) {
                            Some(key) => {
                                layers.set(key, self.origin(offset), RawValue::from_toml(value))
                            }
                            None => errors.push(self.unknown(&path, offset)),
                        }
                    }
                }
                DeValue::Table(_) if is_section(section.get_ref()) => {}
                DeValue::Table(_) => {
                    let name = section.get_ref();
                    errors.push(ConfigError::UnknownKey {
                        origin: self.origin(section.span().start),
                        nearest: format!("the section [{}]", nearest_of(name, sections_known())),
                        key: format!("[{name}]"),
                    });
                }
                _ => errors.push(self.unknown(section.get_ref(), section.span().start)),
            }
        }
    }

    fn unknown(&self, path: &str, offset: usize) -> ConfigError {
        ConfigError::UnknownKey {
            origin: self.origin(offset),
            nearest: if is_section(path) {
                format!("the section [{path}]")
            } else {
                nearest_key(path)
            },
            key: path.to_owned(),
        }
    }

    fn origin(&self, offset: usize) -> Origin {
        Origin::File {
            path: self.path.clone(),
            line: self.position(offset).0,
        }
    }

    /// The line and the column of a byte offset, both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }
}

fn sections_known() -> impl Iterator<Item = &'static str> {
    table::ALL.iter().map(|key| key.section)
}

fn is_section(name: &str) -> bool {
    sections_known().any(|section| section == name)
}
