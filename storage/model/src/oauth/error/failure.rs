//! The table of everything that the OAuth endpoints refuse.

use std::borrow::Cow;

use super::code::ErrorCode::{
    self, AccessDenied, InvalidClient, InvalidGrant, InvalidRequest, InvalidScope, ServerError,
    TemporarilyUnavailable, UnauthorizedClient, UnsupportedGrantType, UnsupportedResponseType,
};

/// Tyk's word on a method, in both styles.
const METHOD_NOT_ALLOWED: &str = "Method not supported";
/// Tyk's word on the control secret, in both styles.
const CONTROL_SECRET: &str = "Attempted administrative access with invalid or missing key!";

/// A condition under which an OAuth endpoint refuses a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OAuthFailure {
    /// The method is not one of the endpoint's.
    MethodNotAllowed,
    /// A token request by GET: Tyk's router lets it in, and its OAuth library refuses it.
    TokenRequestByGet,
    /// The body is neither a form nor JSON.
    ContentType,
    /// The body is longer than the limit.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body or query cannot be decoded.
    MalformedForm,
    /// A parameter is sent more than once (RFC 6749 section 3.2).
    RepeatedParameter(Cow<'static, str>),
    /// A parameter's value breaks its syntax or a bound.
    InvalidParameter(Cow<'static, str>),

    /// The control secret is missing or wrong at authorize-client.
    ControlSecret,
    /// No `client_id` at an authorization request.
    ClientIdMissing,
    /// An authorization request by a client that the API does not know.
    ClientUnknown,
    /// `response_type` is missing.
    ResponseTypeMissing,
    /// `response_type` is unknown or not allowed by the API.
    ResponseTypeNotAllowed,
    /// An authorization request by a client that has no redirect URI registered.
    RedirectUriNotRegistered,
    /// The redirect URI of an authorization request is none of the registered ones.
    RedirectUriMismatch,
    /// `code_challenge` or its method is malformed or not allowed.
    PkceMalformed,
    /// A public client asks for a code without a challenge.
    PkceRequired,
    /// `key_rules` cannot be honoured; the text says why.
    KeyRules(String),

    /// `grant_type` is missing.
    GrantTypeMissing,
    /// `grant_type` is unknown or not allowed by the API.
    GrantTypeNotAllowed,
    /// A parameter that the grant needs is missing.
    GrantParameterMissing(&'static str),
    /// The client does not authenticate.
    ClientAuthenticationMissing,
    /// The client says its name and no secret.
    ClientSecretMissing,
    /// The client's credentials cannot be decoded, or are of another scheme than Basic (RFC 6749 section 5.2).
    ClientAuthenticationMalformed,
    /// Header and body name different clients or secrets.
    ClientAuthenticationTwice,
    /// The authenticating client is unknown to the API.
    ClientAuthenticationUnknown,
    /// The client's secret is wrong.
    ClientSecretWrong,
    /// The client may not use this grant; a public one has no credentials of its own.
    GrantNotForClient,
    /// Too many wrong secrets from this place lately.
    TooManyAttempts {
        /// Seconds until the next attempt is looked at.
        retry_after_s: u32,
    },
    /// The code is unknown, expired, used or another client's.
    CodeInvalid,
    /// The exchange's redirect URI is not the authorization's.
    CodeRedirectUri,
    /// The code's verifier is missing, wrong or uncalled for (RFC 7636 section 4.6).
    CodeVerifier,
    /// The refresh token is unknown, expired, revoked or used.
    RefreshTokenInvalid,
    /// The refresh token is another client's.
    RefreshTokenOfOther,
    /// The token to revoke is another client's.
    TokenOfOther,
    /// The user is unknown or the password wrong.
    UserCredentials,
    /// The scope is malformed, unknown or wider than granted.
    Scope,
    /// Neither key rules nor a policy make a session.
    NoSession,

    /// Nothing to revoke is named.
    TokenMissing,

    /// The cluster cannot commit now: the request surely did not take effect.
    Unavailable {
        /// Seconds until a retry is worth it.
        retry_after_s: u32,
    },
    /// The cluster did not answer in time: whether the request took effect is not known.
    OutcomeUnknown {
        /// Seconds until a retry is worth it.
        retry_after_s: u32,
    },
    /// Something is broken on our side.
    Internal,
}

/// The part of a row that both styles share the columns of.
pub(super) struct Codes {
    /// RFC style: the status. Any other than 400 and 401 is also that of Tyk's style, whatever is configured there.
    pub(super) status: u16,
    /// RFC style: the code.
    pub(super) rfc: ErrorCode,
    /// Tyk's style: the code, whose sentence describes it.
    pub(super) tyk: ErrorCode,
}

const fn row(status: u16, rfc: ErrorCode, tyk: ErrorCode) -> Codes {
    Codes { status, rfc, tyk }
}

impl OAuthFailure {
    /// The table: status and code of RFC style, code of Tyk's style.
    pub(super) const fn codes(&self) -> Codes {
        match self {
            Self::MethodNotAllowed => row(405, InvalidRequest, InvalidRequest),
            Self::TokenRequestByGet => row(400, InvalidRequest, InvalidRequest),
            Self::ContentType => row(400, InvalidRequest, UnsupportedGrantType),
            Self::BodyTooLarge => row(413, InvalidRequest, InvalidRequest),
            Self::BodyTimeout => row(408, InvalidRequest, InvalidRequest),
            Self::MalformedForm => row(400, InvalidRequest, InvalidRequest),
            Self::RepeatedParameter(_) => row(400, InvalidRequest, InvalidRequest),
            Self::InvalidParameter(_) => row(400, InvalidRequest, InvalidRequest),
            Self::ControlSecret => row(403, AccessDenied, AccessDenied),
            Self::ClientIdMissing => row(400, InvalidRequest, ServerError),
            Self::ClientUnknown => row(400, InvalidClient, ServerError),
            Self::ResponseTypeMissing => row(400, InvalidRequest, UnsupportedResponseType),
            Self::ResponseTypeNotAllowed => {
                row(400, UnsupportedResponseType, UnsupportedResponseType)
            }
            Self::RedirectUriNotRegistered => row(400, UnauthorizedClient, UnauthorizedClient),
            Self::RedirectUriMismatch => row(400, InvalidRequest, InvalidRequest),
            Self::PkceMalformed => row(400, InvalidRequest, InvalidRequest),
            Self::PkceRequired => row(400, InvalidRequest, InvalidRequest),
            Self::KeyRules(_) => row(400, InvalidRequest, InvalidRequest),
            Self::GrantTypeMissing => row(400, InvalidRequest, UnsupportedGrantType),
            Self::GrantTypeNotAllowed => row(400, UnsupportedGrantType, UnsupportedGrantType),
            Self::GrantParameterMissing(_) => row(400, InvalidRequest, InvalidGrant),
            Self::ClientAuthenticationMissing
            | Self::ClientSecretMissing
            | Self::ClientAuthenticationMalformed => row(401, InvalidClient, InvalidRequest),
            Self::ClientAuthenticationTwice => row(400, InvalidRequest, InvalidRequest),
            Self::ClientAuthenticationUnknown => row(401, InvalidClient, UnauthorizedClient),
            Self::ClientSecretWrong => row(401, InvalidClient, UnauthorizedClient),
            Self::GrantNotForClient => row(400, UnauthorizedClient, UnauthorizedClient),
            Self::TooManyAttempts { .. } => {
                row(429, TemporarilyUnavailable, TemporarilyUnavailable)
            }
            Self::CodeInvalid => row(400, InvalidGrant, InvalidGrant),
            Self::CodeRedirectUri => row(400, InvalidGrant, InvalidRequest),
            Self::CodeVerifier => row(400, InvalidGrant, InvalidGrant),
            Self::RefreshTokenInvalid => row(400, InvalidGrant, InvalidGrant),
            Self::RefreshTokenOfOther | Self::TokenOfOther => row(400, InvalidGrant, InvalidClient),
            Self::UserCredentials => row(400, InvalidGrant, AccessDenied),
            Self::Scope => row(400, InvalidScope, InvalidScope),
            Self::NoSession => row(400, UnauthorizedClient, ServerError),
            Self::TokenMissing => row(400, InvalidRequest, InvalidRequest),
            Self::Unavailable { .. } | Self::OutcomeUnknown { .. } => {
                row(503, TemporarilyUnavailable, TemporarilyUnavailable)
            }
            Self::Internal => row(500, ServerError, ServerError),
        }
    }

    /// RFC style: the description. Conditions that must not be told apart share one.
    pub(super) fn description(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::MethodNotAllowed => METHOD_NOT_ALLOWED,
            Self::TokenRequestByGet => "A token request must use POST.",
            Self::ContentType => {
                "The body must be application/x-www-form-urlencoded or application/json."
            }
            Self::BodyTooLarge => "The body is too large.",
            Self::BodyTimeout => "The body did not arrive in time.",
            Self::MalformedForm => "The parameters cannot be decoded.",
            Self::RepeatedParameter(name) => return text("sent more than once", name),
            Self::InvalidParameter(name) => return text("invalid", name),
            Self::GrantParameterMissing(name) => return text("missing", name),
            Self::ControlSecret => CONTROL_SECRET,
            Self::ClientIdMissing => return text("missing", "client_id"),
            Self::ClientUnknown => "The client is unknown.",
            Self::ResponseTypeMissing => return text("missing", "response_type"),
            Self::ResponseTypeNotAllowed => "This response_type is not allowed for this API.",
            Self::RedirectUriNotRegistered => "The client has no redirect_uri registered.",
            Self::RedirectUriMismatch => "The redirect_uri is none that the client registered.",
            Self::PkceMalformed => "The code_challenge is not one of method S256 (RFC 7636).",
            Self::PkceRequired => "A public client must send a code_challenge (RFC 7636).",
            Self::KeyRules(problem) => return Cow::Owned(problem.clone()),
            Self::GrantTypeMissing => return text("missing", "grant_type"),
            Self::GrantTypeNotAllowed => "This grant_type is not allowed for this API.",
            Self::ClientAuthenticationMissing | Self::ClientSecretMissing => {
                "The client must authenticate."
            }
            Self::ClientAuthenticationMalformed => {
                "The client's credentials are not of the scheme Basic, or cannot be decoded."
            }
            Self::ClientAuthenticationTwice => {
                "The Authorization header and the body hold different client credentials."
            }
            Self::ClientAuthenticationUnknown | Self::ClientSecretWrong => {
                "The client is unknown or its secret is wrong."
            }
            Self::GrantNotForClient => "The client may not use this grant_type.",
            Self::TooManyAttempts { .. } => "Too many failed attempts, try again later.",
            Self::CodeInvalid => "The code is unknown, expired, used or another client's.",
            Self::CodeRedirectUri => "The redirect_uri is not that of the authorization request.",
            Self::CodeVerifier => "The code_verifier does not answer the code_challenge.",
            Self::RefreshTokenInvalid | Self::RefreshTokenOfOther => {
                "The refresh_token is unknown, expired, revoked, used or another client's."
            }
            Self::TokenOfOther => "The token is another client's.",
            Self::UserCredentials => "The user name or password is wrong.",
            Self::Scope => "The scope is malformed, unknown or wider than granted.",
            Self::NoSession => "The client has no policy that gives access to this API.",
            Self::TokenMissing => return text("missing", "token"),
            Self::Unavailable { .. } => "The request did not take effect, try again.",
            Self::OutcomeUnknown { .. } => {
                "It is unknown whether the request took effect, try again."
            }
            Self::Internal => "The server failed to answer the request.",
        })
    }

    /// Tyk's style: words that stand in for the code's sentence, in a body of the shape status and message.
    pub(super) const fn tyk_words(&self) -> Option<&'static str> {
        match self {
            Self::MethodNotAllowed => Some(METHOD_NOT_ALLOWED),
            Self::ControlSecret => Some(CONTROL_SECRET),
            _ => None,
        }
    }

    /// Tyk's style at the revocation endpoints: status and words of their own.
    pub(super) const fn tyk_revocation(&self) -> Option<(u16, &'static str)> {
        match self {
            Self::ContentType | Self::MalformedForm => {
                Some((400, "error parsing form. Form malformed"))
            }
            Self::TokenMissing => Some((400, "token is required")),
            Self::ClientAuthenticationMissing => Some((401, "client_id is required")),
            Self::ClientAuthenticationMalformed | Self::ClientSecretMissing => {
                Some((401, "client_secret is required"))
            }
            Self::ClientAuthenticationUnknown => Some((404, "error getting oauth client")),
            Self::ClientSecretWrong | Self::ClientAuthenticationTwice => {
                Some((401, "client secret is wrong"))
            }
            _ => None,
        }
    }

    /// How long the caller should wait, where waiting helps.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::TooManyAttempts { retry_after_s }
            | Self::Unavailable { retry_after_s }
            | Self::OutcomeUnknown { retry_after_s } => Some(*retry_after_s),
            _ => None,
        }
    }
}

fn text(what: &str, name: &str) -> Cow<'static, str> {
    Cow::Owned(format!("The parameter {name} is {what}."))
}
