//! The password grant (RFC 6749 section 4.3): users are basic-auth keys, checked here and judged by the state machine.

use raftgate_actors::snapshot::{CompiledApi, OAuthAccess};
use raftgate_model::command::IssuePassword;
use raftgate_model::id::{FamilyId, GrantId};
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::secret::Secret;

use super::client_auth::Caller;
use super::form::Form;
use super::token::{lifetimes, scope};
use super::{AuthorizationServer, Call};
use crate::credentials::{Login, UserDenied};

/// When to try again while too many passwords are being checked.
const BUSY_RETRY_S: u32 = 1;

/// A request for tokens with a user's password.
pub(super) struct PasswordRequest<'r> {
    /// The client that asks.
    pub(super) caller: &'r Caller,
    /// What it asks for.
    pub(super) form: &'r Form,
    /// The user.
    pub(super) login: Login,
}

/// The name and password of a form; a password in the query is none, what stands in a URI ends in logs.
pub(super) fn login(form: &Form) -> Result<Login, OAuthFailure> {
    let name = form.get("username");
    let name = name.ok_or(OAuthFailure::GrantParameterMissing("username"))?;
    let password = form.get_from_body("password");
    let password = password.ok_or(OAuthFailure::GrantParameterMissing("password"))?;
    Ok(Login {
        name: name.to_owned(),
        password: Secret::new(password.to_owned()),
    })
}

impl AuthorizationServer {
    /// The command for a user whose password is right.
    ///
    /// A public client may not: anybody could guess passwords in its name.
    pub(super) async fn password(
        &self,
        api: &CompiledApi,
        oauth: &OAuthAccess,
        request: PasswordRequest<'_>,
        call: Call<'_>,
    ) -> Result<IssuePassword, OAuthFailure> {
        let PasswordRequest {
            caller,
            form,
            login,
        } = request;
        if caller.client.secret.is_public() {
            return Err(OAuthFailure::GrantNotForClient);
        }
        let scope = scope(oauth, form)?;
        let claim = login.claim(call.client_ip);
        let user = self.users.check(&api.org, &claim).await?;
        Ok(IssuePassword {
            client: caller.authenticated(),
            user: user.id,
            user_revision: user.record.revision,
            grant: GrantId::from_bytes(self.random_id()),
            family: FamilyId::from_bytes(self.random_id()),
            scope,
            lifetimes: lifetimes(oauth),
            notify: self.notify_terms_of(oauth),
        })
    }
}

impl From<UserDenied> for OAuthFailure {
    fn from(denied: UserDenied) -> Self {
        match denied {
            UserDenied::Wrong => Self::UserCredentials,
            UserDenied::TooMany(refused) => refused.into(),
            UserDenied::Busy => Self::Unavailable {
                retry_after_s: BUSY_RETRY_S,
            },
        }
    }
}
