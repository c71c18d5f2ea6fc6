//! Header transforms: fields that are removed and fields that are set, with values of the request's own in them.

use std::fmt;

use crate::json::{DocumentFaults, Node};

/// The most fields that one transform may remove, and set.
const FIELDS_MAX: usize = 128;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// The longest value as it is written in the definition, in bytes.
const VALUE_BYTES_MAX: usize = 4096;

/// Fields that the gateway alone writes: of the framing, and its own.
const WRITTEN_HERE: [&str; 4] = [
    "content-length",
    "expect",
    "transfer-encoding",
    "x-request-id",
];

/// Fields of one hop, which never go on.
const ENDS_HERE: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// Which message is transformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Response,
}

/// Whether two names of fields are one variable to a server that reads them as CGI has it: case and `_` for `-` do not matter.
#[inline]
#[must_use]
pub fn is_same_variable(name: &[u8], other: &[u8]) -> bool {
    let variable = |byte: &u8| match byte {
        b'_' => b'-',
        byte => byte.to_ascii_lowercase(),
    };
    name.len() == other.len() && name.iter().map(variable).eq(other.iter().map(variable))
}

/// What is done to the fields of a message: removed first, then set in place of what has the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    /// Names of fields that are removed, in lower case.
    pub remove: Vec<Box<str>>,
    /// Fields that are set, under the name as it was written.
    pub set: Vec<(Box<str>, HeaderTemplate)>,
}

impl HeaderRules {
    /// Whether nothing is done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// These rules, and `later` ones on what they leave.
    #[must_use]
    pub fn then(&self, later: &Self) -> Self {
        let is_removed = |name: &str| {
            let mut removed = later.remove.iter();
            removed.any(|removed| removed.eq_ignore_ascii_case(name))
        };
        let is_set = |name: &str| {
            let mut set = later.set.iter();
            set.any(|(set, _)| set.eq_ignore_ascii_case(name))
        };
        let kept = self
            .set
            .iter()
            .filter(|(name, _)| !is_removed(name) && !is_set(name));
        Self {
            remove: self.remove.iter().chain(&later.remove).cloned().collect(),
            set: kept.chain(&later.set).cloned().collect(),
        }
    }

    /// Reads a list of names to remove and an object of fields to set.
    pub(super) fn read(
        remove: &Node<'_>,
        set: &Node<'_>,
        message: Message,
        faults: &mut DocumentFaults,
    ) -> Self {
        let names = remove.items(FIELDS_MAX, faults);
        let names = names.iter().filter_map(|node| {
            let name = read_name(node, node.filled_text(faults)?, faults)?;
            is_removable(node, &name, message, faults).then_some(name)
        });
        let remove = names.collect();
        let fields = set.members(FIELDS_MAX, faults);
        let fields = fields.iter().filter_map(|(name, value)| {
            let lower = read_name(value, name, faults)?;
            let template = HeaderTemplate::read(value, faults)?;
            is_settable(value, &lower, &template, message, faults)
                .then(|| (Box::from(*name), template))
        });
        Self {
            remove,
            set: fields.collect(),
        }
    }
}

fn read_name(node: &Node<'_>, name: &str, faults: &mut DocumentFaults) -> Option<Box<str>> {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_token_byte) {
        faults.add(node.path(), "must have the name of a header field");
        return None;
    }
    Some(name.to_ascii_lowercase().into())
}

fn is_removable(
    node: &Node<'_>,
    name: &str,
    message: Message,
    faults: &mut DocumentFaults,
) -> bool {
    // Nothing of these goes on whether they are named here or not.
    if ENDS_HERE.contains(&name) {
        return false;
    }
    let is_needed = name == "host" && message == Message::Request;
    if WRITTEN_HERE.contains(&name) || is_needed {
        faults.add(
            node.path(),
            format!("{name} is written by the gateway and cannot be removed"),
        );
        return false;
    }
    true
}

fn is_settable(
    node: &Node<'_>,
    name: &str,
    template: &HeaderTemplate,
    message: Message,
    faults: &mut DocumentFaults,
) -> bool {
    if WRITTEN_HERE.contains(&name) || ENDS_HERE.contains(&name) {
        faults.add(
            node.path(),
            format!("{name} is written by the gateway and cannot be set"),
        );
        return false;
    }
    if name == "host" && message == Message::Request {
        let is_host = template.literal().is_some_and(|host| {
            !host.is_empty()
                && host.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=:[]%".contains(&byte)
                })
        });
        if !is_host {
            faults.add(
                node.path(),
                "must be a host with or without port, and no variable",
            );
        }
        return is_host;
    }
    true
}

/// The value of a field: text with variables in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderTemplate {
    parts: Vec<TemplatePart>,
}

/// A piece of a value; text is shown by its length alone, it may be what opens an upstream.
#[derive(Clone, PartialEq, Eq)]
pub enum TemplatePart {
    /// Text as it stands.
    Text(Box<str>),
    /// `$tyk_meta.NAME`: what the caller's session says under this name, else nothing.
    Meta(Box<str>),
    /// `$tyk_context.NAME`: something of the request.
    Context(ContextVariable),
}

