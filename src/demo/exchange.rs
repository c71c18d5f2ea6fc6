//! The HTTP client of the tour: sends one request, follows nothing, and keeps the whole answer.

use std::time::Duration;

use actix_web::http::StatusCode;
use awc::Client;
use serde_json::Value;
use url::Url;

use super::request::Request;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    /// The request could not be sent, or nothing came back.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The answer broke off or is too long.
    #[error("the answer could not be read: {0}")]
    Unreadable(String),
}

/// Sends requests over connections of its own.
pub(super) struct Exchange(Client);

impl Exchange {
    pub(super) fn new() -> Self {
        Self(
            Client::builder()
                .disable_redirects()
                .timeout(TIMEOUT)
                .finish(),
        )
    }

    /// Sends a request and waits for the whole answer.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, ExchangeError> {
        let mut sending = self.0.request(request.method().clone(), request.url());
        for (name, value) in request.headers() {
            sending = sending.insert_header((name, value));
        }
        let body = request.body();
        let sent = if body.is_empty() {
            sending.send()
        } else {
            sending.send_body(body)
        };
        let mut answer = sent
            .await
            .map_err(|error| ExchangeError::NoAnswer(error.to_string()))?;
        let body = answer.body().limit(ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| ExchangeError::Unreadable(error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = answer.headers().iter();
        Ok(Answer {
            status: answer.status(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
                .collect(),
            body: text(&body),
        })
    }
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// The headers, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// The body.
    pub(super) body: String,
}

impl Answer {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A text in a JSON body.
    pub(super) fn member(&self, name: &str) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        body.get(name)?.as_str().map(str::to_owned)
    }

    /// The place that a redirect goes to.
    pub(super) fn location(&self) -> Option<Url> {
        Url::parse(self.header("location")?).ok()
    }

    /// The value of a form's hidden field; values of this demo need no unescaping.
    pub(super) fn hidden_field(&self, name: &str) -> Option<String> {
        let marker = format!("type=\"hidden\" name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&marker)?;
        let (value, _) = rest.split_once('"')?;
        Some(value.to_owned())
    }
}

/// A parameter of a URL's query, decoded.
pub(super) fn query_parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(other, _)| other == name);
    found.map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use std::net::TcpListener;

    use actix_web::{HttpRequest, HttpResponse, web};

    use super::*;
    use crate::demo::sample_server::SampleServer;

    #[actix_web::test]
    async fn a_redirect_is_an_answer_and_not_followed() {
        let server = SampleServer::start(|app| {
            app.default_service(web::to(|request: HttpRequest, body: String| async move {
                let kind = request.headers().get("content-type").cloned();
                HttpResponse::SeeOther()
                    .insert_header(("location", "http://client/cb?code=a%20b"))
                    .body(format!("{kind:?} {body}"))
            }));
        })
        .unwrap();
        let url = format!("http://{}/", server.address());
        let sent = Request::post_form(url, &[("a", "b c")]);
        let answer = Exchange::new().send(&sent).await.unwrap();
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(
            answer.body,
            "Some(\"application/x-www-form-urlencoded\") a=b+c"
        );
        let location = answer.location().unwrap();
        assert_eq!(query_parameter(&location, "code").as_deref(), Some("a b"));
        assert_eq!(query_parameter(&location, "state"), None);
        server.stop().await;
    }

    #[actix_web::test]
    async fn a_closed_port_is_no_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let outcome = Exchange::new().send(&Request::get(url)).await;
        assert!(matches!(outcome, Err(ExchangeError::NoAnswer(_))));
    }

    #[test]
    fn members_and_fields_that_are_not_there_are_none() {
        let answer = Answer {
            status: StatusCode::OK,
            headers: Vec::new(),
            body: "<input type=\"hidden\" name=\"ticket\" value=\"t1\">".to_owned(),
        };
        assert_eq!(answer.hidden_field("ticket").as_deref(), Some("t1"));
        assert_eq!(answer.hidden_field("other"), None);
        assert_eq!(answer.member("code"), None);
        assert!(answer.location().is_none());
    }
}
