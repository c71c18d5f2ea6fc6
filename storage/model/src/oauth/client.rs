//! Tyk's client JSON: what a registration asks for, and how a client is shown.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::redirect::RegisteredUris;
use crate::id::{ApiId, ClientId, PolicyId};
use crate::json::{DocumentFaults, Node, parse_object};
use crate::secret::Secret;
use crate::state::record::ClientText;
use crate::time::Timestamp;

/// The longest client document, in bytes.
pub const CLIENT_BYTES_MAX: usize = 64 * 1024;

/// The longest `meta_data`, in bytes of compact JSON.
pub const META_DATA_BYTES_MAX: usize = 16 * 1024;

/// The longest `description`, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 4096;

/// The longest `redirect_uri` text with all of its URIs, in bytes.
const REDIRECT_TEXT_BYTES_MAX: usize = 16 * 1024;

/// The longest client secret that a caller may choose, in bytes.
pub const CLIENT_SECRET_BYTES_MAX: usize = 256;

/// What the body of a create or update request asks for.
pub struct ClientRequest {
    /// The `client_id`, made by the server if absent.
    pub id: Option<ClientId>,
    /// The API to register with; absent, the policy's APIs.
    pub api: Option<ApiId>,
    /// The secret, made by the server if absent.
    pub secret: Option<Secret>,
    /// Whether the client is public: without a secret, and bound to PKCE.
    pub public: bool,
    /// From when on it is refused, never if absent.
    pub expires_at: Option<Timestamp>,
    /// Redirect URIs, policy, metadata and description; what is absent is empty, also in an update (Tyk).
    pub text: ClientText,
}

/// What the body of an update asks for; `client_id`, `api_id` and `secret` in it say nothing (Tyk).
pub struct ClientChange {
    /// What the client is to be, if the body says so; it cannot be changed.
    pub public: Option<bool>,
    /// From when on it is refused, never if absent.
    pub expires_at: Option<Timestamp>,
    /// Redirect URIs, policy, metadata and description; what is absent is empty from now on (Tyk).
    pub text: ClientText,
}

impl ClientChange {
    /// Reads a client document; `separator` is the one between redirect URIs.
    ///
    /// # Errors
    /// Every place that is malformed or out of bounds.
    pub fn from_json(text: &str, separator: &str) -> Result<Self, DocumentFaults> {
        let object = parse_object(text, CLIENT_BYTES_MAX)?;
        let mut faults = DocumentFaults::default();
        let public = Node::member(&object, "public", &mut faults);
        let change = Self {
            public: public.optional_flag(&mut faults),
            expires_at: read_expires(&object, &mut faults),
            text: read_text(&object, separator, &mut faults),
        };
        faults.or(change)
    }
}

impl ClientRequest {
    /// Reads a client document; `separator` is the one between redirect URIs.
    ///
    /// # Errors
    /// Every place that is malformed or out of bounds.
    pub fn from_json(text: &str, separator: &str) -> Result<Self, DocumentFaults> {
        let object = parse_object(text, CLIENT_BYTES_MAX)?;
        let mut faults = DocumentFaults::default();
        let request = Self::from_object(&object, separator, &mut faults);
        faults.or(request)
    }

    fn from_object(
        object: &Map<String, Value>,
        separator: &str,
        faults: &mut DocumentFaults,
    ) -> Self {
        let public = Node::member(object, "public", faults);
        let secret = read_secret(object, faults);
        let is_public = public.flag(faults);
        if is_public && secret.is_some() {
            faults.add(public.path(), "a public client has no secret");
        }
        let text = read_text(object, separator, faults);
        Self {
            id: read_id(object, faults),
            api: identifier(object, "api_id", ApiId::new, faults),
            secret,
            public: is_public,
            expires_at: read_expires(object, faults),
            text,
        }
    }
}

fn read_text(
    object: &Map<String, Value>,
    separator: &str,
    faults: &mut DocumentFaults,
) -> ClientText {
    ClientText {
        redirect_uri: read_redirect_uri(object, separator, faults),
        policy: identifier(object, "policy_id", PolicyId::new, faults),
        meta_data: read_meta_data(object, faults),
        description: bounded_text(object, "description", DESCRIPTION_BYTES_MAX, faults),
    }
}

