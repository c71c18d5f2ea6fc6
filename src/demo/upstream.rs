//! The sample upstream behind the gateway: tells what arrived at it, credentials left out.

use std::collections::BTreeMap;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

/// Headers whose values are credentials.
const WITHHELD: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-tyk-authorization",
];

/// What arrived.
#[derive(Serialize)]
struct Echo<'a> {
    method: &'a str,
    path: &'a str,
    headers: BTreeMap<&'a str, String>,
}

/// Answers every request with what arrived.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.default_service(web::to(echo));
}

async fn echo(request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().json(Echo {
        method: request.method().as_str(),
        path: request.path(),
        headers: shown(request.headers()),
    })
}

fn shown(headers: &HeaderMap) -> BTreeMap<&str, String> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = if WITHHELD.contains(&name.as_str()) {
                "(withheld)".to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            (name.as_str(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};
    use serde_json::{Value, json};

    use super::*;

    #[actix_web::test]
    async fn it_tells_what_arrived_and_keeps_credentials_to_itself() {
        let app = test::init_service(App::new().configure(routes)).await;
        let request = test::TestRequest::put()
            .uri("/a/b?c=d")
            .insert_header(("authorization", "Bearer s3cret"))
            .insert_header(("cookie", "s3cret"))
            .insert_header(("x-kept", "yes"))
            .to_request();
        let answer: Value = test::call_and_read_body_json(&app, request).await;
        assert_eq!(
            answer,
            json!({"method": "PUT", "path": "/a/b", "headers": {
                "authorization": "(withheld)", "cookie": "(withheld)", "x-kept": "yes"
            }})
        );
    }
}
