//! Why the control listener refuses, and the one place where that becomes an answer.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use raftgate_actors::registry::NotInForce;
use raftgate_cluster::error::ProposeError;
use raftgate_model::admin_token::{ADMIN_TOKENS_MAX, AdminRole};
use raftgate_model::answer::Refusal;
use raftgate_model::time::Ttl;
use serde::Serialize;

use super::ControlDenied;
use crate::telemetry::answers::{Account, AnswerNote};

/// How long a caller should wait for a node that is starting.
const STARTING_RETRY: Ttl = Ttl::from_s(1);

/// What is wrong with a session that would make a key out of a user, and what to do instead.
const PASSWORD_MISSING: &str = "basic_auth_data.password: is missing, and this is a user: send the password, or change the user by PUT, which keeps it";

/// Tyk's words for an API that is not there; whether that is 404 or 400 depends on where it is named.
pub(super) const API_ABSENT: &str = "API doesn't exist";
/// The same for a policy.
pub(super) const POLICY_ABSENT: &str = "Policy doesn't exist";
/// The same for a client.
pub(super) const CLIENT_ABSENT: &str = "OAuth Client ID not found";
/// The same for a key.
pub(super) const KEY_ABSENT: &str = "Key is not found";
/// Our own for a notification.
pub(super) const NOTIFICATION_ABSENT: &str = "notification not found";

/// When to ask again for a snapshot: disks are not mended in a moment.
const NOT_SAVED_RETRY_AFTER: Ttl = Ttl::from_s(10);

/// Why a control request is refused; the text is what the caller reads.
#[derive(Debug, thiserror::Error)]
pub enum ControlFailure {
    /// The control secret is missing or wrong.
    #[error("Attempted administrative access with invalid or missing key!")]
    Denied,
    /// The role of the admin token is another.
    #[error("The role {} of this admin token does not allow this.", .0.as_str())]
    Forbidden(AdminRole),
    /// Too many wrong secrets.
    #[error("Too many failed attempts, try again later.")]
    TooManyAttempts(Ttl),
    /// What was sent cannot be taken.
    #[error("{0}")]
    Invalid(String),
    /// The body has too many bytes.
    #[error("Request Entity Too Large")]
    BodyTooLarge,
    /// The request line and headers have too many bytes or lines.
    #[error("Request Header Fields Too Large")]
    HeadTooLarge,
    /// There is no such thing.
    #[error("{0}")]
    NotFound(&'static str),
    /// A secret is missing or wrong, though not the control secret.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// What was sent is understood and lacks something.
    #[error("{0}")]
    Unprocessable(&'static str),
    /// There is such a thing already, and another one.
    #[error("{0}")]
    Conflict(String),
    /// The method is not one of the resource's.
    #[error("Method not supported")]
    MethodNotAllowed,
    /// The node is starting: what there is cannot be asked yet.
    #[error("The node is starting, try again.")]
    Starting,
    /// It was surely not carried out, and can be repeated; the text says what is in the way.
    #[error("Not carried out: {reason}. It can be repeated.")]
    NotCarriedOut {
        /// What is in the way.
        reason: String,
        /// When to try again.
        retry_after: Ttl,
    },
    /// Whether it was carried out is not known.
    #[error("The store cannot confirm the change now, it may or may not take effect.")]
    Unconfirmed(Ttl),
    /// What was changed is stored, and this node does not serve by it yet.
    ///
    /// Without `Retry-After`: clients that heed it would repeat the change.
    #[error(
        "What was changed is stored, but not in force on this node yet: do not repeat it, ask /tyk/reload until that is 200."
    )]
    NotInForce,
    /// What was changed is stored, and nothing comes into force on this node any more.
    #[error(
        "What was changed is stored, but nothing comes into force on this node until it is started again: do not repeat it."
    )]
    NeverInForce,
    /// What was changed is stored, and this node cannot serve by it, for this reason.
    #[error(
        "What was changed is stored, but cannot be served on this node: {0}. Repeating it is for nothing, another definition replaces it."
    )]
    NotServable(String),
    /// A snapshot could not be made, for this reason; it is tried again when it is asked for again.
    #[error("The snapshot was not saved: {0}")]
    NotSaved(String),
    /// A key cannot be made as it was asked for, where Tyk says 500.
    #[error("{0}")]
    NotMade(String),
    /// Something is broken on our side; the log says what.
    #[error("Internal error")]
    Internal,
}

