//! Header fields: which of them the gateway acts on, and how lists of tokens in them are read.

use raftgate_model::api::is_same_variable;

/// A range of bytes in a head that was copied out of its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The place of `part` inside `whole`; empty when it does not lie inside.
    pub(crate) fn of(part: &[u8], whole: &[u8]) -> Self {
        let offset = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        match (u32::try_from(offset), u32::try_from(part.len())) {
            (Ok(start), Ok(len)) if offset <= whole.len() => Self {
                start,
                end: start.saturating_add(len),
            },
            _ => Self::default(),
        }
    }

    /// The bytes at this place.
    pub(crate) fn get(self, whole: &[u8]) -> &[u8] {
        whole
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// One header field of a copied head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: Span,
    pub(crate) value: Span,
    pub(crate) kind: FieldKind,
}

/// What a field means to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Connection,
    ContentLength,
    Date,
    Expect,
    Host,
    /// Ends at the next hop (RFC 9110 section 7.6.1) and needs no other treatment.
    HopByHop,
    Te,
    TransferEncoding,
    Upgrade,
    UserAgent,
    ForwardedFor,
    /// What a proxy says about its client besides `X-Forwarded-For`; anybody else can say it too.
    ProxyClaim,
    RequestId,
    /// What opens the control API (`X-Tyk-Authorization`).
    ControlSecret,
    /// The name of one of the others with `_` for `-`: no field of HTTP's, but the same variable to an upstream that reads
    /// names as CGI has it (RFC 3875 section 4.1.18).
    LookAlike,
    /// Everything else travels from end to end.
    EndToEnd,
}

impl FieldKind {
    /// The kind of the field with this name, in any case.
    pub(crate) fn of(name: &[u8]) -> Self {
        match Self::of_exact(name) {
            Self::EndToEnd if name.contains(&b'_') => Self::of_underscored(name),
            kind => kind,
        }
    }

    /// Every hyphen counts, as there is only one spelling that means the field.
    fn of_underscored(name: &[u8]) -> Self {
        let mut hyphened = [0; LOOK_ALIKE_BYTES_MAX];
        let Some(hyphened) = hyphened.get_mut(..name.len()) else {
            return if begins_with(name, b"x-forwarded-") {
                Self::LookAlike
            } else {
                Self::EndToEnd
            };
        };
        for (to, from) in hyphened.iter_mut().zip(name) {
            *to = if *from == b'_' { b'-' } else { *from };
        }
        match Self::of_exact(hyphened) {
            Self::EndToEnd => Self::EndToEnd,
            _ => Self::LookAlike,
        }
    }

    fn of_exact(name: &[u8]) -> Self {
        let is = |text: &str| name.eq_ignore_ascii_case(text.as_bytes());
        match name.len() {
            2 if is("te") => Self::Te,
            4 if is("host") => Self::Host,
            4 if is("date") => Self::Date,
            6 if is("expect") => Self::Expect,
            7 if is("trailer") => Self::HopByHop,
            7 if is("upgrade") => Self::Upgrade,
            9 if is("forwarded") || is("x-real-ip") => Self::ProxyClaim,
            10 if is("connection") => Self::Connection,
            10 if is("user-agent") => Self::UserAgent,
            10 if is("keep-alive") => Self::HopByHop,
            12 if is("x-request-id") => Self::RequestId,
            14 if is("content-length") => Self::ContentLength,
            15 if is("x-forwarded-for") => Self::ForwardedFor,
            16 if is("proxy-connection") => Self::HopByHop,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            18 if is("proxy-authenticate") => Self::HopByHop,
            19 if is("proxy-authorization") => Self::HopByHop,
            19 if is("x-tyk-authorization") => Self::ControlSecret,
            13.. if name
                .get(..12)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"x-forwarded-")) =>
            {
                Self::ProxyClaim
            }
            _ => Self::EndToEnd,
        }
    }
}

fn begins_with(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| is_same_variable(start, prefix))
}

