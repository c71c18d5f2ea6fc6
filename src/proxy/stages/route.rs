//! Route: from host and path to an API, to one of its OAuth endpoints, or to an endpoint of the gateway's own.

use std::sync::Arc;

use raftgate_actors::snapshot::{CompiledApi, GatewaySnapshot, OAuthEndpoints};
use raftgate_model::oauth::error::OAuthEndpoint;

use crate::proxy::endpoint::Endpoint;
use crate::proxy::refusal::Refusal;
use crate::proxy::request::RequestView;

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// To the upstream of this API.
    Api(Arc<CompiledApi>),
    /// To a handler inside the process.
    Endpoint(Endpoint),
}

/// Finds where a request goes.
///
/// `/hello` and `/ready` are the gateway's own: no API is mounted there, and one at `/` leaves them alone.
pub(crate) fn route(
    snapshot: &GatewaySnapshot,
    view: &RequestView<'_>,
) -> Result<Destination, Refusal> {
    if view.method() == b"CONNECT" {
        return Err(Refusal::UnsupportedMethod);
    }
    let found = snapshot.routes().find(view.host(), view.path());
    if found.is_none_or(|found| found.api.listen_path.is_root())
        && let Some(endpoint) = own_endpoint(view)
    {
        return Ok(Destination::Endpoint(endpoint));
    }
    let found = found.ok_or(Refusal::NotFound)?;
    if found.api.oauth_endpoints == OAuthEndpoints::Served
        && let Some(endpoint) = OAuthEndpoint::at(found.rest)
    {
        let api = Arc::clone(found.api);
        return Ok(Destination::Endpoint(Endpoint::OAuth { api, endpoint }));
    }
    Ok(Destination::Api(Arc::clone(found.api)))
}

/// The endpoint of the gateway's own that a request asks for.
pub(crate) fn own_endpoint(view: &RequestView<'_>) -> Option<Endpoint> {
    let path = view.path();
    match path.strip_suffix('/').unwrap_or(path) {
        "/hello" => Some(Endpoint::Hello),
        "/ready" => Some(Endpoint::Ready),
        _ => None,
    }
}
