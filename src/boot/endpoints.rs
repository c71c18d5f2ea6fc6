//! Which part answers which endpoint of the gateway listener.

use std::future::ready;
use std::sync::Arc;

use http::Method;
use raftgate_model::oauth::error::OAuthEndpoint;

use crate::control::{Audience, Health};
use crate::oauth::{AuthorizationServer, Call};
use crate::proxy::{Endpoint, EndpointAnswer, EndpointHandler, EndpointRequest, EndpointResponse};

/// The handler of all endpoints.
pub(super) fn handler(oauth: Arc<AuthorizationServer>, health: Arc<Health>) -> EndpointHandler {
    EndpointHandler {
        answer: answer(oauth, health),
        refuse_body: Arc::new(AuthorizationServer::refuse_body),
    }
}

fn answer(oauth: Arc<AuthorizationServer>, health: Arc<Health>) -> EndpointAnswer {
    Arc::new(move |request: EndpointRequest| {
        let (oauth, health) = (Arc::clone(&oauth), Arc::clone(&health));
        Box::pin(async move {
            let Endpoint::OAuth { api, endpoint } = &request.endpoint else {
                return how_it_fares(&request, &health);
            };
            let call = Call {
                method: &request.method,
                query: request.query.as_deref(),
                headers: &request.headers,
                body: &request.body,
                peer: request.peer.ip(),
                client_ip: request.client_ip,
            };
            match endpoint {
                OAuthEndpoint::Authorize => oauth.authorize(api, call),
                OAuthEndpoint::Token => oauth.token(api, call).await,
                OAuthEndpoint::Revoke => oauth.revoke(api, call).await,
                OAuthEndpoint::RevokeAll => oauth.revoke_all(api, call).await,
                OAuthEndpoint::AuthorizeClient => oauth.authorize_client(api, call).await,
            }
        })
    })
}

/// The handler of `/hello` and `/ready`, which are answered before there is anything else.
pub(super) fn of_health(health: Arc<Health>) -> EndpointAnswer {
    Arc::new(move |request: EndpointRequest| {
        let response = how_it_fares(&request, &health);
        Box::pin(ready(response))
    })
}

fn how_it_fares(request: &EndpointRequest, health: &Health) -> EndpointResponse {
    let is_read = matches!(request.method, Method::GET | Method::HEAD);
    match request.endpoint {
        Endpoint::Hello if is_read => health.hello(Audience::Public),
        Endpoint::Ready if is_read => health.ready(Audience::Public),
        _ => Health::wrong_method(),
    }
}
