//! What holds of the stages whatever a request says: who is found where, and that what ends here is not found behind it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an oracle stops at the first breach"
)]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raftgate_actors::snapshot::{
    Access, CompiledApi, CompiledRules, CompiledVersion, CompiledVersions, CredentialForwarding,
    GatewaySnapshot, KeyAccess, PathTable,
};
use raftgate_model::api::{
    CredentialPlace, ListenPath, NameForwarding, Target, UnknownVersion, VersionPlace,
    VersionSelector, is_same_variable,
};
use raftgate_model::id::{ApiId, OrgId};
use raftgate_model::session::readings;

use super::authorize::Permit;
use super::header_values::HeaderValues;
use super::identify::{basic, bearer, credential, key};
use super::prepare::prepare;
use super::selected::Selected;
use super::version::resolve;
use crate::credentials::Login;
use crate::proxy::client_meta::ClientMeta;
use crate::proxy::hostile::{FORWARDED, LIMITS, SEPARATOR, lines, named};
use crate::proxy::refusal::Refusal;
use crate::proxy::request::{Peer, RequestView};
use crate::proxy::trust::TrustedProxies;
use crate::proxy::wire::request_head::RequestHead;

/// Where the API takes its key.
static PLACE: LazyLock<CredentialPlace> = LazyLock::new(|| CredentialPlace {
    header: Some(Arc::from("x-key")),
    query: Some(Arc::from("key")),
    cookie: Some(Arc::from("key")),
});

fn plain_api() -> CompiledApi {
    CompiledApi::keyless(
        ApiId::new("a").unwrap(),
        ListenPath::parse("/").unwrap(),
        Target::parse("http://u/base").unwrap(),
    )
}

fn parsed(text: &[u8]) -> Option<RequestHead> {
    let mut head = RequestHead::default();
    matches!(head.parse(text, LIMITS), Ok(Some(_))).then_some(head)
}

/// The upstream's head of a request that was let through.
fn forwarded(view: &RequestView<'_>, selected: &Selected) -> (RequestHead, Vec<u8>) {
    let (permit, trusted) = (Permit::waived(), TrustedProxies::default());
    let values = HeaderValues {
        view,
        permit: &permit,
        client_meta: &ClientMeta::known_to(None),
        trusted: &trusted,
    };
    let mut out = Vec::new();
    prepare(view, selected, &values, &mut out);
    let mut head = RequestHead::default();
    let shown = String::from_utf8_lossy(&out);
    assert_eq!(head.parse(&out, FORWARDED), Ok(Some(out.len())), "{shown}");
    (head, out)
}

fn peer() -> Peer {
    Peer::new(
        SocketAddr::from(([192, 0, 2, 7], 5)),
        &TrustedProxies::default(),
    )
}

/// The parts are a query, two `Cookie` fields and the header's value.
pub(crate) fn request_credentials(input: &[u8]) {
    let mut parts = input.splitn(4, |byte| *byte == SEPARATOR);
    let mut part = || parts.next().unwrap_or_default();
    let mut text = [b"GET /x?", part(), b" HTTP/1.1\r\nHost: h\r\n"].concat();
    for name in [&b"Cookie: "[..], b"Cookie: ", b"X-Key: "] {
        text.extend_from_slice(&[name, part(), b"\r\n"].concat());
    }
    text.extend_from_slice(b"\r\n");
    let Some(head) = parsed(&text) else {
        return;
    };
    let peer = peer();
    let view = RequestView::new(&head, &peer, b"id");
    let found = credential(&view, &PLACE);
    if let Ok(text) = &found {
        assert!(!text.is_empty());
        words_of(text);
    }
    for forwarding in [
        CredentialForwarding::Stripped,
        CredentialForwarding::Forwarded,
    ] {
        let mut api = plain_api();
        api.access = Access::Token(Arc::new(KeyAccess {
            place: PLACE.clone(),
            credential: forwarding,
        }));
        let (behind, out) = forwarded(&view, &Selected::whole(Arc::new(api)));
        let behind = RequestView::new(&behind, &peer, b"id");
        let again = credential(&behind, &PLACE);
        let shown = String::from_utf8_lossy(&out);
        let fields = lines(&out);
        let alike = fields
            .iter()
            .filter(|(name, _)| is_same_variable(name.as_bytes(), b"x-key"));
        match forwarding {
            CredentialForwarding::Stripped => {
                assert_eq!(again, Err(Refusal::CredentialMissing), "{shown}");
                assert_eq!(alike.count(), 0, "{shown}");
            }
            // Who is behind the gateway sees the one that was judged.
            CredentialForwarding::Forwarded => {
                if !head.facts().connection.names_fields {
                    assert_eq!(again, found, "{shown}");
                }
                assert_eq!(alike.count(), named(&fields, "x-key").count(), "{shown}");
            }
        }
    }
}

