//! Prepare: writes the head that the upstream sees.

use raftgate_actors::snapshot::{
    CompiledApi, CredentialForwarding, HeaderEdits, HostHeader, ListenPathForwarding,
};
use raftgate_model::api::{CredentialPlace, ForwardedOrigin, is_same_variable};

use super::header_values::HeaderValues;
use super::selected::Selected;
use crate::proxy::request::RequestView;
use crate::proxy::wire::body::{BodyLength, plain_length};
use crate::proxy::wire::cookie::{is_cookie_field, without};
use crate::proxy::wire::field::FieldKind;
use crate::proxy::wire::upgrade::write_websocket;

/// What the upstream is told when the client names no agent.
const USER_AGENT: &str = concat!("User-Agent: raftgate/", env!("CARGO_PKG_VERSION"), "\r\n");

/// Appends the upstream's version of the request's head to `out`.
///
/// Fields keep their order and their case. Those of one hop stay here, also the ones that `Connection` names
/// (RFC 9110 section 7.6.1); the length is said the way it was understood.
pub(crate) fn prepare(
    view: &RequestView<'_>,
    selected: &Selected,
    values: &HeaderValues<'_>,
    out: &mut Vec<u8>,
) {
    write_start(view, selected, out);
    let edits = selected.request_edits.as_deref();
    let is_dropped = |name: &str| edits.is_some_and(|edits| edits.drops(name.as_bytes()));
    write_fields(view, selected, out);
    if !is_dropped("x-forwarded-for") {
        write_forwarded_for(view, out);
    }
    if selected.api.forwarded_origin == ForwardedOrigin::Told {
        write_forwarded_origin(view, is_dropped, out);
    }
    if let Some(edits) = edits {
        write_set(edits, values, out);
    }
    out.extend_from_slice(b"X-Request-Id: ");
    out.extend_from_slice(view.request_id());
    out.extend_from_slice(b"\r\n");
    let facts = view.head().facts();
    if !facts.has_user_agent && !is_dropped("user-agent") {
        out.extend_from_slice(USER_AGENT.as_bytes());
    }
    if facts.accepts_trailers {
        out.extend_from_slice(b"TE: trailers\r\n");
    }
    if facts.body == BodyLength::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if view.head().asks_for_websocket() {
        write_websocket(out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Request line and `Host`, which alone depend on the target.
fn write_start(view: &RequestView<'_>, selected: &Selected, out: &mut Vec<u8>) {
    out.extend_from_slice(view.method());
    out.push(b' ');
    write_target(view, selected, out);
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    out.extend_from_slice(host(view, selected).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Turns a message whose head [`prepare`] wrote to the target that is selected by now.
pub(crate) fn redirect(view: &RequestView<'_>, selected: &Selected, message: &mut Vec<u8>) {
    let line_ends =
        |place: &usize| message.get(*place..place.saturating_add(2)) == Some(&b"\r\n"[..]);
    let second_line_end = (0..message.len()).filter(line_ends).nth(1);
    if let Some(end) = second_line_end {
        let mut start = Vec::new();
        write_start(view, selected, &mut start);
        message.splice(..end.saturating_add(2), start);
    }
}

/// The host that a transform sets, else the client's or the target's.
fn host<'r>(view: &RequestView<'r>, selected: &'r Selected) -> &'r str {
    let set = selected.request_edits.as_deref().and_then(|edits| {
        let mut set = edits.set.iter();
        let (_, template) = set.find(|(name, _)| is_host(name))?;
        template.literal()
    });
    let of_client = match selected.api.host_header {
        HostHeader::Target => None,
        HostHeader::Client => view.host(),
    };
    set.or(of_client)
        .unwrap_or_else(|| selected.target().host_header())
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("host")
}

/// The fields that a transform sets.
fn write_set(edits: &HeaderEdits, values: &HeaderValues<'_>, out: &mut Vec<u8>) {
    for (name, template) in edits.set.iter().filter(|(name, _)| !is_host(name)) {
        values.write(name, template, out);
    }
}

/// The places of a credential that ends here (Tyk's `strip_auth_data`).
fn hidden_credential(api: &CompiledApi) -> Option<&CredentialPlace> {
    let (place, forwarding) = api.access.credential()?;
    (forwarding == CredentialForwarding::Stripped).then_some(place)
}

/// The header in which an API takes its credential.
pub(crate) fn credential_header(api: &CompiledApi) -> Option<&str> {
    let (place, _) = api.access.credential()?;
    place.header.as_deref()
}

fn write_fields(view: &RequestView<'_>, selected: &Selected, out: &mut Vec<u8>) {
    let api = &*selected.api;
    let hidden = hidden_credential(api);
    let edits = selected.request_edits.as_deref();
    let hidden_headers = selected.names.hidden_headers();
    let ends_here = |name: &[u8]| {
        let mut headers = hidden_headers.iter().flatten();
        headers.any(|hidden| is_same_variable(name, hidden.as_bytes()))
            || edits.is_some_and(|edits| edits.drops(name))
    };
    // What was judged is the field of exactly this name, and an upstream may read another one as the same.
    let judged = credential_header(api).map(str::as_bytes);
    let imitates = |name: &[u8]| {
        judged.is_some_and(|judged| {
            is_same_variable(name, judged) && !name.eq_ignore_ascii_case(judged)
        })
    };
    let head = view.head();
    let names_fields = head.facts().connection.names_fields;
    for (kind, name, value) in head.fields() {
        let travels = match kind {
            FieldKind::EndToEnd | FieldKind::Date => {
                !(imitates(name)
                    || names_fields && head.is_named_by_connection(name)
                    || ends_here(name))
            }
            FieldKind::ContentLength => true,
            FieldKind::ProxyClaim => {
                view.peer().is_trusted()
                    && !(names_fields && head.is_named_by_connection(name) || ends_here(name))
            }
            FieldKind::UserAgent => !(value.is_empty() || ends_here(name)),
            // It opens the control API, which no upstream has to do with.
            FieldKind::ControlSecret => {
                judged.is_some_and(|judged| name.eq_ignore_ascii_case(judged))
                    && !(names_fields && head.is_named_by_connection(name) || ends_here(name))
            }
            FieldKind::Connection
            | FieldKind::Expect
            | FieldKind::ForwardedFor
            | FieldKind::HopByHop
            | FieldKind::Host
            | FieldKind::LookAlike
            | FieldKind::RequestId
            | FieldKind::Te
            | FieldKind::TransferEncoding
            | FieldKind::Upgrade => false,
        };
        let value = match kind {
            FieldKind::ContentLength => plain_length(value),
            _ => value,
        };
        match hidden {
            Some(place) if travels => write_stripped_field(place, name, value, out),
            None if travels => write_field(name, value, out),
            _ => {}
        }
    }
}

fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A field without the credential: the header goes whole, of `Cookie` only the one cookie.
fn write_stripped_field(place: &CredentialPlace, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if place.header.as_deref().is_some_and(is) {
        return;
    }
    let cookie = place.cookie.as_deref().filter(|_| is_cookie_field(name));
    match cookie.map(|cookie| without(value, cookie)) {
        None => write_field(name, value, out),
        Some(Some(kept)) => write_field(name, &kept, out),
        Some(None) => {}
    }
}

/// The client's query without the parameters that end here.
fn without_parameters(query: &str, hidden: [Option<&str>; 3]) -> String {
    let is_other = |part: &&str| {
        let decoded = form_urlencoded::parse(part.as_bytes()).next();
        decoded.is_none_or(|(name, _)| !hidden.contains(&Some(&*name)))
    };
    query
        .split('&')
        .filter(is_other)
        .collect::<Vec<_>>()
        .join("&")
}

/// The path and query that the upstream sees (`tyk_core` section 8 and case 90).
fn write_target(view: &RequestView<'_>, selected: &Selected, out: &mut Vec<u8>) {
    let (api, target) = (&*selected.api, selected.target());
    let base = target.path();
    let base = base.strip_suffix('/').unwrap_or(base);
    let path = view.path();
    let (kept, rest) = match api.forwarding {
        ListenPathForwarding::Keep => (selected.listen_path(path), selected.rest(path)),
        ListenPathForwarding::Strip | ListenPathForwarding::StripKeepingSlash => {
            ("", selected.rest(path))
        }
    };
    let keeps_slash = api.forwarding != ListenPathForwarding::Strip || base.is_empty();
    out.extend_from_slice(base.as_bytes());
    out.extend_from_slice(kept.as_bytes());
    match rest {
        "" if !kept.is_empty() => {}
        "" | "/" if keeps_slash => out.push(b'/'),
        "" | "/" => {}
        _ => out.extend_from_slice(rest.as_bytes()),
    }
    let of_credential = hidden_credential(api).and_then(|place| place.query.as_deref());
    let [of_api, of_version] = selected.names.hidden_parameters();
    let hidden = [of_credential, of_api, of_version];
    let client_query = view.head().query();
    let stripped = client_query
        .filter(|_| hidden != [None; 3])
        .map(|query| without_parameters(query, hidden));
    let client_query = stripped
        .as_deref()
        .or(client_query)
        .filter(|query| !query.is_empty());
    let queries = [target.query(), client_query];
    for (query, separator) in queries.into_iter().flatten().zip([b'?', b'&']) {
        out.push(separator);
        out.extend_from_slice(query.as_bytes());
    }
}

/// `X-Forwarded-For`: what a trusted proxy says with its own address behind it, else the peer alone.
fn write_forwarded_for(view: &RequestView<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"X-Forwarded-For: ");
    if view.peer().is_trusted() {
        let forwarded = view
            .head()
            .fields()
            .filter(|(kind, _, _)| *kind == FieldKind::ForwardedFor);
        for (_, _, value) in forwarded.filter(|(_, _, value)| !value.is_empty()) {
            out.extend_from_slice(value);
            out.extend_from_slice(b", ");
        }
    }
    out.extend_from_slice(view.peer().address_text().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `X-Forwarded-Host` and `X-Forwarded-Proto`: what a trusted proxy says, which [`write_fields`] has written, else what this
/// gateway was asked for.
fn write_forwarded_origin(
    view: &RequestView<'_>,
    is_dropped: impl Fn(&str) -> bool,
    out: &mut Vec<u8>,
) {
    let is_told = |name: &str| {
        let mut fields = view.head().fields();
        view.peer().is_trusted()
            && !view.head().is_named_by_connection(name.as_bytes())
            && fields.any(|(_, other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
    };
    let scheme = view.peer().scheme().as_str();
    for (name, value) in [
        ("X-Forwarded-Host", view.host()),
        ("X-Forwarded-Proto", Some(scheme)),
    ] {
        if let Some(value) = value.filter(|_| !is_told(name) && !is_dropped(name)) {
            write_field(name.as_bytes(), value.as_bytes(), out);
        }
    }
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
