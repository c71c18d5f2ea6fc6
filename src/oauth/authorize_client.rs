//! `authorize-client`: the identity server says that the resource owner approved, and gets a code or a token.

use std::sync::Arc;

use http::Method;
use raftgate_actors::snapshot::{CompiledApi, OAuthAccess};
use raftgate_model::answer::Reply;
use raftgate_model::command::{Command, IssueCode, IssueImplicit};
use raftgate_model::id::{CodeId, GrantId};
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::oauth::grant_type::ResponseType;
use raftgate_model::oauth::redirect::{
    InvalidRedirectUri, RegisteredUris, code_redirect, token_redirect,
};
use raftgate_model::secret::Secret;
use raftgate_model::session::SessionRules;
use raftgate_model::state::record::SessionSource;

use super::authorize::Authorization;
use super::form::Form;
use super::token::{MintedTokens, TOKEN_TYPE};
use super::{AuthorizationServer, Call, oauth_of};

/// What the identity server gets for its approval.
pub(super) struct Approved {
    pub(super) product: Product,
    pub(super) redirect_to: Secret,
    pub(super) state: Option<String>,
}

/// A code, or with the implicit grant an access token at once.
pub(super) enum Product {
    Code(Secret),
    Token(MintedTokens),
}

/// A refused approval, with the state to echo.
pub(super) struct Rejection {
    pub(super) failure: OAuthFailure,
    pub(super) state: Option<String>,
    /// Where Tyk says what was wrong.
    pub(super) told: Option<Told>,
}

/// A client's own redirect URI that is told of an error.
pub(super) enum Told {
    /// In its query: the registered one, when another was asked for.
    InQuery(String),
    /// In its fragment: the one of an implicit grant that makes no session.
    InFragment(String),
}

impl From<OAuthFailure> for Rejection {
    fn from(failure: OAuthFailure) -> Self {
        Self {
            failure,
            state: None,
            told: None,
        }
    }
}

impl AuthorizationServer {
    /// Issues by the same checks as the authorization request, and with the session that the rules of the request make.
    pub(super) async fn try_authorize_client(
        &self,
        api: &CompiledApi,
        call: Call<'_>,
    ) -> Result<Approved, Rejection> {
        if *call.method != Method::POST {
            return Err(OAuthFailure::MethodNotAllowed.into());
        }
        let form = Form::read(call.query, call.headers, call.body).map_err(OAuthFailure::from)?;
        let state = form.get("state").map(str::to_owned);
        let approved = match self.approval(api, &form) {
            Ok((oauth, authorization)) => self.approve(api, oauth, &form, authorization).await,
            Err(failure) => Err(Rejection {
                told: (failure == OAuthFailure::RedirectUriMismatch)
                    .then(|| self.registered(api, &form).map(Told::InQuery))
                    .flatten(),
                ..failure.into()
            }),
        };
        approved.map_err(|rejection| Rejection { state, ..rejection })
    }

    fn approval<'a>(
        &self,
        api: &'a CompiledApi,
        form: &Form,
    ) -> Result<(&'a OAuthAccess, Authorization), OAuthFailure> {
        let oauth = oauth_of(api)?;
        let authorization = self.authorization(api, oauth, form)?;
        Ok((oauth, authorization))
    }

    async fn approve(
        &self,
        api: &CompiledApi,
        oauth: &OAuthAccess,
        form: &Form,
        authorization: Authorization,
    ) -> Result<Approved, Rejection> {
        let session = self.session(api, form).await?;
        let state = form.get("state");
        let (product, redirect_to) = match authorization.response_type {
            ResponseType::Code => {
                let uri = authorization.redirect.clone();
                let code = self.code(api, oauth, authorization, session).await?;
                let redirect_to = code_redirect(uri.uri(), code.expose(), state);
                (Product::Code(code), redirect_to)
            }
            ResponseType::Token => {
                let uri = authorization.redirect.uri().to_owned();
                let issued = self.implicit(api, oauth, authorization, session).await;
                let tokens = issued.map_err(|failure| Rejection {
                    told: (failure == OAuthFailure::NoSession)
                        .then(|| Told::InFragment(uri.clone())),
                    ..failure.into()
                })?;
                let redirect_to = implicit_redirect(&uri, &tokens, state);
                (Product::Token(tokens), redirect_to)
            }
        };
        Ok(Approved {
            product,
            redirect_to: Secret::new(redirect_to.map_err(|_| OAuthFailure::RedirectUriMismatch)?),
            state: state.map(str::to_owned),
        })
    }

    async fn code(
        &self,
        api: &CompiledApi,
        oauth: &OAuthAccess,
        authorization: Authorization,
        session: Option<SessionSource>,
    ) -> Result<Secret, OAuthFailure> {
        let issue = IssueCode {
            id: CodeId::from_bytes(self.random_id()),
            client: authorization.client.key(),
            redirect: authorization.redirect,
            challenge: authorization.challenge,
            session,
            scope: authorization.scope,
            lifetime: oauth.lifetimes.auth_code,
        };
        let Reply::Code { code, .. } = self.propose(api, Command::IssueCode(issue)).await? else {
            return Err(OAuthFailure::Internal);
        };
        self.keys
            .mint_code(&code)
            .map_err(|_| OAuthFailure::Internal)
    }

    /// The implicit grant: no notification tells of it, as in Tyk.
    async fn implicit(
        &self,
        api: &CompiledApi,
        oauth: &OAuthAccess,
        authorization: Authorization,
        session: Option<SessionSource>,
    ) -> Result<MintedTokens, OAuthFailure> {
        let issue = IssueImplicit {
            grant: GrantId::from_bytes(self.random_id()),
            client: authorization.client.key(),
            session,
            scope: authorization.scope,
            lifetime: oauth.lifetimes.access_token,
        };
        match self.propose(api, Command::IssueImplicit(issue)).await? {
            Reply::Issued(issued) => self.mint(&issued),
            _ => Err(OAuthFailure::Internal),
        }
    }

    /// The first redirect URI that the client of a request registered.
    fn registered(&self, api: &CompiledApi, form: &Form) -> Option<String> {
        let client = self.client(api, form.get("client_id")?)?;
        let separator = &self.settings.redirect_uri_separator;
        let uris = RegisteredUris::split(&client.text.redirect_uri, separator);
        uris.first().map(str::to_owned)
    }

    /// The session that `key_rules` ask for; none means the client's policy.
    async fn session(
        &self,
        api: &CompiledApi,
        form: &Form,
    ) -> Result<Option<SessionSource>, OAuthFailure> {
        let Some(text) = form.get("key_rules") else {
            return Ok(None);
        };
        let (text, allow_master_keys) = (text.to_owned(), self.settings.allow_master_keys);
        let read = move || SessionRules::from_json(&text, allow_master_keys);
        let read = self.work.run(read).await;
        let rules = read
            .map_err(|_| OAuthFailure::Internal)?
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

/// Where the browser brings the token of an implicit grant; the names stand in the order of the alphabet, as in Tyk.
fn implicit_redirect(
    uri: &str,
    tokens: &MintedTokens,
    state: Option<&str>,
) -> Result<String, InvalidRedirectUri> {
    let expires_in = tokens.expires_in_s.to_string();
    let mut answer = vec![
        ("access_token", tokens.access.expose()),
        ("expires_in", &expires_in),
    ];
    answer.extend(tokens.scope.as_ref().map(|scope| ("scope", scope.as_str())));
    answer.extend(state.map(|state| ("state", state)));
    answer.push(("token_type", TOKEN_TYPE));
    token_redirect(uri, &answer)
}