/// The shape of Tyk's Dashboard, for what went well too.
#[derive(Serialize)]
pub(super) struct DashboardBody<'a> {
    #[serde(rename = "Status")]
    pub(super) status: &'static str,
    #[serde(rename = "Message")]
    pub(super) message: &'a str,
    #[serde(rename = "Meta")]
    pub(super) meta: Option<()>,
}

/// Tyk's error shape.
#[derive(Serialize)]
struct ErrorBody<'a> {
    status: &'static str,
    message: &'a str,
}

impl ControlFailure {
    /// The answer; `door` decides what a wrong secret is.
    #[must_use]
    pub fn answer(&self, door: Door) -> HttpResponse {
        let mut response = HttpResponse::build(self.status(door));
        if let Some(retry_after) = self.retry_after() {
            response.insert_header((RETRY_AFTER, retry_after.as_s_ceil().max(1).to_string()));
        }
        let message = &self.to_string();
        let mut response = match door {
            Door::Dashboard => response.json(DashboardBody {
                status: "Error",
                message,
                meta: None,
            }),
            Door::Gateway | Door::Own => response.json(ErrorBody {
                status: "error",
                message,
            }),
        };
        response.extensions_mut().insert(self.note());
        response
    }

    /// How long the caller should wait, where waiting helps.
    const fn retry_after(&self) -> Option<Ttl> {
        match self {
            Self::TooManyAttempts(retry_after)
            | Self::NotCarriedOut { retry_after, .. }
            | Self::Unconfirmed(retry_after) => Some(*retry_after),
            Self::Starting => Some(STARTING_RETRY),
            Self::NotSaved(_) => Some(NOT_SAVED_RETRY_AFTER),
            _ => None,
        }
    }

    /// What the log says of it.
    const fn note(&self) -> AnswerNote {
        let (what, account) = match self {
            Self::Denied => ("control_secret", Account::Caller),
            Self::Forbidden(_) => ("forbidden", Account::Caller),
            Self::TooManyAttempts(_) => ("too_many_attempts", Account::Caller),
            Self::Invalid(_) => ("invalid", Account::Caller),
            Self::BodyTooLarge => ("body_too_large", Account::Caller),
            Self::HeadTooLarge => ("head_too_large", Account::Caller),
            Self::NotFound(_) => ("not_found", Account::Caller),
            Self::Unauthorized(_) => ("unauthorized", Account::Caller),
            Self::Unprocessable(_) => ("unprocessable", Account::Caller),
            Self::Conflict(_) => ("conflict", Account::Caller),
            Self::MethodNotAllowed => ("method_not_allowed", Account::Caller),
            Self::Starting => ("starting", Account::Operator),
            Self::NotCarriedOut { .. } => ("not_carried_out", Account::Operator),
            Self::Unconfirmed(_) => ("unconfirmed", Account::Operator),
            Self::NotInForce | Self::NeverInForce => ("not_in_force", Account::Operator),
            Self::NotServable(_) => ("not_servable", Account::Operator),
            Self::NotSaved(_) => ("not_saved", Account::Operator),
            Self::NotMade(_) => ("not_made", Account::Caller),
            Self::Internal => ("internal", Account::Program),
        };
        AnswerNote { what, account }
    }

