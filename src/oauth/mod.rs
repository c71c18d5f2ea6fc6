//! The authorization server's endpoints: parameters in, a decision of the state machine, an answer out.
//!
//! ```text
//! call -> form -> client authentication -> command -> state machine -> answer
//! ```
//! They know no HTTP server: the gateway listener and the control listener both hand in a [`Call`].

mod authorize;
mod authorize_client;
mod client_auth;
pub mod form;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
pub mod on_behalf;
mod password;
mod refusals;
mod render;
mod revoke;
pub mod throttle;
mod token;

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method};
use raftgate_actors::snapshot::{Access, CompiledApi, OAuthAccess};
use raftgate_cluster::batch::Lane;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::admin_token::Errand;
use raftgate_model::answer::Reply;
use raftgate_model::clock::Entropy;
use raftgate_model::command::{Command, NotifyTerms};
use raftgate_model::id::ApiId;
use raftgate_model::keyring::KeyRing;
use raftgate_model::oauth::error::{OAuthEndpoint, OAuthFailure};
use raftgate_model::time::Timestamp;

use crate::config::oauth::OauthSettings;
use crate::control::{ControlAccess, Visit};
use crate::credentials::Users;
use crate::listen_error::Listener;
use crate::long_work::LongWork;
use crate::proxy::{BodyFault, EndpointResponse};
use crate::telemetry::told_once::ToldOnce;
use throttle::Throttle;

/// What a revocation of one token says, by whichever way it was asked for (Tyk).
pub const TOKEN_REVOKED: &str = "token revoked successfully";
/// What a revocation of all tokens says.
pub const TOKENS_REVOKED: &str = "tokens revoked successfully";

/// A request to one of the endpoints, its body read and bounded.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a Method,
    /// The query as sent, without its question mark.
    pub query: Option<&'a str>,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
    /// The other end of the connection.
    pub peer: IpAddr,
    /// The client's address, as far as trusted proxies name it.
    pub client_ip: IpAddr,
}

/// What the authorization server is made of.
pub struct OAuthParts {
    /// The replicated state.
    pub cluster: ClusterHandle,
    /// Mints and checks tokens.
    pub keys: Arc<KeyRing>,
    /// Makes ids.
    pub entropy: Arc<dyn Entropy>,
    /// Section `[oauth]`.
    pub settings: OauthSettings,
    /// How many notifications of one API may wait.
    pub notifications_queued_max: u32,
    /// Who may approve authorizations.
    pub control: Arc<ControlAccess>,
    /// Whose passwords the password grant checks.
    pub users: Arc<Users>,
}

/// The authorization server of every OAuth API on this node.
pub struct AuthorizationServer {
    cluster: ClusterHandle,
    keys: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    settings: OauthSettings,
    notifications_queued_max: u32,
    control: Arc<ControlAccess>,
    users: Arc<Users>,
    throttle: Throttle,
    /// Reads sessions that are given for authorizations.
    work: LongWork,
    limits_warned: ToldOnce<ApiId>,
}

impl AuthorizationServer {
    /// An authorization server over a state.
    #[must_use]
    pub fn new(parts: OAuthParts) -> Self {
        Self {
            cluster: parts.cluster,
            keys: parts.keys,
            entropy: parts.entropy,
            settings: parts.settings,
            notifications_queued_max: parts.notifications_queued_max,
            control: parts.control,
            users: parts.users,
            throttle: Throttle::default(),
            work: LongWork::default(),
            limits_warned: ToldOnce::default(),
        }
    }

    /// `oauth/authorize` under a listen path (RFC 6749 section 3.1).
    #[must_use]
    pub fn authorize(&self, api: &CompiledApi, call: Call<'_>) -> EndpointResponse {
        let answer = self.answer(api, OAuthEndpoint::Authorize, |oauth| {
            self.try_authorize(api, oauth, call)
        });
        render::for_browsers(answer)
    }

    /// `oauth/token` under a listen path (RFC 6749 section 3.2).
    pub async fn token(&self, api: &CompiledApi, call: Call<'_>) -> EndpointResponse {
        let outcome = match oauth_of(api) {
            Ok(oauth) => self.try_token(api, oauth, call).await,
            Err(failure) => Err(failure),
        };
        render::token_answer(outcome, api)
    }

    /// `oauth/revoke` under a listen path (RFC 7009).
    pub async fn revoke(&self, api: &CompiledApi, call: Call<'_>) -> EndpointResponse {
        let outcome = self.try_revoke(api, call).await;
        render::revoke_answer(outcome, api, TOKEN_REVOKED)
    }

