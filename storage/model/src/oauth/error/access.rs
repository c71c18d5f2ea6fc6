//! The table of why a proxied request is refused for its credential.

use super::ErrorStyle;

/// The value of Tyk's `X-Generator` header on its error answers.
pub const TYK_GENERATOR: &str = "tyk.io";

/// How the callers of an API prove themselves, as far as refusals tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthScheme {
    /// By an OAuth token of this API.
    OAuth,
    /// By a key.
    Token,
    /// By a name and a password.
    Basic,
}

/// Why a proxied request is refused for its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessFailure {
    /// No credential, or what cannot be one.
    CredentialMissing,
    /// A credential of another scheme, or a broken one.
    CredentialMalformed,
    /// The token or key is forged, unknown or revoked; the password is wrong.
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
    /// The session has no right to this path of the API.
    NoRightToPath,
    /// Too many wrong passwords came for this name from this address.
    TooManyAttempts {
        /// Seconds until a retry is worth it.
        retry_after_s: u32,
    },
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
    Tyk {
        challenge: Challenge,
    },
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
    /// That of RFC 7617 section 2.
    Basic,
}

impl AccessFailure {
    /// What the request is answered in a style.
    #[must_use]
    pub const fn answer(self, style: ErrorStyle, scheme: AuthScheme) -> AccessAnswer {
        let retry_after_s = match self {
            Self::Unavailable { retry_after_s } | Self::TooManyAttempts { retry_after_s } => {
                Some(retry_after_s)
            }
            _ => None,
        };
        match style {
            ErrorStyle::Tyk { .. } => {
                let (status, message) = self.tyk(scheme);
                let challenge = match (scheme, status) {
                    (AuthScheme::Basic, 401) => Challenge::Basic,
                    _ => Challenge::None,
                };
                AccessAnswer {
                    status,
                    message,
                    retry_after_s,
                    words: Words::Tyk { challenge },
                }
            }
            ErrorStyle::Rfc => {
                let (status, error, challenge, message) = match scheme {
                    AuthScheme::Basic => self.rfc_basic(),
                    AuthScheme::OAuth | AuthScheme::Token => self.rfc(),
                };
                AccessAnswer {
                    status,
                    message,
                    retry_after_s,
                    words: Words::Rfc { error, challenge },
                }
            }
        }
    }

    const fn tyk(self, scheme: AuthScheme) -> (u16, &'static str) {
        use AuthScheme::{Basic, OAuth, Token};
        match (self, scheme) {
            (Self::CredentialMissing, OAuth) => (400, "Authorization field missing"),
            (Self::CredentialMissing, Token | Basic) | (Self::CredentialMalformed, Token) => {
                (401, "Authorization field missing")
            }
            (Self::CredentialMalformed, OAuth) => (400, "Bearer token malformed"),
            (Self::CredentialMalformed, Basic) => (
                400,
                "Attempted access with malformed header, values not in basic auth format",
            ),
            (Self::TokenUnknown, OAuth) => (403, "Key not authorised"),
            (Self::TokenUnknown | Self::ClientGone | Self::ClientOfOtherApi, Basic) => {
                (401, "User not authorised")
            }
            (Self::ClientGone | Self::ClientOfOtherApi, OAuth) => {
                (403, "Key not authorised. OAuth client access was revoked")
            }
            (Self::TokenUnknown | Self::ClientGone | Self::ClientOfOtherApi, Token)
            | (Self::NoRight, _) => (403, "Access to this API has been disallowed"),
            (other, _) => other.tyk_of_any(),
        }
    }

    /// What does not depend on how callers prove themselves.
    const fn tyk_of_any(self) -> (u16, &'static str) {
        match self {
            Self::TokenExpired => (401, "Key has expired, please renew"),
            Self::SessionInactive => (403, "Key is inactive, please renew"),
            Self::NoRightToPath => (403, "Access to this resource has been disallowed"),
            Self::TooManyAttempts { .. } => (429, "Too many failed attempts, try again later"),
            Self::CredentialMissing
            | Self::CredentialMalformed
            | Self::TokenUnknown
            | Self::ClientGone
            | Self::ClientOfOtherApi
            | Self::NoRight => (403, "Access to this API has been disallowed"),
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
            Self::NoRightToPath => (
                403,
                "insufficient_scope",
                WithError,
                "The access token gives no right to this resource.",
            ),
            Self::TooManyAttempts { .. } => (
                429,
                "too_many_attempts",
                None,
                "Too many failed attempts, try again later.",
            ),
            Self::Unavailable { .. } => (
                503,
                "temporarily_unavailable",
                None,
                "The access token cannot be judged now.",
            ),
        }
    }

    const fn rfc_basic(self) -> (u16, &'static str, Challenge, &'static str) {
        match self {
            Self::CredentialMissing => (
                401,
                "unauthorized",
                Challenge::Basic,
                "A user name and a password are needed.",
            ),
            Self::CredentialMalformed => (
                400,
                "invalid_request",
                Challenge::None,
                "The credential must be a user name and a password as Basic carries them.",
            ),
            Self::TokenUnknown | Self::ClientGone | Self::ClientOfOtherApi => (
                401,
                "unauthorized",
                Challenge::Basic,
                "User name or password is wrong.",
            ),
            Self::TokenExpired => (
                401,
                "unauthorized",
                Challenge::Basic,
                "The user's session has expired.",
            ),
            Self::SessionInactive => (
                403,
                "access_denied",
                Challenge::None,
                "The user's session is inactive.",
            ),
            Self::NoRight => (
                403,
                "access_denied",
                Challenge::None,
                "The user has no right to this API.",
            ),
            Self::NoRightToPath => (
                403,
                "access_denied",
                Challenge::None,
                "The user has no right to this resource.",
            ),
            Self::TooManyAttempts { .. } | Self::Unavailable { .. } => self.rfc(),
        }
    }
}

impl AccessAnswer {
    /// The value of `WWW-Authenticate` for an API of this name, if the answer has one.
    #[must_use]
    pub fn challenge(&self, api_name: &str) -> Option<String> {
        let (error, challenge) = match self.words {
            Words::Rfc { error, challenge } => (error, challenge),
            Words::Tyk { challenge } => ("", challenge),
        };
        let realm = quoted(api_name);
        match challenge {
            Challenge::None => None,
            Challenge::Bare => Some(format!("Bearer realm={realm}")),
            Challenge::WithError => Some(format!("Bearer realm={realm}, error=\"{error}\"")),
            Challenge::Basic => Some(format!("Basic realm={realm}")),
        }
    }

    /// The body; `kind` matters to Tyk's style alone, the other is always JSON.
    #[must_use]
    pub fn body(&self, kind: BodyKind) -> (BodyKind, String) {
        self.body_with(kind, self.message)
    }

    /// The body with other words than the table's, in Tyk's style.
    #[must_use]
    pub fn body_with(&self, kind: BodyKind, message: &str) -> (BodyKind, String) {
        match (self.words, kind) {
            (Words::Rfc { error, .. }, _) => (
                BodyKind::Json,
                format!(
                    r#"{{"error":"{error}","error_description":"{}"}}"#,
                    self.message
                ),
            ),
            (Words::Tyk { .. }, BodyKind::Json) => {
                let message = serde_json::Value::from(message);
                (kind, format!("{{\n    \"error\": {message}\n}}"))
            }
            (Words::Tyk { .. }, BodyKind::Xml) => (
                kind,
                format!(
                    "<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>{}</error>",
                    xml(message)
                ),
            ),
        }
    }
}

/// A text between two tags.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
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