/// What a credential is taken for.
fn words_of(text: &str) {
    if let Ok(token) = bearer(text) {
        assert!(!token.contains(' ') && text.contains(token));
        assert!(text[..6].eq_ignore_ascii_case("bearer"), "{text}");
    }
    assert!(text.ends_with(key(text)) || text.trim_end().ends_with(key(text)));
    if let Ok(Login { name, password }) = basic(text) {
        let encoded = text.split(' ').nth(1).unwrap();
        let pair = format!("{name}:{}", password.expose());
        assert_eq!(STANDARD.encode(&pair), encoded, "{text}");
        assert_eq!(pair.matches(':').count(), 1, "{text}");
    }
    let readings = readings(&OrgId::default(), key(text));
    assert!(readings.len() <= 4, "{text}");
    assert!(readings.iter().all(|(_, id)| (3..=256).contains(&id.len())));
}

fn version(name: &str) -> Arc<CompiledVersion> {
    fn nothing<T>() -> PathTable<T> {
        PathTable {
            everywhere: None,
            paths: Box::default(),
        }
    }
    Arc::new(CompiledVersion {
        name: Some(Arc::from(name)),
        expires: None,
        target: None,
        access: None,
        request_headers: nothing(),
        response_headers: nothing(),
        timeouts: nothing(),
        sizes: nothing(),
    })
}

/// An API with the versions `v1` and `v2`, whose names the upstream does not see.
fn versioned(place: VersionPlace, unknown: UnknownVersion) -> Arc<CompiledApi> {
    let versions = ["v1", "v2"].map(|name| (Arc::from(name), version(name)));
    let mut api = plain_api();
    api.rules = Some(Arc::new(CompiledRules {
        expires: None,
        ip_access: None,
        cors: None,
        version_apis: None,
        versions: CompiledVersions::Named {
            selector: VersionSelector {
                place,
                forwarding: NameForwarding::Stripped,
                default: matches!(unknown, UnknownVersion::Default).then(|| Arc::from("v1")),
                unknown,
            },
            versions: versions.into_iter().collect(),
        },
    }));
    Arc::new(api)
}

/// A byte that chooses place and strictness; then a path, a query and the values of `X-Version` fields.
pub(crate) fn request_versions(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    let place = match choice & 3 {
        0 => VersionPlace::Header(Arc::from("x-version")),
        1 => VersionPlace::Query(Arc::from("ver")),
        2 => VersionPlace::Path(None),
        _ => VersionPlace::Nowhere,
    };
    let unknown = match choice & 4 {
        0 => UnknownVersion::Refused,
        _ => UnknownVersion::Default,
    };
    let api = versioned(place, unknown);
    let mut parts = rest.split(|byte| *byte == SEPARATOR);
    let (path, query) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let mut text = [b"GET /", path, b"?", query, b" HTTP/1.1\r\nHost: h\r\n"].concat();
    for value in parts {
        text.extend_from_slice(&[b"X-Version: ", value, b"\r\n"].concat());
    }
    text.extend_from_slice(b"\r\n");
    let Some(head) = parsed(&text) else {
        return;
    };
    let peer = peer();
    let view = RequestView::new(&head, &peer, b"id");
    let snapshot = GatewaySnapshot::default();
    let Ok(selected) = resolve(&snapshot, &api, &view) else {
        return;
    };
    let name = selected.version_name().unwrap();
    assert!(matches!(name, "v1" | "v2"), "{name}");
    let rest = selected.rest(view.path());
    assert!(rest.is_empty() || rest.starts_with('/'), "{rest}");
    assert!(view.path().ends_with(rest));
    let (behind, out) = forwarded(&view, &selected);
    let shown = String::from_utf8_lossy(&out);
    assert!(behind.path().starts_with("/base"), "{shown}");
    // By the same reading, the upstream is told no name.
    let behind = RequestView::new(&behind, &peer, b"id");
    for field in selected.names.hidden_headers().into_iter().flatten() {
        let fields = lines(&out);
        let mut names = fields.iter().map(|(name, _)| name.as_bytes());
        assert!(
            !names.any(|name| is_same_variable(name, field.as_bytes())),
            "{shown}"
        );
    }
    for parameter in selected.names.hidden_parameters().into_iter().flatten() {
        let query = behind.head().query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        assert!(!pairs.any(|(name, _)| name == parameter), "{shown}");
    }
}
