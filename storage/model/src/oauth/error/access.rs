//! The table of why a proxied request is refused for its credential.

use super::ErrorStyle;

/// The value of Tyk's `X-Generator` header on its error answers.
pub const TYK_GENERATOR: &str = "tyk.io";

/// Why a proxied request to an OAuth API is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessFailure {
    /// No credential, or a single word.
    CredentialMissing,
    /// A credential of another scheme than Bearer.
    CredentialMalformed,
    /// The token is forged, unknown or revoked.
    TokenUnknown,
    /// The token has expired.
    TokenExpired,
    /// The token's client is gone, expired or not registered with this API.
    ClientGone,
    /// The token's client is not registered with the API that is called.
    ClientOfOtherApi,
    /// The session or its policy is switched off.
    SessionInactive,
    /// The session has no right to this API.
    NoRight,
    /// This node cannot judge the token now.
    Unavailable {
        /// Seconds until a retry is worth it.
        retry_after_s: u32,
    },
}

/// The media type that a refusal's body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// `application/json`.
    Json,
    /// `application/xml`.
    Xml,
}

impl BodyKind {
    /// The kind that a refusal has in Tyk's style, by the `Content-Type` of the request.
    #[must_use]
    pub fn of_request(content_type: Option<&[u8]>) -> Self {
        let media = content_type
            .and_then(|value| value.split(|byte| *byte == b';').next())
            .unwrap_or_default()
            .trim_ascii();
        let xml = ["application/xml", "text/xml", "application/soap+xml"];
        if xml
            .iter()
            .any(|name| media.eq_ignore_ascii_case(name.as_bytes()))
        {
            Self::Xml
        } else {
            Self::Json
        }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }
}

/// A refusal, ready for the data plane to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The sentence for people.
    pub message: &'static str,
    /// The value of `Retry-After`, in seconds.
    pub retry_after_s: Option<u32>,
    words: Words,
}

/// Which style the answer is in, and what only that style says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    Tyk,
    Rfc {
        /// The member `error` of the body.
        error: &'static str,
        challenge: Challenge,
    },
}

/// The `WWW-Authenticate` of RFC 6750 section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Challenge {
    None,
    /// No token came, so no error is told.
    Bare,
    WithError,
}

impl AccessFailure {
    /// What the request is answered in a style.
    #[must_use]
    pub const fn answer(self, style: ErrorStyle) -> AccessAnswer {
        let retry_after_s = match self {
            Self::Unavailable { retry_after_s } => Some(retry_after_s),
            _ => None,
        };
        match style {
            ErrorStyle::Tyk { .. } => {
                let (status, message) = self.tyk();
                AccessAnswer {
                    status,
                    message,
                    retry_after_s,
                    words: Words::Tyk,
                }
            }
            ErrorStyle::Rfc => {
                let (status, error, challenge, message) = self.rfc();
                AccessAnswer {
                    status,
                    message,
                    retry_after_s,
                    words: Words::Rfc { error, challenge },
                }
            }
        }
    }

    const fn tyk(self) -> (u16, &'static str) {
        match self {
            Self::CredentialMissing => (400, "Authorization field missing"),
            Self::CredentialMalformed => (400, "Bearer token malformed"),
            Self::TokenUnknown => (403, "Key not authorised"),
            Self::TokenExpired => (401, "Key has expired, please renew"),
            Self::ClientGone | Self::ClientOfOtherApi => {
                (403, "Key not authorised. OAuth client access was revoked")
            }
            Self::SessionInactive => (403, "Key is inactive, please renew"),
            Self::NoRight => (403, "Access to this API has been disallowed"),
            Self::Unavailable { .. } => (503, "Service temporarily unavailable."),
        }
    }

    const fn rfc(self) -> (u16, &'static str, Challenge, &'static str) {
        use Challenge::{Bare, None, WithError};
        match self {
            Self::CredentialMissing => (401, "unauthorized", Bare, "An access token is needed."),
            Self::CredentialMalformed => (
                401,
                "unauthorized",
                Bare,
                "The credential must be a Bearer token.",
            ),
            Self::TokenUnknown => (
                401,
                "invalid_token",
                WithError,
                "The access token is unknown or revoked.",
            ),
            Self::TokenExpired => (
                401,
                "invalid_token",
                WithError,
                "The access token has expired.",
            ),
            Self::ClientGone => (
                401,
                "invalid_token",
                WithError,
                "The client of the access token is gone.",
            ),
            Self::ClientOfOtherApi => (
                403,
                "insufficient_scope",
                WithError,
                "The client of the access token is not registered with this API.",
            ),
            Self::SessionInactive => (
                403,
                "access_denied",
                None,
                "The session of the access token is inactive.",
            ),
            Self::NoRight => (
                403,
                "insufficient_scope",
                WithError,
                "The access token gives no right to this API.",
            ),
            Self::Unavailable { .. } => (
                503,
                "temporarily_unavailable",
                None,
                "The access token cannot be judged now.",
            ),
        }
    }
}

impl AccessAnswer {
    /// The value of `WWW-Authenticate` for an API of this name, if the answer has one.
    #[must_use]
    pub fn challenge(&self, api_name: &str) -> Option<String> {
        let Words::Rfc { error, challenge } = self.words else {
            return None;
        };
        let realm = quoted(api_name);
        match challenge {
            Challenge::None => None,
            Challenge::Bare => Some(format!("Bearer realm={realm}")),
            Challenge::WithError => Some(format!("Bearer realm={realm}, error=\"{error}\"")),
        }
    }

    /// The body; `kind` matters to Tyk's style alone, the other is always JSON.
    #[must_use]
    pub fn body(&self, kind: BodyKind) -> (BodyKind, String) {
        let message = self.message;
        match (self.words, kind) {
            (Words::Rfc { error, .. }, _) => (
                BodyKind::Json,
                format!(r#"{{"error":"{error}","error_description":"{message}"}}"#),
            ),
            (Words::Tyk, BodyKind::Json) => (kind, format!("{{\n    \"error\": \"{message}\"\n}}")),
            (Words::Tyk, BodyKind::Xml) => (
                kind,
                format!("<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>{message}</error>"),
            ),
        }
    }
}

/// A quoted string (RFC 9110 section 5.6.4) of visible ASCII; other characters become `?`.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