/// No field that the gateway acts on by its whole name has a longer one.
const LOOK_ALIKE_BYTES_MAX: usize = 32;

/// Fields that must not come after the body (RFC 9110 section 6.5.1): whoever merges trailers into the head would take
/// them for what was checked, stripped or set there. Those that the gateway acts on have kinds of their own.
const NEVER_TRAILERS: [&str; 27] = [
    // Authentication, and what keeps a session.
    "authorization",
    "cookie",
    "set-cookie",
    "www-authenticate",
    // Routing.
    "max-forwards",
    "via",
    // Controls and conditions of a request.
    "cache-control",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "pragma",
    "range",
    // Control of an answer.
    "age",
    "expires",
    "location",
    "retry-after",
    "strict-transport-security",
    "vary",
    "warning",
    // How the content is to be read.
    "content-disposition",
    "content-encoding",
    "content-location",
    "content-range",
    "content-security-policy",
    "content-type",
];

/// Whether a field may travel in a trailer section.
pub(crate) fn may_be_trailer(name: &[u8]) -> bool {
    FieldKind::of(name) == FieldKind::EndToEnd
        && !NEVER_TRAILERS
            .iter()
            .any(|never| is_same_variable(name, never.as_bytes()))
}

/// The fields of a checked trailer section that a comma-separated list does not name.
pub(crate) fn without_named<'t>(
    trailers: &'t [u8],
    barred: &[u8],
) -> impl Iterator<Item = &'t [u8]> {
    trailers
        .split_inclusive(|byte| *byte == b'\n')
        .filter(move |line| {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            !list_members(barred).any(|named| is_same_variable(name, named))
        })
}

/// The members of a comma-separated list, trimmed, without empty ones.
pub(crate) fn list_members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// What the `Connection` fields of a message ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectionOptions {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    /// Whether `Upgrade` is meant for this hop (RFC 9110 section 7.8).
    pub(crate) upgrade: bool,
    /// Whether other fields are named, which then end at this hop too.
    pub(crate) names_fields: bool,
}

impl ConnectionOptions {
    /// Takes in one more `Connection` field.
    pub(crate) fn add(&mut self, value: &[u8]) {
        for option in list_members(value) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                self.names_fields = true;
            }
        }
    }

    /// Whether the connection outlives the message (RFC 9112 section 9.3).
    pub(crate) fn persists(self, minor_version: u8) -> bool {
        !self.close && (minor_version >= 1 || self.keep_alive)
    }
}

