//! Why a request is not served, and the one table that turns the reason into an answer.

mod rows;

use std::borrow::Cow;

use raftgate_model::oauth::error::{
    AccessFailure, AuthScheme, BodyKind, ErrorStyle, TYK_GENERATOR,
};

use crate::config::typed::OverrideMessage;
use crate::telemetry::answers::{Account, AnswerNote};
use rows::{Row, TykText};

/// The field in which errors of Tyk's style name it.
pub(super) const GENERATOR: &str = "X-Generator";

/// How long failures of a name are remembered, at the longest.
const ATTEMPTS_RETRY_AFTER_S: u32 = 60;

/// Whose credentials a refusal asks for (RFC 9110 section 11.5).
#[derive(Clone, Copy, Debug)]
pub struct Realm<'a> {
    /// The API's name.
    pub name: &'a str,
    /// How its callers prove themselves.
    pub scheme: AuthScheme,
}

/// A reason not to serve a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The head does not follow RFC 9112.
    MalformedHead,
    /// A version of HTTP other than 1.0 and 1.1.
    UnsupportedVersion,
    /// The request target is no path or URI, or holds dot segments.
    BadTarget,
    /// The path is one API's as sent and another's as some upstreams read it.
    AmbiguousPath,
    /// `Host` is missing, repeated or not the target's.
    BadHost,
    /// The body's length is said twice, or in a way that two readers would understand differently.
    AmbiguousFraming,
    /// The body breaks its framing.
    MalformedBody,
    /// An expectation other than `100-continue`.
    UnknownExpectation,
    /// A method that only makes sense for a forward proxy.
    UnsupportedMethod,
    /// The head has too many bytes.
    HeadTooLarge,
    /// The head has too many fields.
    TooManyFields,
    /// The body has too many bytes.
    BodyTooLarge,
    /// The client took too long to send the request.
    ClientTimeout,
    /// The client went away before the answer; only ever recorded.
    ClientGone,
    /// The node is starting: what it serves is not in force yet.
    Starting,
    /// No API stands at this host and path.
    NotFound,
    /// The API that stands there has no version that can be served.
    ApiUnserved,
    /// The request names no version of an API that asks for one.
    VersionMissing,
    /// The request names a version that there is not.
    VersionUnknown,
    /// The request names a version that would be an API of its own, and there is none.
    VersionApiUnknown,
    /// The version has expired.
    VersionExpired,
    /// The API has expired.
    ApiExpired,
    /// The path is closed, or is none of those that are open.
    PathForbidden,
    /// The API may not be called from the client's address.
    AddressForbidden,
    /// The request does not say how long its body is, to an API that limits it.
    LengthRequired,
    /// The body is larger than its API allows.
    RequestTooLarge,
    /// No credential came to an API that asks for one.
    CredentialMissing,
    /// The credential is no Bearer token.
    CredentialMalformed,
    /// The token is forged, unknown or revoked.
    TokenUnknown,
    /// The token has expired.
    TokenExpired,
    /// The token's client is deleted or expired.
    TokenClientGone,
    /// The token's client is registered with other APIs, not with this one.
    TokenClientOfOtherApi,
    /// The session or its policy is switched off.
    SessionInactive,
    /// The session gives no right to this API.
    NoRight,
    /// The session gives no right to this path.
    NoRightToPath,
    /// Too many wrong passwords came for this name from this address.
    TooManyAttempts,
    /// The caller's credential cannot be judged from this node's state; never an answer about the credential itself.
    Unjudged,
    /// The upstream's name does not resolve.
    UpstreamLookup,
    /// The upstream cannot be connected to.
    UpstreamUnreachable,
    /// The upstream closed without an answer, or its answer is malformed.
    UpstreamBroken,
    /// The upstream took too long.
    UpstreamTimeout,
    /// As many connections to the upstream as allowed are in use.
    UpstreamBusy,
    /// Health checks say that none of the API's targets is well.
    AllTargetsDown,
}

/// What becomes of the client's connection after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFate {
    /// It can carry another request, when the body has been read.
    Keep,
    /// Where the next request would begin is not known, so it is closed.
    Close,
}

/// A refusal's answer in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedRefusal {
    /// The status code.
    pub status: u16,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// Fields besides `Content-Type`.
    pub fields: Vec<(&'static str, Cow<'static, str>)>,
    /// What becomes of the connection.
    pub connection: ConnectionFate,
}

