//! From raw values to types: one function per kind, each `None` for what the kind does not allow.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use raftgate_model::network::network;

use super::address::{HostPort, parse_listen};
use super::key::Bounds;
use super::value::RawValue;

/// The longest secret, in bytes: it has to fit a header.
pub const SECRET_BYTES_MAX: usize = 512;
/// The longest node name, in bytes: that of a DNS label.
const NODE_NAME_BYTES_MAX: usize = 63;
/// The longest path that the system takes, in bytes.
const PATH_BYTES_MAX: usize = 4096;
/// The most entries of a list of addresses or networks.
const LIST_ENTRIES_MAX: usize = 1024;
/// The longest overriding message, in bytes.
const MESSAGE_BYTES_MAX: usize = 4096;

/// Tyk's ids of the messages that can be overridden.
pub const MESSAGE_IDS: &[&str] = &[
    "auth.auth_field_missing",
    "auth.cert_expired",
    "auth.cert_mismatch",
    "auth.cert_not_found",
    "auth.cert_required",
    "auth.key_is_invalid",
    "auth.key_not_found",
    "oauth.auth_field_malformed",
    "oauth.auth_field_missing",
    "oauth.client_deleted",
    "oauth.key_not_found",
];

/// What replaces one of Tyk's error messages; the half that is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideMessage {
    /// The status, 400 to 599.
    pub code: Option<u16>,
    /// The words.
    pub message: Option<String>,
}

/// What is wrong inside `override_messages`: the path below it, and the known id when the id is the mistake.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WrongMessage {
    /// No message has this id.
    UnknownId(String),
    /// The entry of this id is not a code, a message or both.
    Entry(String),
}

pub(super) fn text(value: &RawValue, bytes_max: usize) -> Option<String> {
    match value {
        RawValue::Text(text) if text.len() <= bytes_max => Some(text.to_string()),
        _ => None,
    }
}

pub(super) fn secret(value: &RawValue) -> Option<String> {
    text(value, SECRET_BYTES_MAX)
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()))
}

pub(super) fn path(value: &RawValue) -> Option<PathBuf> {
    text(value, PATH_BYTES_MAX)
        .filter(|text| !text.is_empty() && !text.contains('\0'))
        .map(PathBuf::from)
}

pub(super) fn node_name(value: &RawValue) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text(value, NODE_NAME_BYTES_MAX).filter(|text| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(allowed)
    })
}

pub(super) fn listen(value: &RawValue) -> Option<SocketAddr> {
    parse_listen(&text(value, PATH_BYTES_MAX)?)
}

pub(super) fn remote(value: &RawValue) -> Option<HostPort> {
    text(value, PATH_BYTES_MAX)?.parse().ok()
}

pub(super) fn remotes(value: &RawValue) -> Option<Vec<HostPort>> {
    texts(value)?.iter().map(|text| text.parse().ok()).collect()
}

pub(super) fn networks(value: &RawValue) -> Option<Vec<IpNet>> {
    texts(value)?.iter().map(|text| network(text)).collect()
}

/// The entries of a list of texts, or of one text with commas; an empty text is an empty list.
fn texts(value: &RawValue) -> Option<Vec<String>> {
    let entries: Vec<String> = match value {
        RawValue::Text(list) if list.trim().is_empty() => Vec::new(),
        RawValue::Text(list) => list.split(',').map(|text| text.trim().to_owned()).collect(),
        RawValue::List(values) => values
            .iter()
            .map(|value| text(value, PATH_BYTES_MAX))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    (entries.len() <= LIST_ENTRIES_MAX).then_some(entries)
}

pub(super) fn boolean(value: &RawValue) -> Option<bool> {
    match value {
        RawValue::Boolean(truth) => Some(*truth),
        _ => None,
    }
}

pub(super) fn number(value: &RawValue, bounds: Bounds) -> Option<u64> {
    match value {
        RawValue::Number(number) => u64::try_from(*number)
            .ok()
            .filter(|number| (bounds.min..=bounds.max).contains(number)),
        _ => None,
    }
}

pub(super) fn numbers(value: &RawValue, each: Bounds, entries_max: usize) -> Option<Vec<u64>> {
    match value {
        RawValue::List(values) if (1..=entries_max).contains(&values.len()) => {
            values.iter().map(|value| number(value, each)).collect()
        }
        _ => None,
    }
}

pub(super) fn choice(value: &RawValue, words: &[&'static str]) -> Option<&'static str> {
    match value {
        RawValue::Text(text) => words.iter().find(|word| **word == text.as_str()).copied(),
        _ => None,
    }
}

/// A level, or several with a module each; at most one stands alone.
pub(super) fn log_filter(value: &RawValue) -> Option<String> {
    let is_level = |text: &str| {
        ["off", "error", "warn", "info", "debug", "trace"]
            .iter()
            .any(|level| text.eq_ignore_ascii_case(level))
    };
    let is_module = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_'))
    };
    let text = text(value, PATH_BYTES_MAX)?;
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let alone = parts.iter().filter(|part| !part.contains('=')).count();
    let all_right = parts.iter().all(|part| match part.split_once('=') {
        Some((module, level)) => is_module(module) && is_level(level),
        None => is_level(part),
    });
    (all_right && alone <= 1).then(|| parts.join(","))
}

/// The messages by id; ids may be written with quotes or as nested tables, since both are natural in TOML.
pub(super) fn messages(
    value: &RawValue,
) -> Result<BTreeMap<String, OverrideMessage>, WrongMessage> {
    let mut found = BTreeMap::new();
    let RawValue::Table(entries) = value else {
        return Err(WrongMessage::Entry(String::new()));
    };
    for (name, entry) in entries {
        if MESSAGE_IDS.contains(&name.as_str()) {
            found.insert(name.clone(), message(name, entry)?);
            continue;
        }
        let RawValue::Table(group) = entry else {
            return Err(WrongMessage::UnknownId(name.clone()));
        };
        for (rest, entry) in group {
            let id = format!("{name}.{rest}");
            if !MESSAGE_IDS.contains(&id.as_str()) {
                return Err(WrongMessage::UnknownId(id));
            }
            let read = message(&id, entry)?;
            found.insert(id, read);
        }
    }
    Ok(found)
}

fn message(id: &str, entry: &RawValue) -> Result<OverrideMessage, WrongMessage> {
    let wrong = || WrongMessage::Entry(id.to_owned());
    let RawValue::Table(fields) = entry else {
        return Err(wrong());
    };
    let bounds = Bounds { min: 400, max: 599 };
    let mut read = OverrideMessage::default();
    for (name, value) in fields {
        match name.as_str() {
            "code" => {
                let code = number(value, bounds).and_then(|code| u16::try_from(code).ok());
                read.code = Some(code.ok_or_else(wrong)?);
            }
            "message" => read.message = Some(text(value, MESSAGE_BYTES_MAX).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        }
    }
    match read {
        OverrideMessage {
            code: None,
            message: None,
        } => Err(wrong()),
        read => Ok(read),
    }
}
