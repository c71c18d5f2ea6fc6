//! The seam to handlers inside the process: a plain request in, a plain answer out.
//!
//! Handlers of OAuth endpoints, `/hello` and `/ready` know nothing of sockets, framing or the server.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use raftgate_actors::snapshot::CompiledApi;
use raftgate_model::oauth::error::OAuthEndpoint;

use crate::telemetry::answers::AnswerNote;

/// Which endpoint is asked.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// `/hello`: what this node is and how it fares.
    Hello,
    /// `/ready`: whether traffic should come here.
    Ready,
    /// An endpoint of the authorization server under an API's listen path.
    OAuth {
        /// The API whose clients and tokens are meant.
        api: Arc<CompiledApi>,
        /// Which of its endpoints.
        endpoint: OAuthEndpoint,
    },
}

/// Names an endpoint in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointName {
    /// `/hello`.
    Hello,
    /// `/ready`.
    Ready,
    /// `oauth/authorize` of any API.
    Authorize,
    /// `oauth/token` of any API.
    Token,
    /// `oauth/revoke` of any API.
    Revoke,
    /// `oauth/revoke_all` of any API.
    RevokeAll,
    /// `tyk/oauth/authorize-client` of any API.
    AuthorizeClient,
}

impl EndpointName {
    /// Every name, in the order of its declaration.
    pub const ALL: [Self; 7] = [
        Self::Hello,
        Self::Ready,
        Self::Authorize,
        Self::Token,
        Self::Revoke,
        Self::RevokeAll,
        Self::AuthorizeClient,
    ];

    /// The value of the label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Ready => "ready",
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::Revoke => "revoke",
            Self::RevokeAll => "revoke_all",
            Self::AuthorizeClient => "authorize_client",
        }
    }
}

impl Endpoint {
    /// Its name in metrics.
    pub(super) const fn name(&self) -> EndpointName {
        match self {
            Self::Hello => EndpointName::Hello,
            Self::Ready => EndpointName::Ready,
            Self::OAuth { endpoint, .. } => match endpoint {
                OAuthEndpoint::Authorize => EndpointName::Authorize,
                OAuthEndpoint::Token => EndpointName::Token,
                OAuthEndpoint::Revoke => EndpointName::Revoke,
                OAuthEndpoint::RevokeAll => EndpointName::RevokeAll,
                OAuthEndpoint::AuthorizeClient => EndpointName::AuthorizeClient,
            },
        }
    }

    /// The API whose endpoint it is.
    pub(super) const fn api(&self) -> Option<&Arc<CompiledApi>> {
        match self {
            Self::Hello | Self::Ready => None,
            Self::OAuth { api, .. } => Some(api),
        }
    }
}

/// Why the body of a request to an OAuth endpoint could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than endpoints of our own take.
    TooLarge,
    /// It breaks its framing.
    Malformed,
    /// It did not arrive in time.
    Timeout,
}

/// A request to an endpoint, its body read and bounded.
#[derive(Debug)]
pub struct EndpointRequest {
    /// Which endpoint is asked.
    pub endpoint: Endpoint,
    /// The method.
    pub method: Method,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without its question mark.
    pub query: Option<String>,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The client's address, as far as trusted proxies name it.
    pub client_ip: IpAddr,
    /// The id of the request, as it stands in the log.
    pub request_id: String,
}

/// An endpoint's answer; length, date, request id and connection are added on the way out.
#[derive(Debug)]
pub struct EndpointResponse {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What the log says of it; nothing is said of an answer without one.
    pub note: Option<AnswerNote>,
}

impl EndpointResponse {
    /// An answer without header fields.
    #[must_use]
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: body.into(),
            note: None,
        }
    }
}

/// What a handler works on; it runs on the worker that the request came to.
pub type EndpointFuture = Pin<Box<dyn Future<Output = EndpointResponse>>>;

/// Answers the requests to all endpoints.
pub type EndpointAnswer = Arc<dyn Fn(EndpointRequest) -> EndpointFuture + Send + Sync>;

/// Words the refusal of a body, so that every error of an OAuth endpoint comes from its one table.
pub type BodyRefusal =
    Arc<dyn Fn(&CompiledApi, OAuthEndpoint, BodyFault) -> EndpointResponse + Send + Sync>;

/// What stands behind the endpoints; shared by the workers.
#[derive(Clone)]
pub struct EndpointHandler {
    /// Answers a request that was read.
    pub answer: EndpointAnswer,
    /// Answers an OAuth request whose body could not be taken; the connection ends with it.
    pub refuse_body: BodyRefusal,
}