impl Refusal {
    /// Every refusal, in the order of its declaration.
    pub const ALL: [Self; 43] = [
        Self::MalformedHead,
        Self::UnsupportedVersion,
        Self::BadTarget,
        Self::AmbiguousPath,
        Self::BadHost,
        Self::AmbiguousFraming,
        Self::MalformedBody,
        Self::UnknownExpectation,
        Self::UnsupportedMethod,
        Self::HeadTooLarge,
        Self::TooManyFields,
        Self::BodyTooLarge,
        Self::ClientTimeout,
        Self::ClientGone,
        Self::Starting,
        Self::NotFound,
        Self::ApiUnserved,
        Self::VersionMissing,
        Self::VersionUnknown,
        Self::VersionApiUnknown,
        Self::VersionExpired,
        Self::ApiExpired,
        Self::PathForbidden,
        Self::AddressForbidden,
        Self::LengthRequired,
        Self::RequestTooLarge,
        Self::CredentialMissing,
        Self::CredentialMalformed,
        Self::TokenUnknown,
        Self::TokenExpired,
        Self::TokenClientGone,
        Self::TokenClientOfOtherApi,
        Self::SessionInactive,
        Self::NoRight,
        Self::NoRightToPath,
        Self::TooManyAttempts,
        Self::Unjudged,
        Self::UpstreamLookup,
        Self::UpstreamUnreachable,
        Self::UpstreamBroken,
        Self::UpstreamTimeout,
        Self::UpstreamBusy,
        Self::AllTargetsDown,
    ];

