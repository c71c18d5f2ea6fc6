//! authorize-client on the control listener: under `/tyk` the request or its client names the API, under `/api` the path.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use raftgate_actors::snapshot::CompiledApi;
use raftgate_model::id::{ApiId, ClientId};

use super::failure::{API_ABSENT, CLIENT_ABSENT};
use super::in_force::Standing;
use super::{Control, ControlFailure, shape};
use crate::oauth::Call;
use crate::oauth::form::Form;

/// How many APIs a client can be registered with before the caller must name one.
const CANDIDATES_MAX: usize = 16;

pub(super) async fn approve(
    control: web::Data<Control>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let form = Form::read(query_of(&request), &headers_of(&request), &body)
        .map_err(|fault| ControlFailure::Invalid(fault.to_string()))?;
    let api = control.api_of(&form)?;
    Ok(approve_at(&control, &api, &request, &body).await)
}

/// At an API that the path names, as the Dashboard's doors do; an `api_id` in the request says nothing there.
pub(super) async fn approve_for(
    control: &Control,
    api: &str,
    request: &HttpRequest,
    body: &[u8],
) -> Result<HttpResponse, ControlFailure> {
    let api = control.named_api(api)?;
    Ok(approve_at(control, &api, request, body).await)
}

async fn approve_at(
    control: &Control,
    api: &CompiledApi,
    request: &HttpRequest,
    body: &[u8],
) -> HttpResponse {
    let headers = headers_of(request);
    let client_ip = request
        .peer_addr()
        .map_or(std::net::IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    let method = request.method().clone();
    let call = Call {
        method: &method,
        query: query_of(request),
        headers: &headers,
        body,
        peer: client_ip,
        client_ip,
    };
    shape::plain(control.oauth.authorize_client_approved(api, call).await)
}

pub(super) fn query_of(request: &HttpRequest) -> Option<&str> {
    let query = request.query_string();
    (!query.is_empty()).then_some(query)
}

pub(super) fn headers_of(request: &HttpRequest) -> http::HeaderMap {
    request
        .headers()
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Control {
    fn named_api(&self, id: &str) -> Result<Arc<CompiledApi>, ControlFailure> {
        let api = match ApiId::new(id) {
            Ok(id) => self.oauth_api(&id)?.meant(),
            Err(_) => None,
        };
        api.ok_or_else(|| ControlFailure::Invalid(API_ABSENT.into()))
    }

    /// The API that is meant: named by `api_id`, else the only OAuth API that the client is registered with.
    fn api_of(&self, form: &Form) -> Result<Arc<CompiledApi>, ControlFailure> {
        if let Some(id) = form.get("api_id") {
            return self.named_api(id);
        }
        let client = form.get("client_id").and_then(|id| ClientId::new(id).ok());
        let client = client
            .ok_or_else(|| ControlFailure::Invalid("client_id or api_id is required".into()))?;
        let candidates = self.cluster.view().apis_of(&client, CANDIDATES_MAX);
        let apis = candidates
            .iter()
            .filter_map(|id| self.oauth_api(id).map(Standing::meant).transpose());
        let mut apis = apis.collect::<Result<Vec<_>, _>>()?;
        match (apis.pop(), apis.as_slice()) {
            (Some(only), []) => Ok(only),
            (Some(last), others) => {
                let ids: Vec<_> = others
                    .iter()
                    .chain([&last])
                    .map(|api| api.id.as_str())
                    .collect();
                Err(ControlFailure::Invalid(format!(
                    "the client is registered with several APIs, name one by api_id: {}",
                    ids.join(", ")
                )))
            }
            (None, _) => Err(ControlFailure::NotFound(CLIENT_ABSENT)),
        }
    }
}
