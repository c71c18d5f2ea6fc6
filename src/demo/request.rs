//! A request of the tour: what is sent, and the same as a `curl` command that a shell understands.

use std::fmt::{self, Write as _};

use actix_web::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A request and its body.
#[derive(Clone, Debug)]
pub(super) struct Request {
    method: Method,
    url: String,
    headers: Vec<(&'static str, String)>,
    basic: Option<(String, String)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Empty,
    Json(String),
    Form(Vec<(&'static str, String)>),
}

impl Request {
    /// A GET of a URL.
    pub(super) fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url.into(), Body::Empty)
    }

    /// A POST of a JSON document.
    pub(super) fn post_json(url: impl Into<String>, document: &serde_json::Value) -> Self {
        Self::new(Method::POST, url.into(), Body::Json(document.to_string()))
            .header("Content-Type", "application/json")
    }

    /// A POST of a form; curl sets its Content-Type itself.
    pub(super) fn post_form(url: impl Into<String>, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Self::new(Method::POST, url.into(), Body::Form(fields.collect()))
    }

    fn new(method: Method, url: String, body: Body) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            basic: None,
            body,
        }
    }

    /// The same with a header.
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with an access token.
    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// The same with Basic credentials.
    pub(super) fn basic(mut self, id: &str, secret: &str) -> Self {
        self.basic = Some((id.to_owned(), secret.to_owned()));
        self
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Every header that goes over the wire because it was asked for.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = self.headers.clone();
        if let Some((id, secret)) = &self.basic {
            let credentials = STANDARD.encode(format!("{id}:{secret}"));
            headers.push(("Authorization", format!("Basic {credentials}")));
        }
        if matches!(self.body, Body::Form(_)) {
            headers.push((
                "Content-Type",
                "application/x-www-form-urlencoded".to_owned(),
            ));
        }
        headers
    }

    /// The body's bytes.
    pub(super) fn body(&self) -> String {
        match &self.body {
            Body::Empty => String::new(),
            Body::Json(text) => text.clone(),
            Body::Form(fields) => form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish(),
        }
    }

    /// The request as a command for a POSIX shell, one part to a line.
    pub(super) fn curl(&self) -> Curl<'_> {
        Curl(self)
    }
}

/// Writes a request as a `curl` command.
pub(super) struct Curl<'a>(&'a Request);

impl fmt::Display for Curl<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.0;
        let mut parts = vec![format!("curl -i {}", quoted(&request.url))];
        if let Some((id, secret)) = &request.basic {
            parts.push(format!("-u {}", quoted(&format!("{id}:{secret}"))));
        }
        for (name, value) in &request.headers {
            parts.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
        }
        match &request.body {
            Body::Empty => {}
            Body::Json(text) => parts.push(format!("--data-raw {}", quoted(text))),
            Body::Form(fields) => {
                for (name, value) in fields {
                    let field = quoted(&format!("{name}={value}"));
                    parts.push(format!("--data-urlencode {field}"));
                }
            }
        }
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                out.write_str(" \\\n  ")?;
            }
            out.write_str(part)?;
        }
        Ok(())
    }
}

/// A text in single quotes, within which a shell changes nothing.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    // Writing into a String does not fail.
    let _ = write!(quoted, "'{}'", text.replace('\'', r"'\''"));
    quoted
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use std::process::Command;

    use serde_json::json;

    use super::*;

    /// What a shell hands to curl.
    fn arguments(request: &Request) -> Vec<String> {
        let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\n{}", request.curl());
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{script}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn a_shell_reads_the_command_as_the_request() {
        let document = json!({"text": "it's \"$HOME\" `id` \\ ok\n"});
        let request = Request::post_json("http://h/p?a=b&c=$d", &document).header("X-A", "b'c");
        let body = request.body();
        assert_eq!(
            arguments(&request),
            [
                "-i",
                "http://h/p?a=b&c=$d",
                "-H",
                "Content-Type: application/json",
                "-H",
                "X-A: b'c",
                "--data-raw",
                body.as_str()
            ]
        );
    }

    #[test]
    fn credentials_and_forms_are_the_same_in_both() {
        let request =
            Request::post_form("http://h/", &[("a", "b c&d"), ("e", "")]).basic("id", "s'x");
        assert_eq!(request.body(), "a=b+c%26d&e=");
        let headers = request.headers();
        assert!(headers.contains(&("Authorization", "Basic aWQ6cyd4".to_owned())));
        assert_eq!(
            arguments(&request),
            [
                "-i",
                "http://h/",
                "-u",
                "id:s'x",
                "--data-urlencode",
                "a=b c&d",
                "--data-urlencode",
                "e="
            ]
        );
        let get = Request::get("http://h/").bearer("t");
        assert_eq!(
            arguments(&get),
            ["-i", "http://h/", "-H", "Authorization: Bearer t"]
        );
        assert_eq!((get.method(), get.body().as_str()), (&Method::GET, ""));
    }
}
