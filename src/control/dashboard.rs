//! `/api/apis/oauth`: OAuth clients through Tyk's Dashboard API, the same clients in other shapes.

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use raftgate_model::id::ApiId;
use serde::Serialize;
use serde_json::value::RawValue;

use super::clients::{ClientPath, written};
use super::failure::{API_ABSENT, DashboardBody};
use super::listings::{PAGE, wanted};
use super::registration::{ClientName, ClientTexts};
use super::revocation::{Order, Proof};
use super::{Control, ControlFailure, Door, authorize, client_tokens, shape};
use crate::oauth::{TOKEN_REVOKED, TOKENS_REVOKED};

/// What POST does where a client's id stands.
const VERBS: [&str; 3] = ["authorize-client", "revoke", "revoke_all"];

/// Why a request is refused, in the Dashboard's shape.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct DashboardFailure(#[from] ControlFailure);

impl ResponseError for DashboardFailure {
    fn error_response(&self) -> HttpResponse {
        self.0.answer(Door::Dashboard)
    }
}

type Outcome = Result<HttpResponse, DashboardFailure>;

#[derive(Serialize)]
struct ClientList {
    apps: Vec<Box<RawValue>>,
    pages: usize,
}

pub(super) async fn approve(
    control: web::Data<Control>,
    api: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
) -> Outcome {
    Ok(authorize::approve_for(&control, &api, &request, &body).await?)
}

/// The API of the path is the one; an `api_id` in the body says nothing.
pub(super) async fn create(
    control: web::Data<Control>,
    api: web::Path<String>,
    body: web::Bytes,
) -> Outcome {
    let no_api = |_| ControlFailure::Invalid(API_ABSENT.into());
    let mut request = control.client_request(&body)?;
    request.api = Some(ApiId::new(&api).map_err(no_api)?);
    let made = control.register(request).await?;
    Ok(written(made, "added"))
}

/// The clients of an API, all of them or by `p` a page.
pub(super) async fn list(
    control: web::Data<Control>,
    api: web::Path<String>,
    request: HttpRequest,
) -> Outcome {
    let api = control
        .known_api(&api)
        .ok_or(ControlFailure::NotFound(API_ABSENT))?;
    let page = shape::page(request.query_string(), "p")?;
    let place = control.listings.enter().await?;
    let listed = web::block(move || {
        let _place = place;
        page_of(control.client_texts(&api, &wanted(page))?, page)
    });
    let listed = listed.await.map_err(|_| ControlFailure::Internal)??;
    Ok(shape::document(listed))
}

fn page_of(listed: ClientTexts, page: Option<usize>) -> Result<String, ControlFailure> {
    let count = listed.count;
    let (texts, pages) = match page {
        None => (listed.whole()?, usize::from(count > 0)),
        Some(_) => (listed.texts, count.div_ceil(PAGE)),
    };
    let apps = texts.into_iter();
    let list = ClientList {
        apps: apps
            .filter_map(|text| RawValue::from_string(text).ok())
            .collect(),
        pages,
    };
    serde_json::to_string(&list).map_err(|_| ControlFailure::Internal)
}

/// A client may be called like a verb; where none is, the verb was meant, and by the wrong method.
pub(super) async fn get(control: web::Data<Control>, path: ClientPath) -> Outcome {
    match control.client_text(&path) {
        Err(ControlFailure::NotFound(_)) if VERBS.contains(&path.client.as_str()) => {
            Err(ControlFailure::MethodNotAllowed.into())
        }
        shown => Ok(shape::document(shown?)),
    }
}

pub(super) async fn update(
    control: web::Data<Control>,
    path: ClientPath,
    body: web::Bytes,
) -> Outcome {
    let change = control.client_change(&body)?;
    let changed = control.change(&path, change).await?;
    Ok(written(changed, "modified"))
}

pub(super) async fn rotate(control: web::Data<Control>, path: ClientPath) -> Outcome {
    let rotated = control.rotate(&path).await?;
    Ok(written(rotated, "rotated"))
}

pub(super) async fn delete(control: web::Data<Control>, path: ClientPath) -> Outcome {
    let client = control.unregister(&path).await?;
    let response = done("OAuth Client deleted successfully");
    Ok(shape::noted(response, client.as_str(), "deleted"))
}

pub(super) async fn tokens(
    control: web::Data<Control>,
    path: ClientPath,
    request: HttpRequest,
) -> Outcome {
    Ok(client_tokens::list(control, path, request).await?)
}

/// POST: approves for an API, or revokes for a client, which then stands in the API's place.
pub(super) async fn verb(
    control: web::Data<Control>,
    path: ClientPath,
    request: HttpRequest,
    body: web::Bytes,
) -> Outcome {
    let ClientName {
        api: named,
        client: verb,
    } = path.into_inner();
    match verb.as_str() {
        "authorize-client" => Ok(authorize::approve_for(&control, &named, &request, &body).await?),
        "revoke" => {
            let order = Order::read(&request, &body, Some(&named))?;
            order.revoke(&control).await?;
            Ok(done(TOKEN_REVOKED))
        }
        "revoke_all" => {
            let order = Order::read(&request, &body, Some(&named))?;
            order.revoke_all(&control, Proof::Optional).await?;
            Ok(done(TOKENS_REVOKED))
        }
        _ => Err(ControlFailure::MethodNotAllowed.into()),
    }
}

fn done(message: &str) -> HttpResponse {
    HttpResponse::Ok().json(DashboardBody {
        status: "OK",
        message,
        meta: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use super::*;
    use crate::control::listings::LISTED_MAX;

    #[test]
    fn clients_are_listed_whole_or_by_page() {
        let page = |texts: &[&str], count, page| {
            let texts = texts.iter().map(ToString::to_string).collect();
            page_of(ClientTexts { texts, count }, page)
        };
        assert_eq!(page(&[], 0, None).unwrap(), r#"{"apps":[],"pages":0}"#);
        assert_eq!(
            page(&["0", "1"], 2, None).unwrap(),
            r#"{"apps":[0,1],"pages":1}"#
        );
        assert_eq!(
            page(&["0", "1"], 2, Some(1)).unwrap(),
            r#"{"apps":[0,1],"pages":1}"#
        );
        assert_eq!(
            page(&["100"], 101, Some(2)).unwrap(),
            r#"{"apps":[100],"pages":2}"#
        );
        assert_eq!(page(&[], 101, Some(3)).unwrap(), r#"{"apps":[],"pages":2}"#);
        let many = LISTED_MAX + 1;
        assert!(page(&[], many, None).is_err());
        assert!(page(&[], many, Some(1)).is_ok());
    }
}