    /// `oauth/revoke_all` under a listen path: every token of a client.
    pub async fn revoke_all(&self, api: &CompiledApi, call: Call<'_>) -> EndpointResponse {
        let outcome = self.try_revoke_all(api, call).await;
        render::revoke_answer(outcome, api, TOKENS_REVOKED)
    }

    /// `tyk/oauth/authorize-client` under a listen path: needs the control secret.
    pub async fn authorize_client(&self, api: &CompiledApi, call: Call<'_>) -> EndpointResponse {
        let visit = Visit {
            listener: Listener::Gateway,
            peer: call.peer,
            client: call.client_ip,
            now: self.cluster.now(),
        };
        let outcome = match self.control.check(call.headers, Errand::Approve, visit) {
            Ok(()) => self.try_authorize_client(api, call).await,
            Err(denied) => Err(authorize_client::Rejection::from(OAuthFailure::from(
                denied,
            ))),
        };
        render::authorize_client_answer(outcome, api)
    }

    /// The same for a caller whose control secret was checked before.
    pub async fn authorize_client_approved(
        &self,
        api: &CompiledApi,
        call: Call<'_>,
    ) -> EndpointResponse {
        let outcome = self.try_authorize_client(api, call).await;
        render::authorize_client_answer(outcome, api)
    }

    /// What an endpoint answers when the body of a request could not be taken.
    #[must_use]
    pub fn refuse_body(
        api: &CompiledApi,
        endpoint: OAuthEndpoint,
        fault: BodyFault,
    ) -> EndpointResponse {
        let failure = OAuthFailure::from(fault);
        match endpoint {
            OAuthEndpoint::Authorize => {
                render::for_browsers(render::failure(&failure, endpoint, api))
            }
            OAuthEndpoint::Revoke | OAuthEndpoint::RevokeAll => {
                render::failure(&failure, endpoint, api)
            }
            OAuthEndpoint::Token => render::token_answer(Err(failure), api),
            OAuthEndpoint::AuthorizeClient => {
                render::authorize_client_answer(Err(failure.into()), api)
            }
        }
    }

    fn answer(
        &self,
        api: &CompiledApi,
        endpoint: OAuthEndpoint,
        decide: impl FnOnce(&OAuthAccess) -> Result<EndpointResponse, OAuthFailure>,
    ) -> EndpointResponse {
        match oauth_of(api).and_then(decide) {
            Ok(response) => response,
            Err(failure) => render::failure(&failure, endpoint, api),
        }
    }

    /// Proposes a token command of an API and waits for the state machine's judgement.
    async fn propose(&self, api: &CompiledApi, command: Command) -> Result<Reply, OAuthFailure> {
        match self
            .cluster
            .propose(Lane::Tokens(api.id.clone()), command)
            .await
        {
            Ok(committed) => Ok(committed.reply),
            Err(error) => Err(refusals::failure_of(error)),
        }
    }

    /// On which terms notifications are queued.
    #[must_use]
    pub fn notify_terms(&self) -> NotifyTerms {
        NotifyTerms {
            queued_max: self.notifications_queued_max,
        }
    }

    /// Whether and how tokens of an API are told to the resource owner's application.
    fn notify_terms_of(&self, oauth: &OAuthAccess) -> Option<NotifyTerms> {
        let receiver = oauth.spec.notifications.as_ref();
        receiver.map(|_| self.notify_terms())
    }

    /// The users whose passwords the password grant checks.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.users
    }

    fn now(&self) -> Timestamp {
        self.cluster.now()
    }
}

/// The authorization server's part of an API; one without it has no such endpoints.
fn oauth_of(api: &CompiledApi) -> Result<&OAuthAccess, OAuthFailure> {
    match &api.access {
        Access::OAuth(oauth) => Ok(oauth),
        Access::Keyless | Access::Token(_) | Access::Basic(_) => Err(OAuthFailure::Internal),
    }
}

impl From<BodyFault> for OAuthFailure {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::BodyTooLarge,
            BodyFault::Malformed => Self::MalformedForm,
            BodyFault::Timeout => Self::BodyTimeout,
        }
    }
}

impl From<form::FormFault> for OAuthFailure {
    fn from(fault: form::FormFault) -> Self {
        use form::FormFault;
        match fault {
            FormFault::ContentType => Self::ContentType,
            FormFault::Repeated(name) => Self::RepeatedParameter(name.into()),
            FormFault::Encoding | FormFault::Json | FormFault::TooMany => Self::MalformedForm,
        }
    }
}
