//! What logs call the conditions: one stable word each, also for those that a caller must not be able to tell apart.

use super::OAuthFailure;

impl OAuthFailure {
    /// The word of this condition in logs; it holds nothing of the request.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TokenRequestByGet => "token_request_by_get",
            Self::ContentType => "content_type",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::MalformedForm => "malformed_form",
            Self::RepeatedParameter(_) => "repeated_parameter",
            Self::InvalidParameter(_) => "invalid_parameter",
            Self::ControlSecret => "control_secret",
            Self::ClientIdMissing => "client_id_missing",
            Self::ClientUnknown => "client_unknown",
            Self::ResponseTypeMissing => "response_type_missing",
            Self::ResponseTypeNotAllowed => "response_type_not_allowed",
            Self::RedirectUriNotRegistered => "redirect_uri_not_registered",
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::PkceMalformed => "pkce_malformed",
            Self::PkceRequired => "pkce_required",
            Self::KeyRules(_) => "key_rules",
            Self::GrantTypeMissing => "grant_type_missing",
            Self::GrantTypeNotAllowed => "grant_type_not_allowed",
            Self::GrantParameterMissing(_) => "grant_parameter_missing",
            Self::ClientAuthenticationMissing => "client_authentication_missing",
            Self::ClientSecretMissing => "client_secret_missing",
            Self::ClientAuthenticationMalformed => "client_authentication_malformed",
            Self::ClientAuthenticationTwice => "client_authentication_twice",
            Self::ClientAuthenticationUnknown => "client_authentication_unknown",
            Self::ClientSecretWrong => "client_secret_wrong",
            Self::GrantNotForClient => "grant_not_for_client",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::CodeInvalid => "code_invalid",
            Self::CodeRedirectUri => "code_redirect_uri",
            Self::CodeVerifier => "code_verifier",
            Self::RefreshTokenInvalid => "refresh_token_invalid",
            Self::RefreshTokenOfOther => "refresh_token_of_other",
            Self::TokenOfOther => "token_of_other",
            Self::UserCredentials => "user_credentials",
            Self::Scope => "scope",
            Self::NoSession => "no_session",
            Self::TokenMissing => "token_missing",
            Self::Unavailable { .. } => "unavailable",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::Internal => "internal",
        }
    }
}
