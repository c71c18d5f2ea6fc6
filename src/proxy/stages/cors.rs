//! CORS: what an answer tells a browser about requests from other sites.

use raftgate_model::api::{AllowedOrigin, Cors};

use crate::proxy::request::RequestView;
use crate::proxy::wire::field::list_members;

/// What becomes of a request for CORS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CorsVerdict {
    /// The gateway answers, with these lines.
    Preflight(Vec<u8>),
    /// It goes on, and its answer has these lines in place of the upstream's own.
    GoesOn(Vec<u8>),
    /// The upstream answers for itself (`options_passthrough`).
    Upstream,
}

/// What becomes of `OPTIONS` where the settings leave it to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// An upstream answers.
    Upstream,
    /// An endpoint of our own, which knows nothing of CORS.
    Endpoint,
}

/// Decides by the CORS protocol (the Fetch standard, section 3.3).
pub(crate) fn judge(cors: &Cors, view: &RequestView<'_>, behind: Behind) -> CorsVerdict {
    let is_options = view.method() == b"OPTIONS";
    if is_options && cors.options_passthrough && behind == Behind::Upstream {
        return CorsVerdict::Upstream;
    }
    let origin = only(view, "origin").and_then(|origin| cors.allow(origin));
    match only(view, "access-control-request-method").filter(|_| is_options) {
        Some(method) => CorsVerdict::Preflight(preflight(cors, view, origin, method)),
        None => CorsVerdict::GoesOn(actual(cors, view, origin)),
    }
}

/// What is not allowed is answered without a word of permission, which is how a browser is told.
fn preflight(
    cors: &Cors,
    view: &RequestView<'_>,
    origin: Option<AllowedOrigin<'_>>,
    method: &[u8],
) -> Vec<u8> {
    let mut lines =
        b"Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n".to_vec();
    let names = || values(view, "access-control-request-headers").flat_map(list_members);
    let Some(origin) = origin else {
        return lines;
    };
    if !cors.allows_method(method) || !is_token(method) || !cors.allows_fields(names()) {
        return lines;
    }
    write_origin(cors, origin, &mut lines);
    write(b"Access-Control-Allow-Methods", method, &mut lines);
    let asked: Vec<&[u8]> = names().filter(|name| is_token(name)).collect();
    if !asked.is_empty() {
        write(
            b"Access-Control-Allow-Headers",
            &asked.join(b", ".as_slice()),
            &mut lines,
        );
    }
    if cors.max_age_s > 0 {
        let seconds = cors.max_age_s.to_string();
        write(b"Access-Control-Max-Age", seconds.as_bytes(), &mut lines);
    }
    lines
}

fn actual(cors: &Cors, view: &RequestView<'_>, origin: Option<AllowedOrigin<'_>>) -> Vec<u8> {
    let mut lines = b"Vary: Origin\r\n".to_vec();
    if let Some(origin) = origin.filter(|_| cors.allows_method(view.method())) {
        write_origin(cors, origin, &mut lines);
        if let Some(exposed) = &cors.exposed {
            write(
                b"Access-Control-Expose-Headers",
                exposed.as_bytes(),
                &mut lines,
            );
        }
    }
    lines
}

fn write_origin(cors: &Cors, origin: AllowedOrigin<'_>, lines: &mut Vec<u8>) {
    let value: &[u8] = match origin {
        AllowedOrigin::Any => b"*",
        AllowedOrigin::This(origin) => origin,
    };
    write(b"Access-Control-Allow-Origin", value, lines);
    if cors.credentials {
        write(b"Access-Control-Allow-Credentials", b"true", lines);
    }
}

fn write(name: &[u8], value: &[u8], lines: &mut Vec<u8>) {
    lines.extend_from_slice(name);
    lines.extend_from_slice(b": ");
    lines.extend_from_slice(value);
    lines.extend_from_slice(b"\r\n");
}

fn values<'r>(view: &RequestView<'r>, name: &'static str) -> impl Iterator<Item = &'r [u8]> {
    view.head()
        .fields()
        .filter(move |(_, candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, _, value)| value)
}

/// The value of a field that comes once and holds something.
fn only<'r>(view: &RequestView<'r>, name: &'static str) -> Option<&'r [u8]> {
    let mut found = values(view, name);
    let first = found.next().filter(|value| !value.is_empty());
    first.filter(|_| found.next().is_none())
}

/// Whether a text can be a method or the name of a field (RFC 9110 section 5.6.2).
fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

#[cfg(test)]
#[path = "cors_tests.rs"]
mod tests;
