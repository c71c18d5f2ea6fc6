//! Whether what a request names is text: a name that is none would be read as the same as others that are none.

use actix_web::http::Uri;
use percent_encoding::percent_decode_str;

use super::{ControlFailure, shape};

/// Refuses a path or a query that is no percent-encoded UTF-8 (RFC 3986 section 2.1).
pub(super) fn check(uri: &Uri) -> Result<(), ControlFailure> {
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
