//! Whether what a request names is text, and something: a name that is none would be read as the same as others that are
//! none, and without a name in its middle a path would be another resource's.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use percent_encoding::percent_decode_str;

use super::{ControlFailure, shape};

/// Marks a request in whose path a name is empty.
struct EmptyName;

/// Looks for empty names in a path while its slashes are as they were sent; [`check`] refuses it.
pub(super) async fn look_for_empty_names(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if has_empty_name(request.path()) {
        request.extensions_mut().insert(EmptyName);
    }
    next.call(request).await
}

/// Whether there is nothing between two slashes of a path, where a resource or its name stands.
///
/// In front, where addresses are joined from parts, slashes may be doubled; the last one says nothing.
fn has_empty_name(path: &str) -> bool {
    let segments = path.trim_matches('/').split('/');
    let mut behind_the_family = segments.skip(1).skip_while(|segment| segment.is_empty());
    behind_the_family.any(str::is_empty)
}

/// Refuses a path or a query that is no percent-encoded UTF-8 (RFC 3986 section 2.1), and a path with an empty name.
pub(super) fn check(request: &ServiceRequest) -> Result<(), ControlFailure> {
    if request.extensions().contains::<EmptyName>() {
        return Err(ControlFailure::NotFound("Not Found"));
    }
    let uri = request.uri();
    let parts = [
        ("path", uri.path()),
        ("query", uri.query().unwrap_or_default()),
    ];
    match parts.into_iter().find(|(_, encoded)| !is_text(encoded)) {
        Some((part, _)) => Err(shape::malformed(format_args!(
            "the {part} is not percent-encoded UTF-8"
        ))),
        None => Ok(()),
    }
}

fn is_text(encoded: &str) -> bool {
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        let mut is_digit = || bytes.next().is_some_and(|next| next.is_ascii_hexdigit());
        if byte == b'%' && !(is_digit() && is_digit()) {
            return false;
        }
    }
    percent_decode_str(encoded).decode_utf8().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_empty_between_two_slashes() {
        for whole in [
            "/",
            "/hello/",
            "/tyk/apis//",
            "//tyk//apis",
            "/tyk/apis/oas/x/export",
        ] {
            assert!(!has_empty_name(whole), "{whole}");
        }
        for broken in [
            "/tyk/apis//x",
            "/tyk/apis/oas//export",
            "//tyk//apis//oas/x",
            "/tyk/oauth/clients///rotate",
            "/api/apis//authorize-client",
        ] {
            assert!(has_empty_name(broken), "{broken}");
        }
    }

    #[test]
    fn text_is_what_decodes_to_utf8() {
        for good in [
            "", "/a", "%2F", "%c3%A4", "a%20b+c", "%00", "%2e%2e", "%25ff",
        ] {
            assert!(is_text(good), "{good}");
        }
        for bad in [
            "%",
            "a%4",
            "%zz",
            "%4g",
            "%ff",
            "%c3",
            "%c0%af",
            "%ed%a0%80",
            "%%41",
        ] {
            assert!(!is_text(bad), "{bad}");
        }
    }
}
