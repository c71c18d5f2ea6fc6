//! Every condition, with its status and codes in both styles.

use super::*;

/// Every condition, with its status and codes: the tables of design section 8 and reference section 1.1.
pub(super) fn conditions() -> Vec<(OAuthFailure, u16, &'static str, &'static str)> {
    use OAuthFailure as F;
    vec![
        (
            F::MethodNotAllowed,
            405,
            "invalid_request",
            "invalid_request",
        ),
        (
            F::TokenRequestByGet,
            400,
            "invalid_request",
            "invalid_request",
        ),
        (
            F::ContentType,
            400,
            "invalid_request",
            "unsupported_grant_type",
        ),
        (F::BodyTooLarge, 413, "invalid_request", "invalid_request"),
        (F::BodyTimeout, 408, "invalid_request", "invalid_request"),
        (F::MalformedForm, 400, "invalid_request", "invalid_request"),
        (
            F::RepeatedParameter("code".into()),
            400,
            "invalid_request",
            "invalid_request",
        ),
        (
            F::InvalidParameter("state".into()),
            400,
            "invalid_request",
            "invalid_request",
        ),
        (F::ControlSecret, 403, "access_denied", "access_denied"),
        (F::ClientIdMissing, 400, "invalid_request", "server_error"),
        (F::ClientUnknown, 400, "invalid_client", "server_error"),
        (
            F::ResponseTypeMissing,
            400,
            "invalid_request",
            "unsupported_response_type",
        ),
        (
            F::ResponseTypeNotAllowed,
            400,
            "unsupported_response_type",
            "unsupported_response_type",
        ),
        (
            F::RedirectUriNotRegistered,
            400,
            "unauthorized_client",
            "unauthorized_client",
        ),
        (
            F::RedirectUriMismatch,
            400,
            "invalid_request",
            "invalid_request",
        ),
        (F::PkceMalformed, 400, "invalid_request", "invalid_request"),
        (F::PkceRequired, 400, "invalid_request", "invalid_request"),
        (
            F::KeyRules("bad".into()),
            400,
            "invalid_request",
            "invalid_request",
        ),
        (
            F::GrantTypeMissing,
            400,
            "invalid_request",
            "unsupported_grant_type",
        ),
        (
            F::GrantTypeNotAllowed,
            400,
            "unsupported_grant_type",
            "unsupported_grant_type",
        ),
        (
            F::GrantParameterMissing("code"),
            400,
            "invalid_request",
            "invalid_grant",
        ),
        (
            F::ClientAuthenticationMissing,
            401,
            "invalid_client",
            "invalid_request",
        ),
        (
            F::ClientSecretMissing,
            401,
            "invalid_client",
            "invalid_request",
        ),
        (
            F::ClientAuthenticationMalformed,
            401,
            "invalid_client",
            "invalid_request",
        ),
        (
            F::ClientAuthenticationTwice,
            400,
            "invalid_request",
            "invalid_request",
        ),
        (
            F::ClientAuthenticationUnknown,
            401,
            "invalid_client",
            "unauthorized_client",
        ),
        (
            F::ClientSecretWrong,
            401,
            "invalid_client",
            "unauthorized_client",
        ),
        (
            F::GrantNotForClient,
            400,
            "unauthorized_client",
            "unauthorized_client",
        ),
        (
            F::TooManyAttempts { retry_after_s: 60 },
            429,
            "temporarily_unavailable",
            "temporarily_unavailable",
        ),
        (F::CodeInvalid, 400, "invalid_grant", "invalid_grant"),
        (F::CodeRedirectUri, 400, "invalid_grant", "invalid_request"),
        (F::CodeVerifier, 400, "invalid_grant", "invalid_grant"),
        (
            F::RefreshTokenInvalid,
            400,
            "invalid_grant",
            "invalid_grant",
        ),
        (
            F::RefreshTokenOfOther,
            400,
            "invalid_grant",
            "invalid_client",
        ),
        (F::TokenOfOther, 400, "invalid_grant", "invalid_client"),
        (F::UserCredentials, 400, "invalid_grant", "access_denied"),
        (F::Scope, 400, "invalid_scope", "invalid_scope"),
        (F::NoSession, 400, "unauthorized_client", "server_error"),
        (F::TokenMissing, 400, "invalid_request", "invalid_request"),
        (
            F::Unavailable { retry_after_s: 1 },
            503,
            "temporarily_unavailable",
            "temporarily_unavailable",
        ),
        (
            F::OutcomeUnknown { retry_after_s: 1 },
            503,
            "temporarily_unavailable",
            "temporarily_unavailable",
        ),
        (F::Internal, 500, "server_error", "server_error"),
    ]
}
