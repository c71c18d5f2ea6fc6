//! A blocking HTTP client that takes every answer as it is: no redirect followed, no status turned into an error.

use std::time::Duration;

use ureq::http::{HeaderMap, Request};

/// Longest wait for one whole answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest body that is read.
const BODY_BYTES: u64 = 64 * 1024 * 1024;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text, whatever its bytes.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; fails the test with the body when it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "{} answered no JSON ({error}): {}",
                self.status,
                self.text()
            )
        })
    }

    /// A header's first value; empty when it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The same answer if it has `status`; fails the test with what came instead.
    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        let text = self.text();
        assert_eq!(self.status, status, "{:?} {text}", self.headers);
        self
    }
}

/// A client with its own pool of connections.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
}

impl Client {
    pub(crate) fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            agent: config.into(),
        }
    }

    /// Sends a request; fails the test when no answer comes.
    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        match self.try_send(method, url, headers, body) {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {url}: {error}"),
        }
    }

    /// Sends a request; a connection that is refused or breaks off is an error.
    pub(crate) fn try_send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = if body.is_empty() {
            self.agent.run(request.body(())?)?
        } else {
            self.agent.run(request.body(body)?)?
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response
            .body_mut()
            .with_config()
            .limit(BODY_BYTES)
            .read_to_vec()?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    #[track_caller]
    pub(crate) fn get(&self, url: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", url, headers, b"")
    }

    /// Posts a form, its pairs percent-encoded here; fails the test when no answer comes.
    #[track_caller]
    pub(crate) fn post_form(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        pairs: &[(&str, &str)],
    ) -> Answer {
        match self.try_post_form(url, headers, pairs) {
            Ok(answer) => answer,
            Err(error) => panic!("POST {url}: {error}"),
        }
    }

    /// Posts a form; a connection that is refused or breaks off is an error.
    pub(crate) fn try_post_form(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        pairs: &[(&str, &str)],
    ) -> Result<Answer, ureq::Error> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        self.try_send("POST", url, &headers, form.as_bytes())
    }
}