/// The id goes into paths and in front of the colon of Basic credentials.
fn read_id(object: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<ClientId> {
    let id = identifier(object, "client_id", ClientId::new, faults)?;
    let usable = |byte: u8| byte.is_ascii_graphic() && !b":/\\?#%".contains(&byte);
    if !id.as_str().bytes().all(usable) || matches!(id.as_str(), "." | "..") {
        faults.add(
            "client_id",
            "must be printable ASCII without spaces and none of :/\\?#%",
        );
        return None;
    }
    Some(id)
}

fn identifier<T, E: ToString>(
    object: &Map<String, Value>,
    key: &str,
    make: impl Fn(&str) -> Result<T, E>,
    faults: &mut DocumentFaults,
) -> Option<T> {
    let node = Node::member(object, key, faults);
    let text = node.filled_text(faults)?;
    make(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

fn read_secret(object: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<Secret> {
    let node = Node::member(object, "secret", faults);
    let secret = node.filled_text(faults)?;
    if secret.len() > CLIENT_SECRET_BYTES_MAX
        || !secret.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    {
        faults.add(
            node.path(),
            format!("must be at most {CLIENT_SECRET_BYTES_MAX} printable ASCII characters"),
        );
    }
    Some(Secret::from(secret))
}

fn read_redirect_uri(
    object: &Map<String, Value>,
    separator: &str,
    faults: &mut DocumentFaults,
) -> Arc<str> {
    let text = bounded_text(object, "redirect_uri", REDIRECT_TEXT_BYTES_MAX, faults);
    if let Err(error) = RegisteredUris::parse(&text, separator) {
        faults.add("redirect_uri", error.to_string());
    }
    text
}

/// `meta_data` as compact JSON text; `null` counts as absent, and what is no object would break sessions later.
fn read_meta_data(object: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<Arc<str>> {
    let node = Node::member(object, "meta_data", faults);
    node.object(faults)?;
    let text = node.value()?.to_string();
    if text.len() > META_DATA_BYTES_MAX {
        faults.add(
            node.path(),
            format!("has at most {META_DATA_BYTES_MAX} bytes"),
        );
    }
    Some(Arc::from(text))
}

fn bounded_text(
    object: &Map<String, Value>,
    key: &str,
    bytes_max: usize,
    faults: &mut DocumentFaults,
) -> Arc<str> {
    let node = Node::member(object, key, faults);
    let text = node.text(faults).unwrap_or_default();
    if text.len() > bytes_max {
        faults.add(node.path(), format!("has at most {bytes_max} bytes"));
    }
    Arc::from(text)
}

/// Unix seconds; 0 and below mean never.
fn read_expires(object: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<Timestamp> {
    let seconds = Node::member(object, "expires", faults).whole(faults)?;
    u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds > 0)
        .map(Timestamp::from_unix_s)
}

/// A client as it is shown to an operator.
pub struct ClientView<'a> {
    /// The `client_id`.
    pub id: &'a ClientId,
    /// The secret; `None` for a public client and when only its hash is kept.
    pub secret: Option<&'a Secret>,
    /// Whether the client is public.
    pub public: bool,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// The rest of the registration.
    pub text: &'a ClientText,
}

impl ClientView<'_> {
    /// The client as one JSON object in Tyk's key order; the answer holds the secret in clear, so it is one itself.
    ///
    /// `policy_id` is left out when there is none, `meta_data` is then null; `public` and `expires` stand only where set.
    #[must_use]
    pub fn to_json(&self) -> Secret {
        let secret = self.secret.map_or("", Secret::expose);
        let meta_data = self.text.meta_data.as_deref().unwrap_or("null");
        // Room for every escape, so that the text never moves and leaves a copy of the secret behind.
        let room = 6 * (self.id.as_str().len() + secret.len() + self.text.redirect_uri.len())
            + 6 * (self.text.description.len() + crate::id::ID_BYTES_MAX)
            + meta_data.len()
            + 256;
        let mut json = String::with_capacity(room);
        push(&mut json, "{\"client_id\":", self.id.as_str());
        push(&mut json, ",\"redirect_uri\":", &self.text.redirect_uri);
        if let Some(policy) = &self.text.policy {
            push(&mut json, ",\"policy_id\":", policy.as_str());
        }
        push(&mut json, ",\"secret\":", secret);
        json.push_str(",\"meta_data\":");
        json.push_str(meta_data);
        push(&mut json, ",\"description\":", &self.text.description);
        if self.public {
            json.push_str(",\"public\":true");
        }
        if let Some(expires_at) = self.expires_at {
            json.push_str(&format!(",\"expires\":{}", expires_at.as_unix_s()));
        }
        json.push('}');
        Secret::new(json)
    }
}

/// Appends a member's name and its text as a JSON string, without an unwiped copy in between.
fn push(json: &mut String, name: &str, text: &str) {
    json.push_str(name);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\u{1f}' => json.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => json.push(other),
        }
    }
    json.push('"');
}

/// A generated `client_id`: 32 hexadecimal digits, as Tyk's.
#[must_use]
pub fn generated_id(random: [u8; 16]) -> String {
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A generated secret: 43 characters of `A-Z a-z 0-9 - _` that carry 256 random bits.
#[must_use]
pub fn generated_secret(random: &[u8; 32]) -> Secret {
    let mut text = String::with_capacity(43);
    URL_SAFE_NO_PAD.encode_string(random, &mut text);
    Secret::new(text)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