/// The value of a `Content-Length` field: digits only, no list, no sign.
pub(crate) fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Whether every line of a head ends with CR LF and no byte of it stands for a line's end otherwise.
///
/// The parser takes a bare LF for a line's end, which not every upstream does: two readings of one head.
pub(crate) fn has_only_crlf(head: &[u8]) -> bool {
    let mut previous = 0;
    head.iter().all(|byte| {
        let stands_well = *byte != b'\n' || previous == b'\r';
        previous = *byte;
        stands_well
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_ignore_case() {
        assert_eq!(
            FieldKind::of(b"Transfer-ENCODING"),
            FieldKind::TransferEncoding
        );
        assert_eq!(FieldKind::of(b"keep-Alive"), FieldKind::HopByHop);
        assert_eq!(FieldKind::of(b"hosts"), FieldKind::EndToEnd);
        for claim in [
            "Forwarded",
            "X-Real-Ip",
            "x-forwarded-proto",
            "X-Forwarded-Host",
            "X-Forwarded-Port",
            "X-FORWARDED-PREFIX",
        ] {
            assert_eq!(FieldKind::of(claim.as_bytes()), FieldKind::ProxyClaim);
        }
        assert_eq!(FieldKind::of(b"x-forwarded-"), FieldKind::EndToEnd);
        assert_eq!(FieldKind::of(b"X-Forwarded-For"), FieldKind::ForwardedFor);
        assert_eq!(FieldKind::of(b"hoss"), FieldKind::EndToEnd);
        assert_eq!(FieldKind::of(b""), FieldKind::EndToEnd);
    }

    #[test]
    fn what_was_checked_at_the_head_never_comes_behind_the_body() {
        for name in [
            "Authorization",
            "COOKIE",
            "host",
            "Connection",
            "x-forwarded-for",
            "Content-Type",
        ] {
            assert!(!may_be_trailer(name.as_bytes()), "{name}");
        }
        for name in ["X_Forwarded_For", "Set_Cookie", "content_length"] {
            assert!(!may_be_trailer(name.as_bytes()), "{name}");
        }
        for name in ["grpc-status", "Digest", "X-Checksum", "Server-Timing"] {
            assert!(may_be_trailer(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_that_some_upstreams_take_for_others_are_seen() {
        for name in [
            "X_Forwarded_For",
            "x-forwarded_for",
            "X_FORWARDED_PROTO",
            "X_Forwarded-A_Very_Long_Name_Of_What_Some_Proxy_Says",
            "X_Real-IP",
            "x_request_id",
            "Content_Length",
            "Transfer_Encoding",
            "Proxy_Authorization",
        ] {
            assert_eq!(
                FieldKind::of(name.as_bytes()),
                FieldKind::LookAlike,
                "{name}"
            );
        }
        for name in ["_", "x_forwarded_", "X_Token", "snake_case", "_host"] {
            assert_eq!(
                FieldKind::of(name.as_bytes()),
                FieldKind::EndToEnd,
                "{name}"
            );
        }
        let long = "a_".repeat(100);
        assert_eq!(FieldKind::of(long.as_bytes()), FieldKind::EndToEnd);
    }

    #[test]
    fn trailers_that_are_named_go_and_the_others_stay() {
        let trailers = b"X-A: 1\r\nX_B: a:b\r\nX-C: 3\r\n";
        let left = |barred: &str| {
            let kept: Vec<&[u8]> = without_named(trailers, barred.as_bytes()).collect();
            String::from_utf8(kept.concat()).unwrap_or_default()
        };
        assert_eq!(left(""), "X-A: 1\r\nX_B: a:b\r\nX-C: 3\r\n");
        assert_eq!(left("close, x-b,, X-A"), "X-C: 3\r\n");
    }

    #[test]
    fn connection_options_are_read_as_a_list() {
        let mut options = ConnectionOptions::default();
        options.add(b" ,Keep-Alive , ");
        assert!(options.persists(0) && !options.names_fields);
        options.add(b"X-Secret, CLOSE");
        assert!(options.names_fields && !options.persists(1) && !options.persists(0));
        assert!(ConnectionOptions::default().persists(1));
        assert!(!ConnectionOptions::default().persists(0));
    }

    #[test]
    fn content_lengths_are_digits() {
        assert_eq!(content_length(b"0"), Some(0));
        assert_eq!(content_length(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            "",
            "+1",
            "-1",
            "1 ",
            "1,1",
            "0x1",
            "18446744073709551616",
            "1e3",
        ] {
            assert_eq!(content_length(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn bare_line_feeds_are_seen() {
        assert!(has_only_crlf(b"GET / HTTP/1.1\r\nA: b\r\n\r\n"));
        assert!(!has_only_crlf(b"GET / HTTP/1.1\nA: b\r\n\r\n"));
        assert!(!has_only_crlf(b"GET / HTTP/1.1\r\nA: b\r\n\n"));
        assert!(!has_only_crlf(b"\nGET / HTTP/1.1\r\n\r\n"));
    }

    #[test]
    fn a_span_that_lies_outside_is_empty() {
        let whole = b"abcdef";
        let part = whole.get(2..4).unwrap_or_default();
        assert_eq!(Span::of(part, whole).get(whole), b"cd");
        assert_eq!(Span::default().get(whole), b"");
        assert_eq!(Span { start: 4, end: 9 }.get(whole), b"");
    }
}
