//! `oauth/revoke` and `oauth/revoke_all` under a listen path: a client ends its own tokens.

use http::Method;
use raftgate_actors::snapshot::CompiledApi;
use raftgate_cluster::batch::Lane;
use raftgate_model::command::{Command, Revoke, RevokeOwner, RevokeTarget};
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::state::Subject;

use super::client_auth::{Caller, presented};
use super::form::Form;
use super::{AuthorizationServer, Call, refusals};

impl AuthorizationServer {
    /// Revokes one token of the client that asks; whatever the hint says, both kinds are looked for (RFC 7009 section 2.1).
    pub(super) async fn try_revoke(
        &self,
        api: &CompiledApi,
        call: Call<'_>,
    ) -> Result<(), OAuthFailure> {
        let (form, caller) = self.revoking_client(api, call)?;
        let token = form.get("token").ok_or(OAuthFailure::TokenMissing)?;
        let Some(target) = self.revoke_target(token) else {
            return Ok(());
        };
        let owner = RevokeOwner::Client(caller.authenticated().key);
        self.revoke_now(Command::Revoke(Revoke { target, owner }))
            .await
    }

    /// Revokes every token of the client that asks; a public one cannot prove to be the one that it says it is, and anybody
    /// could log out all of its users.
    pub(super) async fn try_revoke_all(
        &self,
        api: &CompiledApi,
        call: Call<'_>,
    ) -> Result<(), OAuthFailure> {
        let (_, caller) = self.revoking_client(api, call)?;
        if caller.client.secret.is_public() {
            return Err(OAuthFailure::ClientSecretMissing);
        }
        let client = caller.authenticated().key;
        self.revoke_now(Command::RevokeAll(Subject::Client(client)))
            .await
    }

    /// The form of a revocation, and the client that proved who it is, as far as it can.
    fn revoking_client(
        &self,
        api: &CompiledApi,
        call: Call<'_>,
    ) -> Result<(Form, Caller), OAuthFailure> {
        let form = self.revocation_form(call)?;
        let caller = self.authenticate(api, presented(call.headers, &form)?, call)?;
        Ok((form, caller))
    }

    fn revocation_form(&self, call: Call<'_>) -> Result<Form, OAuthFailure> {
        if *call.method != Method::POST {
            return Err(OAuthFailure::MethodNotAllowed);
        }
        Ok(Form::read(call.query, call.headers, call.body)?)
    }

    /// What a token's text stands for; a forged or foreign text stands for nothing.
    pub fn revoke_target(&self, token: &str) -> Option<RevokeTarget> {
        if let Ok(access) = self.keys.verify_access(token) {
            return Some(RevokeTarget::Access(access.id));
        }
        self.keys
            .verify_refresh(token)
            .ok()
            .map(|token| RevokeTarget::Refresh(token.family))
    }

    async fn revoke_now(&self, command: Command) -> Result<(), OAuthFailure> {
        match self.cluster.propose(Lane::Revocation, command).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refusals::failure_of(error)),
        }
    }
}
