//! `/tyk/oauth/clients`: OAuth clients through Tyk's Gateway API.

use actix_web::{HttpResponse, web};
use raftgate_model::id::{ApiId, ClientId, OrgId};
use raftgate_model::oauth::client::{ClientChange, ClientRequest};
use serde::Deserialize;

use super::registration::{ClientName, ShownClient};
use super::revocation::REGISTRATIONS_MAX;
use super::shape::{self, Action};
use super::{Control, ControlFailure};

/// The place of a client in a path: API and client.
pub(super) type ClientPath = web::Path<ClientName>;

pub(super) async fn create(
    control: web::Data<Control>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let request = control.client_request(&body)?;
    let made = control.register(request).await?;
    Ok(written(made, "added"))
}

/// The clients of an API; of one that is not there Tyk says 404 and `null`.
pub(super) async fn list(
    control: web::Data<Control>,
    api: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    match control.known_api(&api) {
        Some(api) => {
            let of = control.clone();
            shape::documents(&control.listings, move || of.all_clients(&api)).await
        }
        None => Ok(HttpResponse::NotFound().json(serde_json::Value::Null)),
    }
}

pub(super) async fn get(
    control: web::Data<Control>,
    path: ClientPath,
) -> Result<HttpResponse, ControlFailure> {
    control.client_text(&path).map(shape::document)
}

pub(super) async fn update(
    control: web::Data<Control>,
    path: ClientPath,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let change = control.client_change(&body)?;
    let changed = control.change(&path, change).await?;
    Ok(written(changed, "modified"))
}

/// The body says nothing here, as in Tyk.
pub(super) async fn rotate(
    control: web::Data<Control>,
    path: ClientPath,
) -> Result<HttpResponse, ControlFailure> {
    let rotated = control.rotate(&path).await?;
    Ok(written(rotated, "rotated"))
}

pub(super) async fn delete(
    control: web::Data<Control>,
    path: ClientPath,
) -> Result<HttpResponse, ControlFailure> {
    let client = control.unregister(&path).await?;
    Ok(shape::modified(client.as_str(), Action::Deleted, &[]))
}

/// Tyk answers a deletion that names no client as one of a client with an empty id.
pub(super) async fn delete_none() -> HttpResponse {
    shape::modified("", Action::Deleted, &[])
}

#[derive(Deserialize)]
pub(super) struct OrgQuery {
    #[serde(rename = "orgID")]
    org: String,
}

/// The APIs that a client is registered with, of one organisation or, if none is named, of all.
pub(super) async fn apis(
    control: web::Data<Control>,
    client: web::Path<String>,
    query: web::Query<OrgQuery>,
) -> Result<HttpResponse, ControlFailure> {
    let org = Some(query.into_inner().org).filter(|org| !org.is_empty());
    let org = org.map(|org| OrgId::new(&org)).transpose();
    let org = org.map_err(|error| ControlFailure::Invalid(format!("orgID: {error}")))?;
    let view = control.cluster.view();
    let apis: Vec<ApiId> = match ClientId::new(&client) {
        Ok(client) => view.apis_of(&client, REGISTRATIONS_MAX),
        Err(_) => Vec::new(),
    };
    let is_of_org = |id: &&ApiId| {
        let api = view.api(id);
        api.is_some_and(|api| org.as_ref().is_none_or(|org| api.org == *org))
    };
    let names: Vec<&str> = apis.iter().filter(is_of_org).map(ApiId::as_str).collect();
    Ok(HttpResponse::Ok().json(names))
}

/// A client that was written, with a word for the log.
pub(super) fn written(client: ShownClient, action: &'static str) -> HttpResponse {
    let response = shape::document(client.json);
    shape::noted(response, client.id.as_str(), action)
}

impl Control {
    pub(super) fn client_request(&self, body: &[u8]) -> Result<ClientRequest, ControlFailure> {
        let separator = &self.settings.redirect_uri_separator;
        ClientRequest::from_json(shape::utf8(body)?, separator).map_err(shape::malformed)
    }

    pub(super) fn client_change(&self, body: &[u8]) -> Result<ClientChange, ControlFailure> {
        let separator = &self.settings.redirect_uri_separator;
        ClientChange::from_json(shape::utf8(body)?, separator).map_err(shape::malformed)
    }
}
