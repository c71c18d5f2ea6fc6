//! `/tyk/apis/oas`: definitions as OAS documents.

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpRequest, HttpResponse, web};
use raftgate_cluster::error::ProposeError;
use raftgate_model::answer::Refusal;
use raftgate_model::api::{ApiDocument, OasDocument, Serving};
use raftgate_model::id::{ApiId, Revision};
use serde::Deserialize;

use super::listener::wrong_method;
use super::shape::{self, Action};
use super::{Control, ControlFailure, GatewayUrl, apis};
use crate::definitions::ImportError;

/// How often a document is read again that others change meanwhile, before the caller is told.
const READINGS_MAX: u32 = 10;

/// What is said of a payload that does not say how it is served.
const NO_EXTENSION: &str = "the payload should contain x-tyk-api-gateway";

/// What is said when an API whose definition is Classic is asked for as an OAS document.
const CLASSIC_API: &str =
    "the requested API definition is in Tyk classic format, please use old api endpoint";

/// What is said when an API whose definition is Classic is to be replaced by an OAS document.
const CLASSIC_REPLACED: &str =
    "the supplied API definition is in OAS format, please use the Tyk classic format for this API";

/// How a document is shown.
#[derive(Deserialize)]
pub(super) struct View {
    mode: Option<String>,
}

/// How a document without the extension shall be served.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServingQuery {
    #[serde(rename = "upstreamURL")]
    upstream_url: Option<String>,
    listen_path: Option<String>,
    custom_domain: Option<String>,
    #[serde(rename = "apiID")]
    api_id: Option<String>,
    authentication: Option<String>,
    validate_request: Option<String>,
    allow_list: Option<String>,
    mock_response: Option<String>,
}

impl ServingQuery {
    pub(super) fn serving(self) -> Result<Serving, ControlFailure> {
        let api_id = self.api_id.as_deref().filter(|id| !id.is_empty());
        let api_id = api_id
            .map(ApiId::new)
            .transpose()
            .map_err(|error| ControlFailure::Invalid(format!("apiID: {error}")))?;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Serving {
            api_id,
            upstream_url: filled(self.upstream_url),
            listen_path: filled(self.listen_path),
            custom_domain: filled(self.custom_domain),
            authentication: flag("authentication", self.authentication)?,
            allow_list: flag("allowList", self.allow_list)?,
            validate_request: flag("validateRequest", self.validate_request)?,
            mock_response: flag("mockResponse", self.mock_response)?,
        })
    }
}

/// A flag of a query; an empty one is no word on either.
fn flag(name: &str, text: Option<String>) -> Result<Option<bool>, ControlFailure> {
    let read = text.map(|text| text.parse()).transpose();
    read.map_err(|_| ControlFailure::Invalid(format!("{name}: must be true or false")))
}

/// How much of a document is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Whole,
    /// Without what only the gateway needs to know.
    Public,
}

impl View {
    /// Refuses a mode that there is not: whoever misspells `public` is not shown the whole.
    fn shown(&self) -> Result<Shown, ControlFailure> {
        match self.mode.as_deref() {
            None | Some("") => Ok(Shown::Whole),
            Some("public") => Ok(Shown::Public),
            Some(_) => Err(ControlFailure::Invalid("mode: must be public".into())),
        }
    }
}

impl Shown {
    /// So much of a document, with the gateway as its first server.
    fn of(self, gateway: GatewayUrl, document: OasDocument) -> OasDocument {
        let document = match gateway.of(&document) {
            Some(url) => document.with_first_server(&url),
            None => document,
        };
        match self {
            Self::Whole => document,
            Self::Public => document.public(),
        }
    }
}

/// The resources of this file.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/tyk/apis/oas")
            .get(list)
            .post(create)
            .patch(patch_nothing)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/apis/oas/import")
            .post(import)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/apis/oas/export")
            .get(export_all)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/apis/oas/{id}/export")
            .get(export)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/apis/oas/{id}")
            .get(get)
            .put(update)
            .patch(patch)
            .delete(apis::delete)
            .default_service(web::to(wrong_method)),
    );
}

pub(super) async fn list(
    control: web::Data<Control>,
    view: web::Query<View>,
) -> Result<HttpResponse, ControlFailure> {
    let shown = view.shown()?;
    shape::documents(&control.listings, documents(control.clone(), shown)).await
}

pub(super) async fn get(
    control: web::Data<Control>,
    id: web::Path<String>,
    view: web::Query<View>,
) -> Result<HttpResponse, ControlFailure> {
    let shown = view.shown()?;
    let document = shown.of(control.gateway, control.oas_document_of(&id, CLASSIC_API)?);
    Ok(shape::document(document.to_text()))
}

pub(super) async fn create(
    control: web::Data<Control>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    apis::refuse_versions(&request)?;
    let document = control.as_kept(parse_extended(&request, &body)?, None);
    control.add(document).await
}

pub(super) async fn update(
    control: web::Data<Control>,
    id: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let old = control.oas_document_of(&id, CLASSIC_REPLACED)?;
    let document = control.as_kept(parse_extended(&request, &body)?, Some(&old));
    control.replace(&id, document).await
}

