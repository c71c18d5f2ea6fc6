//! `oauth/token`: the grants (RFC 6749 sections 4.1.3, 4.4 and 6; `password.rs` has that of section 4.3).

use http::Method;
use raftgate_actors::snapshot::{CompiledApi, OAuthAccess};
use raftgate_model::answer::{Issued, Reply};
use raftgate_model::command::{Command, IssueClientCredentials, Lifetimes, RedeemCode, Refresh};
use raftgate_model::id::{FamilyId, GrantId};
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::oauth::grant_type::GrantType;
use raftgate_model::oauth::pkce::PkceChallenge;
use raftgate_model::oauth::scope::Scope;
use raftgate_model::secret::Secret;
use raftgate_model::time::Ttl;

use super::client_auth::{Caller, presented};
use super::form::Form;
use super::password::{PasswordRequest, login};
use super::{AuthorizationServer, Call};

/// Tokens in clear, on their way to the caller that asked for them.
pub(super) struct MintedTokens {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
    pub(super) scope: Option<Scope>,
    pub(super) expires_in_s: u64,
}

/// The value of `token_type` (RFC 6750), as Tyk writes it.
pub(super) const TOKEN_TYPE: &str = "bearer";

/// The longest token or code that is looked at, in bytes.
const CREDENTIAL_BYTES_MAX: usize = 1024;

impl AuthorizationServer {
    /// Checks in Tyk's order: method, form, grant type, credentials there, parameters there, client, grant.
    pub(super) async fn try_token(
        &self,
        api: &CompiledApi,
        oauth: &OAuthAccess,
        call: Call<'_>,
    ) -> Result<MintedTokens, OAuthFailure> {
        match *call.method {
            Method::POST => {}
            Method::GET => return Err(OAuthFailure::TokenRequestByGet),
            _ => return Err(OAuthFailure::MethodNotAllowed),
        }
        let form = Form::read(call.query, call.headers, call.body)?;
        let grant_type = form
            .get("grant_type")
            .ok_or(OAuthFailure::GrantTypeMissing)?;
        let grant_type = GrantType::parse(grant_type)
            .filter(|grant_type| oauth.spec.grant_types.contains(*grant_type))
            .ok_or(OAuthFailure::GrantTypeNotAllowed)?;
        let presented = presented(call.headers, &form)?;
        let command = match grant_type {
            GrantType::AuthorizationCode => {
                let code = credential(&form, "code")?;
                let caller = self.authenticate(api, presented, call)?;
                Command::RedeemCode(self.redeem(oauth, &caller, &form, code)?)
            }
            GrantType::RefreshToken => {
                let token = credential(&form, "refresh_token")?;
                let caller = self.authenticate(api, presented, call)?;
                Command::Refresh(self.refresh(oauth, &caller, &form, token)?)
            }
            GrantType::ClientCredentials => {
                let caller = self.authenticate(api, presented, call)?;
                Command::IssueClientCredentials(self.client_credentials(oauth, &caller, &form)?)
            }
            GrantType::Password => {
                let login = login(&form)?;
                let caller = self.authenticate(api, presented, call)?;
                let request = PasswordRequest {
                    caller: &caller,
                    form: &form,
                    login,
                };
                Command::IssuePassword(self.password(api, oauth, request, call).await?)
            }
        };
        match self.propose(api, command).await? {
            Reply::Issued(issued) => self.mint(&issued),
            _ => Err(OAuthFailure::Internal),
        }
    }

    fn redeem(
        &self,
        oauth: &OAuthAccess,
        caller: &Caller,
        form: &Form,
        code: &str,
    ) -> Result<RedeemCode, OAuthFailure> {
        let code = self
            .keys
            .verify_code(code)
            .map_err(|_| OAuthFailure::CodeInvalid)?;
        let verifier = form
            .get("code_verifier")
            .map(PkceChallenge::of_verifier)
            .transpose()
            .map_err(|_| OAuthFailure::InvalidParameter("code_verifier".into()))?;
        Ok(RedeemCode {
            code,
            client: caller.authenticated(),
            redirect_uri: form.get("redirect_uri").map(Into::into),
            verifier,
            grant: GrantId::from_bytes(self.random_id()),
            family: FamilyId::from_bytes(self.random_id()),
            lifetimes: lifetimes(oauth),
            retry_window: self.settings.retry_window,
            notify: self.notify_terms_of(oauth),
        })
    }

