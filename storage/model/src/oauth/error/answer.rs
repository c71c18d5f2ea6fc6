//! What an OAuth endpoint answers when it refuses.

use std::borrow::Cow;

use serde_json::Value;

use super::ErrorStyle;
use super::code::ErrorCode;
use super::failure::OAuthFailure;

/// An endpoint of the authorization server under a listen path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OAuthEndpoint {
    /// `oauth/authorize` (RFC 6749 section 3.1).
    Authorize,
    /// `tyk/oauth/authorize-client`, the login page's way to a code, and its doors on the control listener.
    AuthorizeClient,
    /// `oauth/token` (RFC 6749 section 3.2).
    Token,
    /// `oauth/revoke` (RFC 7009).
    Revoke,
    /// `oauth/revoke_all`: every token of a client.
    RevokeAll,
}

impl OAuthEndpoint {
    /// The endpoint at this path behind a listen path, with or without a trailing slash.
    #[must_use]
    pub fn at(rest: &str) -> Option<Self> {
        match rest.strip_suffix('/').unwrap_or(rest) {
            "/oauth/authorize" => Some(Self::Authorize),
            "/oauth/token" => Some(Self::Token),
            "/oauth/revoke" => Some(Self::Revoke),
            "/oauth/revoke_all" => Some(Self::RevokeAll),
            "/tyk/oauth/authorize-client" => Some(Self::AuthorizeClient),
            _ => None,
        }
    }

    /// Whether tokens are revoked here.
    const fn revokes(self) -> bool {
        matches!(self, Self::Revoke | Self::RevokeAll)
    }

    /// The methods that the endpoint takes, as an `Allow` header says them.
    #[must_use]
    pub const fn allowed_methods(self) -> &'static str {
        match self {
            Self::Authorize => "GET, POST",
            Self::AuthorizeClient | Self::Token | Self::Revoke | Self::RevokeAll => "POST",
        }
    }
}

/// How the body of an error is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"error": CODE, "error_description": TEXT}` (RFC 6749 section 5.2).
    ErrorDescription,
    /// `{"status": "error", "message": TEXT}` (Tyk).
    StatusMessage,
}

/// An error answer, ready for the shell to send as `application/json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The error code, also where the body does not show it.
    pub code: ErrorCode,
    /// The sentence for people; only characters that RFC 6749 section 5.2 allows.
    pub description: Cow<'static, str>,
    /// How the body is built.
    pub shape: ErrorShape,
    /// Whether `WWW-Authenticate: Basic` asks for the client's credentials.
    pub asks_for_client: bool,
    /// The value of `Retry-After`, in seconds.
    pub retry_after_s: Option<u32>,
    /// The value of `Allow`, with status 405.
    pub allow: Option<&'static str>,
    /// Whether the body ends with a line end, as Tyk's encoder makes it.
    line_end: bool,
}

impl OAuthFailure {
    /// What an endpoint answers to this condition in a style.
    #[must_use]
    pub fn answer(&self, endpoint: OAuthEndpoint, style: ErrorStyle) -> OAuthErrorAnswer {
        let codes = self.codes();
        let allow = (*self == Self::MethodNotAllowed).then(|| endpoint.allowed_methods());
        let rfc = OAuthErrorAnswer {
            status: codes.status,
            code: codes.rfc,
            description: allowed_text(self.description()),
            shape: ErrorShape::ErrorDescription,
            asks_for_client: codes.status == 401,
            retry_after_s: self.retry_after_s(),
            allow,
            line_end: false,
        };
        match style {
            ErrorStyle::Rfc => rfc,
            ErrorStyle::Tyk { status } => self.in_tyk_style(endpoint, status, rfc),
        }
    }

    fn in_tyk_style(
        &self,
        endpoint: OAuthEndpoint,
        configured_status: u16,
        rfc: OAuthErrorAnswer,
    ) -> OAuthErrorAnswer {
        let code = self.codes().tyk;
        // Bad key rules are a 400 in both styles, and Tyk has no sentence that would say what is wrong with them.
        let is_key_rules = matches!(self, Self::KeyRules(_));
        let keeps_status = is_key_rules || !matches!(rfc.status, 400 | 401);
        let style_status = if keeps_status {
            rfc.status
        } else {
            configured_status
        };
        let style_words = if is_key_rules {
            rfc.description.clone()
        } else {
            Cow::Borrowed(self.tyk_words().unwrap_or(code.tyk_description()))
        };
        let revocation = self.tyk_revocation().filter(|_| endpoint.revokes());
        let (status, description) = match revocation {
            Some((status, words)) => (status, Cow::Borrowed(words)),
            None => (style_status, style_words),
        };
        let status_message = self.tyk_words().is_some()
            || endpoint == OAuthEndpoint::Authorize
            || endpoint.revokes();
        OAuthErrorAnswer {
            status,
            code,
            description,
            shape: if status_message {
                ErrorShape::StatusMessage
            } else {
                ErrorShape::ErrorDescription
            },
            asks_for_client: false,
            line_end: status_message || endpoint == OAuthEndpoint::AuthorizeClient,
            ..rfc
        }
    }
}

impl OAuthErrorAnswer {
    /// The body as JSON text.
    #[must_use]
    pub fn body(&self) -> String {
        self.body_with(None, None)
    }

    /// The body of authorize-client, which may echo the state and say where the browser can be sent with the error.
    #[must_use]
    pub fn body_with(&self, redirect_to: Option<&str>, state: Option<&str>) -> String {
        let members = match self.shape {
            ErrorShape::StatusMessage => {
                vec![
                    ("status", Some("error")),
                    ("message", Some(&*self.description)),
                ]
            }
            ErrorShape::ErrorDescription => vec![
                ("error", Some(self.code.as_str())),
                ("error_description", Some(&*self.description)),
                ("redirect_to", redirect_to),
                ("state", state.filter(|state| !state.is_empty())),
            ],
        };
        let members = members
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let object: Value = members.collect();
        format!("{object}{}", if self.line_end { "\n" } else { "" })
    }
}

/// Replaces what `error_description` must not hold (RFC 6749 section 5.2): quotes, backslashes, control and non-ASCII.
fn allowed_text(text: Cow<'static, str>) -> Cow<'static, str> {
    let allowed = |character: char| matches!(character, ' '..='!' | '#'..='[' | ']'..='~');
    if text.chars().all(allowed) {
        return text;
    }
    let replaced = |character: char| match character {
        '"' | '\\' => '\'',
        other if allowed(other) => other,
        _ => '?',
    };
    Cow::Owned(text.chars().map(replaced).collect())
}

#[cfg(test)]
#[path = "answer_tests/mod.rs"]
mod tests;
