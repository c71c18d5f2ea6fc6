//! `/tyk/oauth/authorize-client`: an approval on the control listener, where no listen path names the API.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use raftgate_actors::snapshot::{Access, CompiledApi};
use raftgate_model::id::{ApiId, ClientId};

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
    let query = request.query_string();
    let query = (!query.is_empty()).then_some(query);
    let headers = headers_of(&request);
    let form = Form::read(query, &headers, &body)
        .map_err(|fault| ControlFailure::Invalid(fault.to_string()))?;
    let api = control.api_of(&form)?;
    let client_ip = request
        .peer_addr()
        .map_or(std::net::IpAddr::from([0, 0, 0, 0]), |peer| peer.ip());
    let method = request.method().clone();
    let call = Call {
        method: &method,
        query,
        headers: &headers,
        body: &body,
        client_ip,
    };
    Ok(shape::plain(
        control.oauth.authorize_client_approved(&api, call).await,
    ))
}

fn headers_of(request: &HttpRequest) -> http::HeaderMap {
    request
        .headers()
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Control {
    /// The API that is meant: named by `api_id`, else the only OAuth API that the client is registered with.
    fn api_of(&self, form: &Form) -> Result<Arc<CompiledApi>, ControlFailure> {
        let snapshot = self.registry.source().current();
        let oauth_api = |id: &ApiId| {
            snapshot
                .api(id)
                .filter(|api| matches!(api.access, Access::OAuth(_)))
                .cloned()
        };
        if let Some(id) = form.get("api_id") {
            let api = ApiId::new(id).ok().and_then(|id| oauth_api(&id));
            return api.ok_or_else(|| ControlFailure::Invalid("API doesn't exist".into()));
        }
        let client = form.get("client_id").and_then(|id| ClientId::new(id).ok());
        let client = client
            .ok_or_else(|| ControlFailure::Invalid("client_id or api_id is required".into()))?;
        let candidates = self.cluster.view().apis_of(&client, CANDIDATES_MAX);
        let mut apis: Vec<_> = candidates.iter().filter_map(oauth_api).collect();
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
            (None, _) => Err(ControlFailure::NotFound("OAuth Client ID not found")),
        }
    }
}