/// What of a request a value can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextVariable {
    /// `request_id`.
    RequestId,
    /// `remote_addr`: the client's address.
    RemoteAddress,
    /// `path`, as it was asked for.
    Path,
    /// `headers_NAME`: the first field of this name, where `_` stands for `-` as well.
    Header(Box<str>),
    /// `cookies_NAME`.
    Cookie(Box<str>),
}

impl fmt::Debug for TemplatePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Meta(name) => f.debug_tuple("Meta").field(name).finish(),
            Self::Context(variable) => f.debug_tuple("Context").field(variable).finish(),
        }
    }
}

impl HeaderTemplate {
    /// The pieces in their order.
    #[must_use]
    pub fn parts(&self) -> &[TemplatePart] {
        &self.parts
    }

    /// The whole value if it holds no variable.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TemplatePart::Text(text)] => Some(text),
            _ => None,
        }
    }

    fn read(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<Self> {
        let text = node
            .text(faults)
            .or_else(|| node.value().is_none().then_some(""))?;
        if text.len() > VALUE_BYTES_MAX {
            faults.add(node.path(), format!("has at most {VALUE_BYTES_MAX} bytes"));
            return None;
        }
        if text.chars().any(char::is_control) {
            faults.add(
                node.path(),
                "must not hold control characters, line ends least of all",
            );
            return None;
        }
        match parse(text.trim()) {
            Ok(parts) => Some(Self { parts }),
            Err(unknown) => {
                faults.add(node.path(), unknown);
                None
            }
        }
    }
}

const META: &str = "$tyk_meta.";
const CONTEXT: &str = "$tyk_context.";
/// Stores that values can come from in Tyk.
const STORES: [&str; 5] = ["$secret_", "env://", "secrets://", "vault://", "consul://"];

/// Why a text cannot be taken as it is: Tyk would put something else in its place.
pub(super) fn stands_elsewhere(text: &str) -> Result<(), String> {
    let names = |store: &&&str| {
        text.starts_with(**store) || store.starts_with('$') && text.contains(**store)
    };
    match STORES.iter().find(names) {
        Some(store) => Err(format!("values from {store} are not supported")),
        None => Ok(()),
    }
}

fn parse(text: &str) -> Result<Vec<TemplatePart>, String> {
    stands_elsewhere(text)?;
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(place) = rest.find("$tyk_") {
        let (before, variable) = rest.split_at_checked(place).unwrap_or((rest, ""));
        let (is_meta, named) = match (variable.strip_prefix(META), variable.strip_prefix(CONTEXT)) {
            (Some(named), _) => (true, named),
            (None, Some(named)) => (false, named),
            (None, None) => return Err(unknown(variable)),
        };
        let end = named
            .find(|character: char| {
                !character.is_ascii_alphanumeric() && !"_-.".contains(character)
            })
            .unwrap_or(named.len());
        let (name, after) = named.split_at_checked(end).unwrap_or((named, ""));
        let part = match is_meta {
            _ if name.is_empty() => return Err(unknown(variable)),
            true => TemplatePart::Meta(name.into()),
            false => TemplatePart::Context(context(name).ok_or_else(|| unknown(variable))?),
        };
        if !before.is_empty() {
            parts.push(TemplatePart::Text(before.into()));
        }
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(TemplatePart::Text(rest.into()));
    }
    Ok(parts)
}

fn context(name: &str) -> Option<ContextVariable> {
    let filled = |name: &str| (!name.is_empty()).then(|| Box::from(name));
    match name {
        "request_id" => Some(ContextVariable::RequestId),
        "remote_addr" => Some(ContextVariable::RemoteAddress),
        "path" => Some(ContextVariable::Path),
        _ => {
            let header = name.strip_prefix("headers_").and_then(filled);
            let cookie = || name.strip_prefix("cookies_").and_then(filled);
            header
                .map(ContextVariable::Header)
                .or_else(|| cookie().map(ContextVariable::Cookie))
        }
    }
}

fn unknown(variable: &str) -> String {
    let shown: String = variable.chars().take(64).collect();
    format!(
        "{shown:?} is no variable that is known: $tyk_meta.NAME and $tyk_context.request_id, .remote_addr, .path, \
         .headers_NAME and .cookies_NAME are"
    )
}

/// Reads Tyk's `response_processors`: what they do to the fields of every answer.
pub(super) fn read_processors(list: &Node<'_>, faults: &mut DocumentFaults) -> HeaderRules {
    let mut rules = HeaderRules::default();
    for processor in list.items(FIELDS_MAX, faults) {
        let name = processor.get("name", faults);
        if name.filled_text(faults) != Some("header_injector") {
            faults.add(
                name.path(),
                "only header_injector is supported; remove it to import the definition",
            );
            continue;
        }
        let options = processor.get("options", faults);
        let remove = options.get("remove_headers", faults);
        let set = options.get("add_headers", faults);
        rules = rules.then(&HeaderRules::read(&remove, &set, Message::Response, faults));
    }
    rules
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