    /// The name of this refusal in metrics and access records.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.row().label
    }

    /// What the log says of it.
    #[must_use]
    pub const fn note(self) -> AnswerNote {
        let account = match self {
            Self::Starting
            | Self::ApiUnserved
            | Self::Unjudged
            | Self::UpstreamLookup
            | Self::UpstreamUnreachable
            | Self::UpstreamBroken
            | Self::UpstreamTimeout
            | Self::UpstreamBusy
            | Self::AllTargetsDown => Account::Operator,
            _ => Account::Caller,
        };
        AnswerNote {
            what: self.label(),
            account,
        }
    }

    /// The status code that the client sees in the RFC style.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// The answer in the given style; `format` matters to Tyk's style only.
    #[must_use]
    pub fn render(self, style: ErrorStyle, format: BodyKind) -> RenderedRefusal {
        let row = self.row();
        let (status, content_type, body) = match (style, row.tyk) {
            (ErrorStyle::Rfc, _) => {
                let (error, description) = (row.error, row.description);
                let body = format!(r#"{{"error":"{error}","error_description":"{description}"}}"#);
                (row.status, "application/json", body)
            }
            (ErrorStyle::Tyk { .. }, TykText::Plain(status, text)) => {
                (status, "text/plain; charset=utf-8", text.to_owned())
            }
            (ErrorStyle::Tyk { .. }, TykText::Template(status, text)) => match format {
                BodyKind::Json => {
                    let body = format!("{{\n    \"error\": \"{text}\"\n}}");
                    (status, "application/json", body)
                }
                BodyKind::Xml => {
                    let body = format!(
                        "<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>{text}</error>"
                    );
                    (status, "application/xml", body)
                }
            },
        };
        RenderedRefusal {
            status,
            content_type,
            body,
            fields: fields_of(row.fields, style, content_type),
            connection: row.connection,
        }
    }

    /// The answer to a request that an API was found for.
    #[must_use]
    pub fn render_for(
        self,
        realm: Realm<'_>,
        style: ErrorStyle,
        format: BodyKind,
        override_message: Option<&OverrideMessage>,
    ) -> RenderedRefusal {
        let Some(failure) = self.access_failure() else {
            return self.render(style, format);
        };
        let answer = failure.answer(style, realm.scheme);
        let words = override_message.and_then(|other| other.message.as_deref());
        let (kind, body) = answer.body_with(format, words.unwrap_or(answer.message));
        let content_type = kind.content_type();
        let mut fields = fields_of(&[], style, content_type);
        if let Some(challenge) = answer.challenge(realm.name) {
            fields.push(("WWW-Authenticate", challenge.into()));
        }
        if let Some(seconds) = answer.retry_after_s {
            fields.push(("Retry-After", seconds.to_string().into()));
        }
        RenderedRefusal {
            status: override_message
                .and_then(|other| other.code)
                .unwrap_or(answer.status),
            content_type,
            body,
            fields,
            connection: ConnectionFate::Keep,
        }
    }

    /// What the table of access failures calls this refusal, if it is about a credential.
    const fn access_failure(self) -> Option<AccessFailure> {
        match self {
            Self::CredentialMissing => Some(AccessFailure::CredentialMissing),
            Self::CredentialMalformed => Some(AccessFailure::CredentialMalformed),
            Self::TokenUnknown => Some(AccessFailure::TokenUnknown),
            Self::TokenExpired => Some(AccessFailure::TokenExpired),
            Self::TokenClientGone => Some(AccessFailure::ClientGone),
            Self::TokenClientOfOtherApi => Some(AccessFailure::ClientOfOtherApi),
            Self::SessionInactive => Some(AccessFailure::SessionInactive),
            Self::NoRight => Some(AccessFailure::NoRight),
            Self::NoRightToPath => Some(AccessFailure::NoRightToPath),
            Self::TooManyAttempts => Some(AccessFailure::TooManyAttempts {
                retry_after_s: ATTEMPTS_RETRY_AFTER_S,
            }),
            _ => None,
        }
    }

    // The one exhaustive match: a refusal without a row does not compile.
    const fn row(self) -> &'static Row {
        match self {
            Self::MalformedHead => &rows::MALFORMED_HEAD,
            Self::UnsupportedVersion => &rows::UNSUPPORTED_VERSION,
            Self::BadTarget => &rows::BAD_TARGET,
            Self::AmbiguousPath => &rows::AMBIGUOUS_PATH,
            Self::BadHost => &rows::BAD_HOST,
            Self::AmbiguousFraming => &rows::AMBIGUOUS_FRAMING,
            Self::MalformedBody => &rows::MALFORMED_BODY,
            Self::UnknownExpectation => &rows::UNKNOWN_EXPECTATION,
            Self::UnsupportedMethod => &rows::UNSUPPORTED_METHOD,
            Self::HeadTooLarge => &rows::HEAD_TOO_LARGE,
            Self::TooManyFields => &rows::TOO_MANY_FIELDS,
            Self::BodyTooLarge => &rows::BODY_TOO_LARGE,
            Self::ClientTimeout => &rows::CLIENT_TIMEOUT,
            Self::ClientGone => &rows::CLIENT_GONE,
            Self::Starting => &rows::STARTING,
            Self::NotFound => &rows::NOT_FOUND,
            Self::ApiUnserved => &rows::API_UNSERVED,
            Self::VersionMissing => &rows::VERSION_MISSING,
            Self::VersionUnknown => &rows::VERSION_UNKNOWN,
            Self::VersionApiUnknown => &rows::VERSION_API_UNKNOWN,
            Self::VersionExpired => &rows::VERSION_EXPIRED,
            Self::ApiExpired => &rows::API_EXPIRED,
            Self::PathForbidden => &rows::PATH_FORBIDDEN,
            Self::AddressForbidden => &rows::ADDRESS_FORBIDDEN,
            Self::LengthRequired => &rows::LENGTH_REQUIRED,
            Self::RequestTooLarge => &rows::REQUEST_TOO_LARGE,
            Self::CredentialMissing => &rows::CREDENTIAL_MISSING,
            Self::CredentialMalformed => &rows::CREDENTIAL_MALFORMED,
            Self::TokenUnknown => &rows::TOKEN_UNKNOWN,
            Self::TokenExpired => &rows::TOKEN_EXPIRED,
            Self::TokenClientGone => &rows::TOKEN_CLIENT_GONE,
            Self::TokenClientOfOtherApi => &rows::TOKEN_CLIENT_OF_OTHER_API,
            Self::SessionInactive => &rows::SESSION_INACTIVE,
            Self::NoRight => &rows::NO_RIGHT,
            Self::NoRightToPath => &rows::NO_RIGHT_TO_PATH,
            Self::TooManyAttempts => &rows::TOO_MANY_ATTEMPTS,
            Self::Unjudged => &rows::UNJUDGED,
            Self::UpstreamLookup => &rows::UPSTREAM_LOOKUP,
            Self::UpstreamUnreachable => &rows::UPSTREAM_UNREACHABLE,
            Self::UpstreamBroken => &rows::UPSTREAM_BROKEN,
            Self::UpstreamTimeout => &rows::UPSTREAM_TIMEOUT,
            Self::UpstreamBusy => &rows::UPSTREAM_BUSY,
            Self::AllTargetsDown => &rows::ALL_TARGETS_DOWN,
        }
    }
}

/// The fields of a refusal; Tyk names itself in those that its template makes.
fn fields_of(
    fixed: &[(&'static str, &'static str)],
    style: ErrorStyle,
    content_type: &str,
) -> Vec<(&'static str, Cow<'static, str>)> {
    let mut fields: Vec<_> = fixed
        .iter()
        .map(|(name, value)| (*name, Cow::Borrowed(*value)))
        .collect();
    if matches!(style, ErrorStyle::Tyk { .. }) && !content_type.starts_with("text/plain") {
        fields.push((GENERATOR, Cow::Borrowed(TYK_GENERATOR)));
    }
    fields
}

#[cfg(test)]
#[path = "refusal/refusal_tests.rs"]
mod tests;
