//! Route: from host and path to an API, to one of its OAuth endpoints, or to an endpoint of the gateway's own.

use std::sync::Arc;

use raftgate_actors::snapshot::{CompiledApi, GatewaySnapshot, OAuthEndpoints, Place};
use raftgate_model::id::ApiId;
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

/// Why a request goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoRoute {
    /// The reason.
    pub(crate) refusal: Refusal,
    /// The API that it was for, if there is one.
    pub(crate) api: Option<ApiId>,
}

impl From<Refusal> for NoRoute {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, api: None }
    }
}

/// Finds where a request goes.
///
/// `/hello` and `/ready` are the gateway's own: no API is mounted there, and one at `/` leaves them alone.
pub(crate) fn route(
    snapshot: &GatewaySnapshot,
    view: &RequestView<'_>,
) -> Result<Destination, NoRoute> {
    if view.method() == b"CONNECT" {
        return Err(Refusal::UnsupportedMethod.into());
    }
    let place = snapshot.routes().place(view.host(), view.path());
    let is_deeper =
        matches!(&place, Some(Place::Served(found)) if !found.api.listen_path.is_root());
    if !is_deeper && let Some(endpoint) = own_endpoint(view) {
        return Ok(Destination::Endpoint(endpoint));
    }
    let found = match place.ok_or(Refusal::NotFound)? {
        Place::Served(found) => found,
        Place::Unserved(id) => {
            return Err(NoRoute {
                refusal: Refusal::ApiUnserved,
                api: Some(id.clone()),
            });
        }
    };
    // Whoever mounted the deeper API meant it to be asked for what its upstream has.
    if snapshot
        .routes()
        .is_read_as_anothers(view.host(), view.path())
    {
        return Err(Refusal::AmbiguousPath.into());
    }
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