/// Takes a bare OpenAPI document and serves it as the query says.
pub(super) async fn import(
    control: web::Data<Control>,
    request: HttpRequest,
    query: web::Query<ServingQuery>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    apis::refuse_versions(&request)?;
    let serving = query.into_inner().serving()?;
    let document = parse(&request, &body)?.imported(&serving);
    let document = document.map_err(|fault| ControlFailure::Invalid(fault.to_string()))?;
    control.add(control.as_kept(document, None)).await
}

/// Replaces the OpenAPI part of a document, and of the rest what the query names.
pub(super) async fn patch(
    control: web::Data<Control>,
    request: HttpRequest,
    id: web::Path<String>,
    query: web::Query<ServingQuery>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    control.oas_document_of(&id, CLASSIC_REPLACED)?;
    let mut serving = query.into_inner().serving()?;
    serving.api_id = None;
    let given = parse(&request, &body)?;
    for _ in 0..READINGS_MAX {
        let (old, revision) = control.oas_version_of(&id, CLASSIC_REPLACED)?;
        let document = given.clone().patched(&old, &serving);
        let document = document.map_err(|fault| ControlFailure::Invalid(fault.to_string()))?;
        let document = apis::under(&id, control.as_kept(document, Some(&old)))?;
        match control.importer.update_api(document, revision).await {
            // Somebody else's change came first, and stays: this one is worked out again from it.
            Err(ImportError::Propose(ProposeError::Refused(Refusal::ApiChanged))) => {}
            imported => return Ok(shape::imported(&imported?, Action::Modified)),
        }
    }
    Err(Refusal::ApiChanged.into())
}

pub(super) async fn patch_nothing() -> Result<HttpResponse, ControlFailure> {
    Err(ControlFailure::Invalid(
        "Must specify an apiID to patch".into(),
    ))
}

pub(super) async fn export(
    control: web::Data<Control>,
    id: web::Path<String>,
    view: web::Query<View>,
) -> Result<HttpResponse, ControlFailure> {
    let shown = view.shown()?;
    let document = shown.of(control.gateway, control.oas_document_of(&id, CLASSIC_API)?);
    // Ids that stand in paths hold nothing that a quoted string cannot hold as it is.
    let name = format!("oas-{id}.json");
    Ok(attachment(&name, document.to_text()))
}

pub(super) async fn export_all(
    control: web::Data<Control>,
    view: web::Query<View>,
) -> Result<HttpResponse, ControlFailure> {
    let shown = view.shown()?;
    let text = shape::texts(&control.listings, documents(control.clone(), shown)).await?;
    Ok(attachment("oas.json", text))
}

fn attachment(name: &str, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .body(text)
}

/// Collects the texts of all OAS documents.
fn documents(
    control: web::Data<Control>,
    shown: Shown,
) -> impl FnOnce() -> Result<Vec<String>, ControlFailure> + Send + 'static {
    move || {
        let show = |document| match document {
            ApiDocument::Oas(document) => Some(shown.of(control.gateway, document).to_text()),
            ApiDocument::Classic(_) => None,
        };
        Ok(control.definitions(show))
    }
}

impl Control {
    /// A document without what showing it adds, also where it was shown before another one replaced it.
    fn as_kept(&self, document: OasDocument, old: Option<&OasDocument>) -> ApiDocument {
        let shown = [Some(&document), old].into_iter().flatten();
        let urls: Vec<String> = shown.filter_map(|shown| self.gateway.of(shown)).collect();
        let without = |document: OasDocument, url: &String| document.without_first_server(url);
        ApiDocument::Oas(urls.iter().fold(document, without))
    }

    /// The document of an API; `otherwise` is said of one whose definition is Classic.
    fn oas_document_of(
        &self,
        id: &str,
        otherwise: &'static str,
    ) -> Result<OasDocument, ControlFailure> {
        let version = self.oas_version_of(id, otherwise);
        version.map(|(document, _)| document)
    }

    /// The same, and the revision of what was read.
    fn oas_version_of(
        &self,
        id: &str,
        otherwise: &'static str,
    ) -> Result<(OasDocument, Revision), ControlFailure> {
        match self.version_of(id)? {
            (ApiDocument::Oas(document), revision) => Ok((document, revision)),
            (ApiDocument::Classic(_), _) => Err(ControlFailure::Invalid(otherwise.into())),
        }
    }
}

/// A document that says how it is served.
fn parse_extended(request: &HttpRequest, body: &[u8]) -> Result<OasDocument, ControlFailure> {
    let document = parse(request, body)?;
    if document.has_extension() {
        return Ok(document);
    }
    Err(ControlFailure::Invalid(NO_EXTENSION.into()))
}

fn parse(request: &HttpRequest, body: &[u8]) -> Result<OasDocument, ControlFailure> {
    let text = shape::document_text(request, body)
        .map_err(|reason| ControlFailure::Invalid(format!("request malformed: {reason}")))?;
    OasDocument::parse(&text)
        .map_err(|faults| ControlFailure::Invalid(format!("request malformed: {faults}")))
}
