//! The head of a request: parsed strictly, copied once, and with exactly one framing or refused.

use std::mem::MaybeUninit;

use super::body::BodyLength;
use super::cookie::{Cookie, cookies, is_cookie_field};
use super::field::{
    ConnectionOptions, Field, FieldKind, Span, content_length, has_only_crlf, list_members,
};
use super::target::{BadTarget, RequestTarget, is_host};
use super::upgrade::UpgradeOffer;

/// More fields than this are refused whatever the configured limit.
pub(crate) const FIELDS_CEILING: usize = 256;

/// Why a request's head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHead {
    /// Not the syntax of RFC 9112: bare line ends, folding, space before a colon, bad names and the like.
    Syntax,
    /// A version other than 1.0 and 1.1.
    Version,
    /// More bytes than allowed.
    TooLarge,
    /// More fields than allowed.
    TooManyFields,
    /// The request target.
    Target(BadTarget),
    /// `Host` is missing, repeated, no host, or not the authority of the target.
    Host,
    /// Two lengths, an unknown transfer coding, or a length that is no number.
    Framing,
    /// An expectation other than `100-continue`.
    Expectation,
}

/// Bounds of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    pub(crate) bytes_max: usize,
    pub(crate) fields_max: usize,
}

/// The head of one request; reused for the next one on the connection, so that a request allocates nothing here.
#[derive(Debug, Default)]
pub(crate) struct RequestHead {
    bytes: Vec<u8>,
    fields: Vec<Field>,
    method: Span,
    target: RequestTarget,
    host: Option<Span>,
    facts: RequestFacts,
}

/// What the fields say about the message as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RequestFacts {
    pub(crate) minor_version: u8,
    pub(crate) body: BodyLength,
    pub(crate) connection: ConnectionOptions,
    pub(crate) upgrade: UpgradeOffer,
    pub(crate) expects_continue: bool,
    pub(crate) accepts_trailers: bool,
    pub(crate) has_user_agent: bool,
    has_transfer_encoding: bool,
    has_content_length: bool,
}