    fn status(&self, door: Door) -> StatusCode {
        match self {
            Self::Denied => match door {
                Door::Gateway => StatusCode::FORBIDDEN,
                Door::Dashboard | Door::Own => StatusCode::UNAUTHORIZED,
            },
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Starting
            | Self::NotCarriedOut { .. }
            | Self::Unconfirmed(_)
            | Self::NotInForce
            | Self::NeverInForce
            | Self::NotSaved(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotMade(_) | Self::NotServable(_) | Self::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

/// By which family of paths a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Tyk's Gateway API, `/tyk`.
    Gateway,
    /// Tyk's Dashboard API, `/api`.
    Dashboard,
    /// `/raftgate/v1`.
    Own,
}

impl Door {
    /// The door that a path belongs to.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let first = path.split('/').nth(1).unwrap_or_default();
        match first {
            "tyk" => Self::Gateway,
            "api" => Self::Dashboard,
            _ => Self::Own,
        }
    }
}

impl From<ControlDenied> for ControlFailure {
    fn from(denied: ControlDenied) -> Self {
        match denied {
            ControlDenied::Wrong => Self::Denied,
            ControlDenied::Role(role) => Self::Forbidden(role),
            ControlDenied::TooMany(refused) => Self::TooManyAttempts(refused.retry_after),
        }
    }
}

impl From<ProposeError> for ControlFailure {
    fn from(error: ProposeError) -> Self {
        let retry_after = error.retry_after().unwrap_or(Ttl::from_s(1));
        match error {
            ProposeError::Refused(refusal) => refusal.into(),
            ProposeError::TooLarge { .. } => Self::Invalid(error.to_string()),
            ProposeError::QueueFull
            | ProposeError::NoQuorum
            | ProposeError::StorageFull
            | ProposeError::ShuttingDown => Self::NotCarriedOut {
                reason: error.to_string(),
                retry_after,
            },
            ProposeError::Timeout => Self::Unconfirmed(retry_after),
        }
    }
}

impl From<NotInForce> for ControlFailure {
    fn from(reason: NotInForce) -> Self {
        match reason {
            NotInForce::Late => Self::NotInForce,
            NotInForce::Stopped => Self::NeverInForce,
            NotInForce::Unservable(apis) => Self::NotServable(apis.to_string()),
        }
    }
}

impl From<Refusal> for ControlFailure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownApi => Self::Invalid(API_ABSENT.into()),
            Refusal::UnknownPolicy | Refusal::NoSession => Self::Invalid(POLICY_ABSENT.into()),
            Refusal::UnknownClient => Self::NotFound(CLIENT_ABSENT),
            Refusal::ClientExists => {
                Self::Conflict("a client with this client_id is registered differently".into())
            }
            Refusal::PublicClient => Self::Invalid("a public client has no secret".into()),
            Refusal::UnknownNotification => Self::NotFound(NOTIFICATION_ABSENT),
            Refusal::NotFailed => {
                Self::Conflict("only a failed notification can be redelivered".into())
            }
            Refusal::UnknownApiKey => Self::NotFound(KEY_ABSENT),
            Refusal::PasswordMissing => Self::Invalid(PASSWORD_MISSING.into()),
            Refusal::ApiKeyChanged => Self::NotCarriedOut {
                reason: "the key was changed by others meanwhile".into(),
                retry_after: Ttl::from_s(1),
            },
            Refusal::ApiChanged => Self::NotCarriedOut {
                reason: "the API was changed by others meanwhile".into(),
                retry_after: Ttl::from_s(1),
            },
            Refusal::AdminTokenExists => {
                Self::Conflict("there is an admin token of this name".into())
            }
            Refusal::TooManyAdminTokens => {
                Self::Conflict(format!("there are {ADMIN_TOKENS_MAX} admin tokens already"))
            }
            Refusal::QueueFull => {
                Self::Conflict("the API's queue is full; try again when it is shorter".into())
            }
            // The importer says at which place of the document.
            Refusal::ListenPathTaken(_)
            | Refusal::AlreadyFounded
            | Refusal::CredentialsChanged
            | Refusal::Code(_)
            | Refusal::Refresh(_)
            | Refusal::UserChanged
            | Refusal::ScopeExceeded
            | Refusal::NotYours
            | Refusal::UnsuitableKey => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_is_stored_and_not_in_force_is_not_to_be_repeated() {
        let late = NotInForce::Late;
        for (reason, what_to_do) in [
            (late, "ask /tyk/reload until that is 200"),
            (NotInForce::Stopped, "until it is started again"),
        ] {
            let failure = ControlFailure::from(reason);
            let answer = failure.answer(Door::Gateway);
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            // Clients that heed it would repeat the change, and a repeated deletion finds nothing to delete.
            assert_eq!(answer.headers().get(RETRY_AFTER), None);
            let message = failure.to_string();
            for part in ["is stored", "do not repeat it", what_to_do] {
                assert!(message.contains(part), "{part} is not in: {message}");
            }
        }
    }

    #[test]
    fn only_a_write_without_an_outcome_is_called_uncertain() {
        for (error, retry_after_s) in [
            (ProposeError::QueueFull, "1"),
            (ProposeError::NoQuorum, "1"),
            (ProposeError::StorageFull, "10"),
            (ProposeError::ShuttingDown, "2"),
            (ProposeError::Timeout, "1"),
        ] {
            let is_known = error != ProposeError::Timeout;
            let failure = ControlFailure::from(error);
            let message = failure.to_string();
            assert_eq!(
                message.starts_with("Not carried out: "),
                is_known,
                "{message}"
            );
            assert_eq!(message.contains("may or may not"), !is_known, "{message}");
            let answer = failure.answer(Door::Gateway);
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(
                answer
                    .headers()
                    .get(RETRY_AFTER)
                    .map(|value| value.as_bytes()),
                Some(retry_after_s.as_bytes())
            );
        }
    }
}
