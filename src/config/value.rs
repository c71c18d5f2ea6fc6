//! A value as some source gave it, before anything is known about what it should be.

use std::fmt::Write as _;

use toml::Spanned;
use toml::de::DeValue;
use zeroize::Zeroizing;

/// The most characters of a wrong text that are repeated in an error.
const SHOWN_CHARS_MAX: usize = 80;

/// A value of TOML, reduced to what configuration uses; texts are wiped when dropped, for they may be secrets.
#[derive(Clone)]
pub enum RawValue {
    /// A text.
    Text(Zeroizing<String>),
    /// A whole number that fits 64 bits.
    Number(i64),
    /// A truth value.
    Boolean(bool),
    /// A list.
    List(Vec<Self>),
    /// A table.
    Table(Vec<(String, Self)>),
    /// What no setting takes: a fraction, a date, a number beyond 64 bits.
    Other(&'static str),
}

impl RawValue {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(Zeroizing::new(text.to_owned()))
    }

    /// Reads one TOML value, as environment variables and defaults give it.
    ///
    /// # Errors
    /// The text is not a TOML value; the message does not repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match DeValue::parse(text) {
            Ok(value) => Ok(Self::from_toml(&value)),
            Err(error) => Err(error.message().to_owned()),
        }
    }

    /// Takes over a parsed value.
    #[must_use]
    pub fn from_toml(value: &Spanned<DeValue<'_>>) -> Self {
        match value.get_ref() {
            DeValue::String(text) => Self::text(text),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map_or(Self::Other("a number beyond 64 bits"), Self::Number),
            DeValue::Boolean(truth) => Self::Boolean(*truth),
            DeValue::Array(values) => Self::List(values.iter().map(Self::from_toml).collect()),
            DeValue::Table(entries) => Self::Table(
                entries
                    .iter()
                    .map(|(key, value)| (key.get_ref().to_string(), Self::from_toml(value)))
                    .collect(),
            ),
            DeValue::Float(_) => Self::Other("a number with a fraction"),
            DeValue::Datetime(_) => Self::Other("a date or time"),
        }
    }

    /// The value for an error message, shortened; not to be called for secrets.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => {
                let mut chars = text.chars();
                let mut shown: String = chars.by_ref().take(SHOWN_CHARS_MAX).collect();
                if chars.next().is_some() {
                    shown.push_str("...");
                }
                format!("{shown:?}")
            }
            Self::Number(number) => number.to_string(),
            Self::Boolean(truth) => truth.to_string(),
            Self::List(values) => {
                let mut shown = String::from("[");
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    if shown.len() > SHOWN_CHARS_MAX {
                        shown.push_str(", ...");
                        break;
                    }
                    // Writing to a String cannot fail.
                    let _ = write!(shown, "{comma}{}", value.shown());
                }
                shown.push(']');
                shown
            }
            Self::Table(_) => "a table".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}