impl RequestHead {
    /// Parses the head that `input` begins with; `None` when it is not complete yet, else how many bytes it takes.
    pub(crate) fn parse(
        &mut self,
        input: &[u8],
        limits: HeadLimits,
    ) -> Result<Option<usize>, BadHead> {
        let mut slots = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(input, &mut slots) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if input.len() >= limits.bytes_max => {
                return Err(BadHead::TooLarge);
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooManyFields),
            Err(httparse::Error::Version) if names_a_version(input) => {
                return Err(BadHead::Version);
            }
            Err(_) => return Err(BadHead::Syntax),
        };
        if length > limits.bytes_max {
            return Err(BadHead::TooLarge);
        }
        if request.headers.len() > limits.fields_max {
            return Err(BadHead::TooManyFields);
        }
        let head = input.get(..length).unwrap_or_default();
        if !has_only_crlf(head) {
            return Err(BadHead::Syntax);
        }
        self.take(head, &request)?;
        Ok(Some(length))
    }

    fn take(&mut self, head: &[u8], request: &httparse::Request<'_, '_>) -> Result<(), BadHead> {
        let target = request.path.unwrap_or_default().as_bytes();
        self.method = Span::of(request.method.unwrap_or_default().as_bytes(), head);
        self.host = None;
        self.facts = RequestFacts {
            minor_version: request.version.unwrap_or_default(),
            ..RequestFacts::default()
        };
        self.bytes.clear();
        self.bytes.extend_from_slice(head);
        self.fields.clear();
        for header in request.headers.iter() {
            let kind = FieldKind::of(header.name.as_bytes());
            let value = header.value;
            if kind != FieldKind::EndToEnd {
                self.note(kind, value, head)?;
            }
            self.fields.push(Field {
                name: Span::of(header.name.as_bytes(), head),
                value: Span::of(value, head),
                kind,
            });
        }
        // A CONNECT target has a form of its own; the method is refused later by its name.
        if request.method == Some("CONNECT") {
            self.target = RequestTarget::default();
        } else {
            self.target = RequestTarget::parse(target, head).map_err(BadHead::Target)?;
        }
        self.check_host()?;
        self.check_framing()
    }

    fn note(&mut self, kind: FieldKind, value: &[u8], head: &[u8]) -> Result<(), BadHead> {
        let facts = &mut self.facts;
        match kind {
            FieldKind::Host => {
                if self.host.is_some() || !is_host(value) {
                    return Err(BadHead::Host);
                }
                self.host = Some(Span::of(value, head));
            }
            FieldKind::ContentLength => {
                if facts.has_content_length {
                    return Err(BadHead::Framing);
                }
                facts.has_content_length = true;
                facts.body = BodyLength::Sized(content_length(value).ok_or(BadHead::Framing)?);
            }
            FieldKind::TransferEncoding => {
                if facts.has_transfer_encoding || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(BadHead::Framing);
                }
                facts.has_transfer_encoding = true;
            }
            FieldKind::Connection => facts.connection.add(value),
            FieldKind::Upgrade => facts.upgrade.add(value),
            FieldKind::Expect if facts.minor_version == 0 => {}
            FieldKind::Expect => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(BadHead::Expectation);
                }
                facts.expects_continue = true;
            }
            FieldKind::Te => {
                let is_trailers = |member: &[u8]| member.eq_ignore_ascii_case(b"trailers");
                facts.accepts_trailers |= list_members(value).any(is_trailers);
            }
            FieldKind::UserAgent => facts.has_user_agent |= !value.is_empty(),
            _ => {}
        }
        Ok(())
    }

    fn check_host(&self) -> Result<(), BadHead> {
        let host = self.host.map(|host| host.get(&self.bytes));
        let authority = self
            .target
            .authority
            .map(|authority| authority.get(&self.bytes));
        match (host, authority) {
            (None, _) if self.facts.minor_version >= 1 => Err(BadHead::Host),
            (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
                Err(BadHead::Host)
            }
            _ => Ok(()),
        }
    }

    fn check_framing(&mut self) -> Result<(), BadHead> {
        let facts = &mut self.facts;
        if facts.has_transfer_encoding {
            if facts.has_content_length || facts.minor_version == 0 {
                return Err(BadHead::Framing);
            }
            facts.body = BodyLength::Chunked;
        }
        Ok(())
    }

    /// Forgets the head, so that nothing of a malformed one is taken for a request's.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        self.method = Span::default();
        self.target = RequestTarget::default();
        self.host = None;
        self.facts = RequestFacts::default();
    }

    /// The method, as sent.
    pub(crate) fn method(&self) -> &[u8] {
        self.method.get(&self.bytes)
    }

    /// The path, never empty, percent-encoded as sent.
    pub(crate) fn path(&self) -> &str {
        let path = std::str::from_utf8(self.target.path.get(&self.bytes)).unwrap_or_default();
        if path.is_empty() { "/" } else { path }
    }

    /// The query without its question mark.
    pub(crate) fn query(&self) -> Option<&str> {
        self.target
            .query
            .and_then(|query| std::str::from_utf8(query.get(&self.bytes)).ok())
    }

    /// The host that the client asked for, with its port.
    pub(crate) fn host(&self) -> Option<&str> {
        let host = self.host.or(self.target.authority)?;
        std::str::from_utf8(host.get(&self.bytes)).ok()
    }

    /// What the fields say about the message as a whole.
    pub(crate) fn facts(&self) -> &RequestFacts {
        &self.facts
    }

    /// Whether the client asks to change to the WebSocket protocol: a GET without a body that says so to this hop
    /// (RFC 6455 section 4.1). Anything short of that is a plain request, whose `Upgrade` ends here.
    pub(crate) fn asks_for_websocket(&self) -> bool {
        let facts = &self.facts;
        facts.upgrade == UpgradeOffer::WebSocket
            && facts.connection.upgrade
            && facts.minor_version >= 1
            && matches!(facts.body, BodyLength::Empty | BodyLength::Sized(0))
            && self.method() == b"GET"
    }

    /// The fields in their order: kind, name and value.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (FieldKind, &[u8], &[u8])> {
        self.fields.iter().map(|field| {
            (
                field.kind,
                field.name.get(&self.bytes),
                field.value.get(&self.bytes),
            )
        })
    }

    /// The cookies of all `Cookie` fields, in their order.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = Cookie<'_>> {
        self.fields()
            .filter(|(_, name, _)| is_cookie_field(name))
            .flat_map(|(_, _, value)| cookies(value))
    }

    /// The value of the first field with this name, in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields()
            .find(|(_, candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, _, value)| value)
    }

    /// The values of the `Connection` fields: lists of what ends here.
    pub(crate) fn connection_values(&self) -> impl Iterator<Item = &[u8]> {
        self.fields()
            .filter(|(kind, _, _)| *kind == FieldKind::Connection)
            .map(|(_, _, value)| value)
    }

    /// Whether a `Connection` field names this field, which then ends here.
    pub(crate) fn is_named_by_connection(&self, name: &[u8]) -> bool {
        self.connection_values()
            .flat_map(list_members)
            .any(|member| member.eq_ignore_ascii_case(name))
    }
}

/// Whether a request line ends with a version of HTTP in its third word, so that only the version is wrong with it.
fn names_a_version(input: &[u8]) -> bool {
    let line = input.trim_ascii_start().split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default().trim_ascii_end();
    let mut words = line.split(|byte| *byte == b' ').skip(2);
    match (words.next(), words.next()) {
        (Some(version), None) => {
            let number = version.strip_prefix(b"HTTP/").unwrap_or_default();
            let is_of_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
            !number.is_empty() && number.iter().all(is_of_number)
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "request_head_tests.rs"]
mod tests;
