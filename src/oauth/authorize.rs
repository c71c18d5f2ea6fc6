//! `oauth/authorize`: looks at the request and sends the browser on to the login page.

use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Method, StatusCode};
use raftgate_actors::snapshot::{CompiledApi, OAuthAccess};
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::oauth::grant_type::ResponseType;
use raftgate_model::oauth::pkce::PkceChallenge;
use raftgate_model::oauth::redirect::{RegisteredUris, login_location};
use raftgate_model::oauth::scope::Scope;
use raftgate_model::state::record::{ClientRecord, CodeRedirect};
use std::sync::Arc;

use super::form::Form;
use super::token::scope;
use super::{AuthorizationServer, Call};
use crate::proxy::EndpointResponse;

/// An authorization request that may go on.
pub(super) struct Authorization {
    pub(super) response_type: ResponseType,
    pub(super) client: Arc<ClientRecord>,
    /// Where the browser goes with the answer.
    pub(super) redirect: CodeRedirect,
    pub(super) challenge: Option<PkceChallenge>,
    pub(super) scope: Option<Scope>,
}

impl AuthorizationServer {
    /// Errors are never sent to the client's redirect URI: whoever sent the browser here reads them (section 8).
    pub(super) fn try_authorize(
        &self,
        api: &CompiledApi,
        oauth: &OAuthAccess,
        call: Call<'_>,
    ) -> Result<EndpointResponse, OAuthFailure> {
        if !matches!(*call.method, Method::GET | Method::POST) {
            return Err(OAuthFailure::MethodNotAllowed);
        }
        let form = Form::read(call.query, call.headers, call.body)?;
        self.authorization(api, oauth, &form)?;
        let login = oauth
            .spec
            .login_redirect
            .as_deref()
            .ok_or(OAuthFailure::Internal)?;
        // A secret that somebody put here by mistake must not stand in the address of a page.
        let is_secret = |name: &str| matches!(name, "client_secret" | "secret" | "password");
        let sent: Vec<_> = form.pairs().filter(|(name, _)| !is_secret(name)).collect();
        let location = HeaderValue::try_from(login_location(login, &sent));
        let location = location.map_err(|_| OAuthFailure::Internal)?;
        // By a 307 the browser posts the form again, there; by a 303 it does not (RFC 9700 section 4.12).
        let holds_secret = form.pairs().any(|(name, _)| is_secret(name));
        let status = match (call.method, holds_secret) {
            (&Method::POST, true) => StatusCode::SEE_OTHER,
            _ => StatusCode::TEMPORARY_REDIRECT,
        };
        let mut response = EndpointResponse::new(status, "");
        response.headers.insert(LOCATION, location);
        response
            .headers
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    /// What authorize and authorize-client check alike: response type, client, redirect URI, challenge, scope.
    pub(super) fn authorization(
        &self,
        api: &CompiledApi,
        oauth: &OAuthAccess,
        form: &Form,
    ) -> Result<Authorization, OAuthFailure> {
        let response_type = form
            .get("response_type")
            .ok_or(OAuthFailure::ResponseTypeMissing)?;
        let response_type = ResponseType::parse(response_type)
            .filter(|asked| oauth.spec.response_types.contains(*asked))
            .ok_or(OAuthFailure::ResponseTypeNotAllowed)?;
        let id = form.get("client_id").ok_or(OAuthFailure::ClientIdMissing)?;
        let client = self.client(api, id).ok_or(OAuthFailure::ClientUnknown)?;
        let redirect = self.redirect_uri(&client, form.get("redirect_uri"))?;
        let challenge = match response_type {
            ResponseType::Code => self.challenge(&client, form)?,
            // There is no exchange at which it could be answered.
            ResponseType::Token => None,
        };
        Ok(Authorization {
            response_type,
            client,
            redirect,
            challenge,
            scope: scope(oauth, form)?,
        })
    }

    fn challenge(
        &self,
        client: &ClientRecord,
        form: &Form,
    ) -> Result<Option<PkceChallenge>, OAuthFailure> {
        let challenge = PkceChallenge::from_request(
            form.get("code_challenge"),
            form.get("code_challenge_method"),
            self.settings.allow_plain_pkce,
        )
        .map_err(|_| OAuthFailure::PkceMalformed)?;
        if challenge.is_none() && client.secret.is_public() {
            return Err(OAuthFailure::PkceRequired);
        }
        Ok(challenge)
    }

    fn redirect_uri(
        &self,
        client: &ClientRecord,
        sent: Option<&str>,
    ) -> Result<CodeRedirect, OAuthFailure> {
        let separator = &self.settings.redirect_uri_separator;
        let registered = RegisteredUris::split(&client.text.redirect_uri, separator);
        let default = registered
            .first()
            .ok_or(OAuthFailure::RedirectUriNotRegistered)?;
        match sent {
            None => Ok(CodeRedirect::Registered(default.into())),
            Some(sent) if registered.allows(sent, self.settings.redirect_match) => {
                Ok(CodeRedirect::Sent(sent.into()))
            }
            Some(_) => Err(OAuthFailure::RedirectUriMismatch),
        }
    }
}