    fn refresh(
        &self,
        oauth: &OAuthAccess,
        caller: &Caller,
        form: &Form,
        token: &str,
    ) -> Result<Refresh, OAuthFailure> {
        let token = self
            .keys
            .verify_refresh(token)
            .map_err(|_| OAuthFailure::RefreshTokenInvalid)?;
        // A public client's refresh token may be stolen without its secret: no window for it.
        let is_public = caller.client.secret.is_public();
        Ok(Refresh {
            token,
            client: caller.authenticated(),
            scope: scope(oauth, form)?,
            grant: GrantId::from_bytes(self.random_id()),
            lifetimes: lifetimes(oauth),
            retry_window: if is_public {
                Ttl::ZERO
            } else {
                self.settings.retry_window
            },
            notify: self.notify_terms_of(oauth),
        })
    }

    fn client_credentials(
        &self,
        oauth: &OAuthAccess,
        caller: &Caller,
        form: &Form,
    ) -> Result<IssueClientCredentials, OAuthFailure> {
        if caller.client.secret.is_public() {
            return Err(OAuthFailure::GrantNotForClient);
        }
        Ok(IssueClientCredentials {
            client: caller.authenticated(),
            grant: GrantId::from_bytes(self.random_id()),
            scope: scope(oauth, form)?,
            lifetime: oauth.lifetimes.access_token,
        })
    }

    /// Derives the texts of tokens from what the state machine decided.
    pub(super) fn mint(&self, issued: &Issued) -> Result<MintedTokens, OAuthFailure> {
        let access = self.keys.mint_access(&issued.access);
        let refresh = issued
            .refresh
            .as_ref()
            .map(|token| self.keys.mint_refresh(token))
            .transpose();
        match (access, refresh) {
            (Ok(access), Ok(refresh)) => Ok(MintedTokens {
                access,
                refresh,
                scope: issued.scope.clone(),
                expires_in_s: issued.expires_at.since(issued.at).as_s_ceil(),
            }),
            _ => Err(OAuthFailure::Internal),
        }
    }

    pub(super) fn random_id(&self) -> [u8; 16] {
        self.entropy.bytes16()
    }
}

/// A parameter that holds a code or token; one that is too long to be ours is as good as unknown.
fn credential<'a>(form: &'a Form, name: &'static str) -> Result<&'a str, OAuthFailure> {
    let value = form
        .get(name)
        .ok_or(OAuthFailure::GrantParameterMissing(name))?;
    let bounded = value.len() <= CREDENTIAL_BYTES_MAX;
    bounded
        .then_some(value)
        .ok_or(OAuthFailure::InvalidParameter(name.into()))
}

/// The scope that a request asks for; only what the API's flows declare, if they declare any.
pub(super) fn scope(oauth: &OAuthAccess, form: &Form) -> Result<Option<Scope>, OAuthFailure> {
    let Some(text) = form.get("scope") else {
        return Ok(None);
    };
    let scope = Scope::parse(text).map_err(|_| OAuthFailure::Scope)?;
    let declared = oauth.spec.scopes.as_ref();
    let is_declared = |scope: &Scope| declared.is_none_or(|declared| declared.cover(scope));
    if scope.as_ref().is_some_and(|scope| !is_declared(scope)) {
        return Err(OAuthFailure::Scope);
    }
    Ok(scope)
}

/// The lifetimes of an API's tokens; no refresh token unless the API allows that grant.
pub(super) fn lifetimes(oauth: &OAuthAccess) -> Lifetimes {
    let refreshes = oauth.spec.grant_types.contains(GrantType::RefreshToken);
    Lifetimes {
        access: oauth.lifetimes.access_token,
        refresh: refreshes.then_some(oauth.lifetimes.refresh_token),
    }
}
