//! Cookies of a request: the one reading of the `Cookie` field, for whoever looks for a cookie or takes one out.

/// A cookie of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie<'c> {
    /// Its name, to the letter.
    pub(crate) name: &'c [u8],
    /// Its value, which may be empty; none where no equals sign stands behind the name.
    pub(crate) value: Option<&'c [u8]>,
    pair: &'c [u8],
}

impl<'c> Cookie<'c> {
    fn of(pair: &'c [u8]) -> Self {
        let pair = trimmed(pair);
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        Self {
            name: trimmed(halves.next().unwrap_or_default()),
            value: halves.next().map(trimmed),
            pair,
        }
    }

    /// Whether this is its name; case matters.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name.as_bytes()
    }
}

/// Whether a field of this name holds cookies.
pub(crate) const fn is_cookie_field(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"cookie")
}

/// The cookies of a field's value, in their order; what stands between two semicolons is one, whatever it is.
///
/// Clients write `name=value` with `; ` between two (RFC 6265 sections 4.2.1 and 5.4). Of what others write, a semicolon ends a
/// cookie even within quotes, the first equals sign ends a name, and spaces and tabs around either count for nothing, as
/// browsers read `Set-Cookie` (section 5.2).
pub(crate) fn cookies(value: &[u8]) -> impl Iterator<Item = Cookie<'_>> {
    value.split(|byte| *byte == b';').map(Cookie::of)
}

/// A field's value without the cookies of a name; `None` where no other is left.
pub(crate) fn without(value: &[u8], name: &str) -> Option<Vec<u8>> {
    let others = cookies(value).filter(|cookie| !cookie.is_named(name));
    let kept: Vec<&[u8]> = others.map(|cookie| cookie.pair).collect();
    (!kept.is_empty()).then(|| kept.join(&b"; "[..]))
}

/// Without the white space that HTTP knows (RFC 9110 section 5.6.3): any other is part of a name or value.
const fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &[u8]) -> Vec<(&[u8], Option<&[u8]>)> {
        cookies(value)
            .map(|cookie| (cookie.name, cookie.value))
            .collect()
    }

    #[test]
    fn cookies_are_read_as_clients_write_them() {
        assert_eq!(read(b"a=1"), [(&b"a"[..], Some(&b"1"[..]))]);
        assert_eq!(
            read(b"a=1; B=\"x y\"; c="),
            [
                (&b"a"[..], Some(&b"1"[..])),
                (b"B", Some(b"\"x y\"")),
                (b"c", Some(b"")),
            ]
        );
        assert_eq!(read(b"a=b=c"), [(&b"a"[..], Some(&b"b=c"[..]))]);
    }

    #[test]
    fn what_no_client_should_write_has_one_reading_too() {
        assert_eq!(
            read(b"\ta = 1 ;b=2;; c ;=3"),
            [
                (&b"a"[..], Some(&b"1"[..])),
                (b"b", Some(b"2")),
                (b"", None),
                (b"c", None),
                (b"", Some(b"3")),
            ]
        );
        // Quotes hold nothing together.
        assert_eq!(
            read(b"a=\"x;b=y\""),
            [(&b"a"[..], Some(&b"\"x"[..])), (b"b", Some(b"y\""))]
        );
        // Space in Unicode is no space here, and need not be Unicode at all.
        assert_eq!(
            read(b"\xc2\xa0a=\xff\x0b"),
            [(&b"\xc2\xa0a"[..], Some(&b"\xff\x0b"[..]))]
        );
        assert_eq!(read(b""), [(&b""[..], None)]);
    }

    #[test]
    fn every_spelling_of_a_cookie_is_taken_out_and_no_other() {
        let key = |value: &[u8]| without(value, "key");
        for gone in ["key=s", "key =s", " key", "key=; key=s;key\t=", "key==;;"] {
            let kept = key(gone.as_bytes()).unwrap_or_default();
            assert!(
                read(&kept).iter().all(|(name, _)| *name != b"key"),
                "{gone}"
            );
        }
        assert_eq!(key(b"key=s;key=t"), None);
        let kept = b"Key=1; a=key=2; keys=3; \"key\"=4";
        assert_eq!(key(kept).as_deref(), Some(&kept[..]));
        assert_eq!(
            key(b"a=1 ;key=s; b = 2").as_deref(),
            Some(&b"a=1; b = 2"[..])
        );
    }

    #[test]
    fn the_field_is_found_in_any_case() {
        assert!(is_cookie_field(b"cookie") && is_cookie_field(b"COOKIE"));
        assert!(!is_cookie_field(b"Set-Cookie") && !is_cookie_field(b"cookies"));
    }
}
