//! `authorize-client`: the identity server says that the resource owner approved, and gets a code.

use std::sync::Arc;

use http::Method;
use raftgate_actors::snapshot::CompiledApi;
use raftgate_model::answer::Reply;
use raftgate_model::command::{Command, IssueCode};
use raftgate_model::id::CodeId;
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::oauth::redirect::{RegisteredUris, code_redirect};
use raftgate_model::secret::Secret;
use raftgate_model::session::SessionRules;
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::SessionSource;

use super::authorize::Authorization;
use super::form::Form;
use super::{AuthorizationServer, Call, oauth_of};

/// A code on its way to the identity server.
pub(super) struct ApprovedCode {
    pub(super) code: Secret,
    pub(super) redirect_to: Secret,
    pub(super) state: Option<String>,
}

/// A refused approval, with the state to echo.
pub(super) struct Rejection {
    pub(super) failure: OAuthFailure,
    pub(super) state: Option<String>,
    /// The client's own redirect URI, where Tyk says in it what was wrong with the one that was asked for.
    pub(super) registered: Option<String>,
}

impl From<OAuthFailure> for Rejection {
    fn from(failure: OAuthFailure) -> Self {
        Self {
            failure,
            state: None,
            registered: None,
        }
    }
}

impl AuthorizationServer {
    /// Issues a code by the same checks as the authorization request, and with the session that it will make.
    pub(super) async fn try_authorize_client(
        &self,
        api: &CompiledApi,
        call: Call<'_>,
    ) -> Result<ApprovedCode, Rejection> {
        if *call.method != Method::POST {
            return Err(OAuthFailure::MethodNotAllowed.into());
        }
        let form = Form::read(call.query, call.headers, call.body).map_err(OAuthFailure::from)?;
        let state = form.get("state").map(str::to_owned);
        match self.approve(api, &form).await {
            Ok((code, redirect_to)) => Ok(ApprovedCode {
                code,
                redirect_to,
                state,
            }),
            Err(failure) => Err(Rejection {
                registered: (failure == OAuthFailure::RedirectUriMismatch)
                    .then(|| self.registered(api, &form))
                    .flatten(),
                failure,
                state,
            }),
        }
    }

    async fn approve(
        &self,
        api: &CompiledApi,
        form: &Form,
    ) -> Result<(Secret, Secret), OAuthFailure> {
        let oauth = oauth_of(api)?;
        let authorization = self.authorization(api, oauth, form)?;
        let Authorization {
            client,
            redirect,
            challenge,
            scope,
        } = authorization;
        let issue = IssueCode {
            id: CodeId::from_bytes(self.random_id()),
            client: ClientKey {
                api: client.api.clone(),
                client: client.id.clone(),
            },
            redirect: redirect.clone(),
            challenge,
            session: self.session(api, form)?,
            scope,
            lifetime: oauth.lifetimes.auth_code,
        };
        let Reply::Code { code, .. } = self.propose(api, Command::IssueCode(issue)).await? else {
            return Err(OAuthFailure::Internal);
        };
        let code = self
            .keys
            .mint_code(&code)
            .map_err(|_| OAuthFailure::Internal)?;
        let redirect_to = code_redirect(redirect.uri(), code.expose(), form.get("state"))
            .map_err(|_| OAuthFailure::RedirectUriMismatch)?;
        Ok((code, Secret::new(redirect_to)))
    }

    /// The first redirect URI that the client of a request registered.
    fn registered(&self, api: &CompiledApi, form: &Form) -> Option<String> {
        let client = self.client(api, form.get("client_id")?)?;
        let separator = &self.settings.redirect_uri_separator;
        let uris = RegisteredUris::split(&client.text.redirect_uri, separator);
        uris.first().map(str::to_owned)
    }

    /// The session that `key_rules` ask for; none means the client's policy.
    fn session(
        &self,
        api: &CompiledApi,
        form: &Form,
    ) -> Result<Option<SessionSource>, OAuthFailure> {
        let Some(text) = form.get("key_rules") else {
            return Ok(None);
        };
        let rules = SessionRules::from_json(text, self.settings.allow_master_keys)
            .map_err(|error| OAuthFailure::KeyRules(error.to_string()))?;
        if rules.has_limits() && self.limits_warned.is_first(&api.id) {
            tracing::warn!(
                api = %api.id,
                "key_rules carry a rate limit or a quota, which is kept and not enforced yet; not said again for this API"
            );
        }
        Ok(Some(SessionSource::Rules(Arc::new(rules))))
    }
}
