//! Redirect URIs: whatever is registered and named, an answer goes where the client registered, and nowhere else.

use raftgate_model::oauth::redirect::{
    RedirectMatch, RegisteredUris, code_redirect, login_location, token_redirect,
};
use url::Url;

/// The first line is what a client registers, the second what a request names, the third its state.
pub(super) fn redirect_uris(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let (registered, named, state) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let Ok(uris) = RegisteredUris::parse(registered, ";") else {
        return;
    };
    for uri in uris.iter() {
        assert!(uris.allows(uri, RedirectMatch::Exact), "{uri}");
        assert!(uris.allows(uri, RedirectMatch::Prefix), "{uri}");
        answer_stays(uri, state);
    }
    for matching in [RedirectMatch::Exact, RedirectMatch::Prefix] {
        if uris.allows(named, matching) {
            let near = |uri: &str| is_near(uri, named, matching);
            assert!(uris.iter().any(near), "{named} is not among {registered}");
            answer_stays(named, state);
        }
    }
}

/// Whether a browser would take both for one place, as far as the matching says.
fn is_near(registered: &str, named: &str, matching: RedirectMatch) -> bool {
    let (registered, named) = (Url::parse(registered).unwrap(), Url::parse(named).unwrap());
    let is_loopback = matches!(named.host_str(), Some("127.0.0.1" | "[::1]"));
    let same_port = registered.port_or_known_default() == named.port_or_known_default();
    registered.scheme() == named.scheme()
        && registered.host_str() == named.host_str()
        && match matching {
            RedirectMatch::Exact => {
                registered.path() == named.path()
                    && registered.query() == named.query()
                    && (same_port || (is_loopback && named.scheme() == "http"))
            }
            RedirectMatch::Prefix => same_port && named.path().starts_with(registered.path()),
        }
}

/// The answer's URI leads to the same place, in one line, and the code is the one that was made.
fn answer_stays(uri: &str, state: &str) {
    let before = Url::parse(uri).unwrap();
    let location = code_redirect(uri, "c0de", Some(state)).unwrap();
    let after = same_place(&before, &location);
    let values = |name: &str| {
        let pairs = after.query_pairs().filter(|(known, _)| known == name);
        pairs
            .map(|(_, value)| value.into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(values("code"), ["c0de"], "{location}");
    if !state.is_empty() {
        assert_eq!(values("state"), [state], "{location}");
    }
    assert_eq!(after.fragment(), None, "{location}");
    let location = token_redirect(uri, &[("access_token", "t"), ("state", state)]).unwrap();
    let after = same_place(&before, &location);
    assert_eq!(after.query(), before.query(), "{location}");
    let pairs = form_urlencoded::parse(after.fragment().unwrap().as_bytes());
    let pairs: Vec<(String, String)> = pairs.into_owned().collect();
    assert_eq!(pairs[0], ("access_token".to_owned(), "t".to_owned()));
    // What a request says never moves the login page.
    same_place(
        &before,
        &login_location(uri, &[("state", state), ("redirect_uri", state)]),
    );
}

#[track_caller]
fn same_place(before: &Url, location: &str) -> Url {
    assert!(
        location.bytes().all(|byte| byte.is_ascii_graphic()),
        "{location:?}"
    );
    let after = Url::parse(location).unwrap();
    let place = |url: &Url| {
        let port = url.port_or_known_default();
        (
            url.scheme().to_owned(),
            url.host_str().map(str::to_owned),
            port,
            url.path().to_owned(),
        )
    };
    assert_eq!(place(before), place(&after));
    after
}
