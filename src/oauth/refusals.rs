//! From what the state machine or the cluster refused to what the table of errors calls it.

use raftgate_cluster::error::ProposeError;
use raftgate_model::answer::{CodeFault, RefreshFault, Refusal};
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::time::Ttl;

use super::throttle::TooManyFailures;
use crate::control::ControlDenied;

/// What a command that did not succeed is called at the endpoints.
pub(super) fn failure_of(error: ProposeError) -> OAuthFailure {
    let retry_after_s = seconds(error.retry_after().unwrap_or(Ttl::from_s(1)));
    match error {
        ProposeError::Refused(refusal) => refused(&refusal),
        ProposeError::TooLarge { .. } => OAuthFailure::BodyTooLarge,
        ProposeError::Timeout => OAuthFailure::OutcomeUnknown { retry_after_s },
        ProposeError::QueueFull
        | ProposeError::NoQuorum
        | ProposeError::StorageFull
        | ProposeError::ShuttingDown => OAuthFailure::Unavailable { retry_after_s },
    }
}

fn refused(refusal: &Refusal) -> OAuthFailure {
    match refusal {
        Refusal::Code(CodeFault::RedirectMismatch) => OAuthFailure::CodeRedirectUri,
        Refusal::Code(CodeFault::ChallengeMismatch | CodeFault::VerifierWithoutChallenge) => {
            OAuthFailure::CodeVerifier
        }
        Refusal::Code(
            CodeFault::Unknown
            | CodeFault::Expired
            | CodeFault::OtherClient
            | CodeFault::OtherApi
            | CodeFault::Reused,
        ) => OAuthFailure::CodeInvalid,
        Refusal::Refresh(RefreshFault::OtherClient | RefreshFault::OtherApi) => {
            OAuthFailure::RefreshTokenOfOther
        }
        Refusal::Refresh(RefreshFault::Unknown | RefreshFault::Expired | RefreshFault::Reused) => {
            OAuthFailure::RefreshTokenInvalid
        }
        Refusal::ScopeExceeded => OAuthFailure::Scope,
        Refusal::NoSession | Refusal::UnknownPolicy => OAuthFailure::NoSession,
        Refusal::UnknownClient | Refusal::CredentialsChanged => {
            OAuthFailure::ClientAuthenticationUnknown
        }
        Refusal::NotYours => OAuthFailure::TokenOfOther,
        Refusal::UserChanged => OAuthFailure::UserCredentials,
        Refusal::UnknownApi
        | Refusal::AlreadyFounded
        | Refusal::ClientExists
        | Refusal::PublicClient
        | Refusal::ListenPathTaken(_)
        | Refusal::UnknownNotification
        | Refusal::NotFailed
        | Refusal::UnsuitableKey
        | Refusal::UnknownApiKey
        | Refusal::PasswordMissing
        | Refusal::ApiKeyChanged
        | Refusal::ApiChanged
        | Refusal::AdminTokenExists
        | Refusal::TooManyAdminTokens
        | Refusal::QueueFull => OAuthFailure::Internal,
    }
}

impl From<TooManyFailures> for OAuthFailure {
    fn from(refused: TooManyFailures) -> Self {
        Self::TooManyAttempts {
            retry_after_s: seconds(refused.retry_after),
        }
    }
}

impl From<ControlDenied> for OAuthFailure {
    fn from(denied: ControlDenied) -> Self {
        match denied {
            ControlDenied::Wrong | ControlDenied::Role(_) => Self::ControlSecret,
            ControlDenied::TooMany(refused) => refused.into(),
        }
    }
}

fn seconds(duration: Ttl) -> u32 {
    u32::try_from(duration.as_s_ceil())
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use raftgate_model::oauth::error::{ErrorStyle, OAuthEndpoint};

    use super::*;

    #[test]
    fn a_write_that_surely_did_not_run_is_told_from_one_without_an_outcome() {
        for (error, retry_after_s, words) in [
            (ProposeError::QueueFull, 1, "did not take effect"),
            (ProposeError::NoQuorum, 1, "did not take effect"),
            (ProposeError::StorageFull, 10, "did not take effect"),
            (ProposeError::ShuttingDown, 2, "did not take effect"),
            (ProposeError::Timeout, 1, "unknown whether"),
        ] {
            let failure = failure_of(error.clone());
            let answer = failure.answer(OAuthEndpoint::Token, ErrorStyle::Rfc);
            assert_eq!(
                (answer.status, answer.retry_after_s),
                (503, Some(retry_after_s)),
                "{error}"
            );
            assert!(answer.description.contains(words), "{error}: {answer:?}");
        }
    }
}
