//! The sample client's callback page: where the browser arrives with a code or with an error.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::html;

/// The path of the page.
pub(super) const PATH: &str = "/callback";
/// What is shown of a redirect; anything else in the query is passed over.
const SHOWN: [&str; 4] = ["code", "state", "error", "error_description"];

/// The one page of the sample client.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.route(PATH, web::get().to(callback));
}

async fn callback(request: HttpRequest) -> HttpResponse {
    let query: Vec<_> = form_urlencoded::parse(request.query_string().as_bytes())
        .filter(|(name, _)| SHOWN.contains(&name.as_ref()))
        .collect();
    let has = |wanted: &str| query.iter().any(|(name, _)| name == wanted);
    let (title, note) = if has("code") {
        (
            "The client has a code",
            "It exchanges the code for tokens at the token endpoint, once and within minutes.",
        )
    } else if has("error") {
        ("The client was refused", "It gets no code and no tokens.")
    } else {
        let note = "<p>This page expects a code or an error in its address.</p>";
        return html::page(StatusCode::BAD_REQUEST, "Nothing arrived", note);
    };
    let rows = query
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()));
    let list = html::definition_list(rows);
    html::page(
        StatusCode::OK,
        title,
        &format!("{list}<p class=\"note\">{note}</p>"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use actix_web::{App, test};

    use super::*;

    async fn shown(query: &str) -> (StatusCode, String) {
        let app = test::init_service(App::new().configure(routes)).await;
        let request = test::TestRequest::get()
            .uri(&format!("{PATH}{query}"))
            .to_request();
        let answer = test::call_service(&app, request).await;
        let status = answer.status();
        let body = test::read_body(answer).await;
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn it_shows_the_code_and_the_state_escaped() {
        let (status, page) = shown("?code=c0de&state=%3Cscript%3E&other=hidden").await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("<dd>c0de</dd>"), "{page}");
        assert!(page.contains("<dd>&lt;script&gt;</dd>"), "{page}");
        assert!(
            !page.contains("hidden") && !page.contains("<script>"),
            "{page}"
        );
    }

    #[actix_web::test]
    async fn it_shows_a_refusal_and_the_lack_of_anything() {
        let (status, page) = shown("?error=access_denied&state=s").await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("<dd>access_denied</dd>"), "{page}");
        assert_eq!(shown("").await.0, StatusCode::BAD_REQUEST);
    }
}
