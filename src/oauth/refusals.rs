//! From what the state machine or the cluster refused to what the table of errors calls it.

use raftgate_cluster::error::ProposeError;
use raftgate_model::answer::{CodeFault, RefreshFault, Refusal};
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::time::Ttl;

use super::throttle::TooManyFailures;
use crate::control::ControlDenied;

/// What a command that did not succeed is called at the endpoints.
pub(super) fn failure_of(error: ProposeError) -> OAuthFailure {
    match error {
        ProposeError::Refused(refusal) => refused(&refusal),
        ProposeError::TooLarge { .. } => OAuthFailure::BodyTooLarge,
        other => OAuthFailure::Unavailable {
            retry_after_s: seconds(other.retry_after().unwrap_or(Ttl::from_s(1))),
        },
    }
}

fn refused(refusal: &Refusal) -> OAuthFailure {
    match refusal {
        Refusal::Code(CodeFault::RedirectMismatch) => OAuthFailure::CodeRedirectUri,
        Refusal::Code(CodeFault::ChallengeMismatch | CodeFault::VerifierWithoutChallenge) => {
            OAuthFailure::CodeVerifier
        }
        Refusal::Code(
            CodeFault::Unknown | CodeFault::Expired | CodeFault::OtherClient | CodeFault::Reused,
        ) => OAuthFailure::CodeInvalid,
        Refusal::Refresh(RefreshFault::OtherClient) => OAuthFailure::RefreshTokenOfOther,
        Refusal::Refresh(RefreshFault::Unknown | RefreshFault::Expired | RefreshFault::Reused) => {
            OAuthFailure::RefreshTokenInvalid
        }
        Refusal::ScopeExceeded => OAuthFailure::Scope,
        Refusal::NoSession | Refusal::UnknownPolicy => OAuthFailure::NoSession,
        Refusal::UnknownClient | Refusal::CredentialsChanged => {
            OAuthFailure::ClientAuthenticationUnknown
        }
        Refusal::NotYours => OAuthFailure::RefreshTokenOfOther,
        Refusal::UnknownApi
        | Refusal::AlreadyFounded
        | Refusal::ClientExists
        | Refusal::PublicClient
        | Refusal::ListenPathTaken(_)
        | Refusal::UnknownNotification
        | Refusal::NotFailed
        | Refusal::UnsuitableKey
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
            ControlDenied::Wrong => Self::ControlSecret,
            ControlDenied::TooMany(refused) => refused.into(),
        }
    }
}

fn seconds(duration: Ttl) -> u32 {
    u32::try_from(duration.as_s_ceil())
        .unwrap_or(u32::MAX)
        .max(1)
}
