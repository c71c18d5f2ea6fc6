//! `/tyk/apis/oas`: definitions as OAS documents.

use actix_web::{HttpRequest, HttpResponse, web};
use raftgate_model::api::{ApiDocument, OasDocument};
use serde::Deserialize;

use super::shape::{self, Action};
use super::{Control, ControlFailure};

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

impl View {
    /// The document as this view shows it; `mode=public` leaves out what only the gateway needs to know.
    fn show(&self, document: OasDocument) -> OasDocument {
        match self.mode.as_deref() {
            Some("public") => document.public(),
            _ => document,
        }
    }
}

pub(super) async fn list(
    control: web::Data<Control>,
    view: web::Query<View>,
) -> Result<HttpResponse, ControlFailure> {
    let shown = move |document| match document {
        ApiDocument::Oas(document) => Some(view.show(document).to_text()),
        ApiDocument::Classic(_) => None,
    };
    shape::documents(move || Ok(control.definitions(shown))).await
}

pub(super) async fn get(
    control: web::Data<Control>,
    id: web::Path<String>,
    view: web::Query<View>,
) -> Result<HttpResponse, ControlFailure> {
    let document = view.show(control.oas_document_of(&id, CLASSIC_API)?);
    Ok(shape::document(document.to_text()))
}

pub(super) async fn create(
    control: web::Data<Control>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let document = ApiDocument::Oas(parse_extended(&request, &body)?);
    let imported = control.importer.put_api(document, None).await?;
    Ok(shape::imported(&imported, Action::Added))
}

pub(super) async fn update(
    control: web::Data<Control>,
    id: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    control.oas_document_of(&id, CLASSIC_REPLACED)?;
    let document = ApiDocument::Oas(parse_extended(&request, &body)?);
    control.replace(&id, document).await
}

impl Control {
    /// The document of an API; `otherwise` is said of one whose definition is Classic.
    fn oas_document_of(
        &self,
        id: &str,
        otherwise: &'static str,
    ) -> Result<OasDocument, ControlFailure> {
        match self.definition_of(id)? {
            ApiDocument::Oas(document) => Ok(document),
            ApiDocument::Classic(_) => Err(ControlFailure::Invalid(otherwise.into())),
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
