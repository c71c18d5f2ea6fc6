//! Which part answers which endpoint of the gateway listener.

use std::sync::Arc;

use http::Method;

use crate::control::Health;
use crate::oauth::{AuthorizationServer, Call};
use crate::proxy::{Endpoint, EndpointHandler, EndpointRequest, OAuthEndpoint};

/// The handler of all endpoints.
pub(super) fn handler(oauth: Arc<AuthorizationServer>, health: Arc<Health>) -> EndpointHandler {
    Arc::new(move |request: EndpointRequest| {
        let (oauth, health) = (Arc::clone(&oauth), Arc::clone(&health));
        Box::pin(async move {
            let call = Call {
                method: &request.method,
                query: request.query.as_deref(),
                headers: &request.headers,
                body: &request.body,
                client_ip: request.client_ip,
            };
            match &request.endpoint {
                Endpoint::Hello | Endpoint::Ready if !is_read(&request.method) => {
                    Health::wrong_method()
                }
                Endpoint::Hello => health.hello(),
                Endpoint::Ready => health.ready(),
                Endpoint::OAuth { api, endpoint } => match endpoint {
                    OAuthEndpoint::Authorize => oauth.authorize(api, call),
                    OAuthEndpoint::Token => oauth.token(api, call).await,
                    OAuthEndpoint::Revoke => oauth.revoke(api, call).await,
                    OAuthEndpoint::RevokeAll => oauth.revoke_all(api, call).await,
                    OAuthEndpoint::AuthorizeClient => oauth.authorize_client(api, call).await,
                },
            }
        })
    })
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
