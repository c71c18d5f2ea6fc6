#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use std::net::SocketAddr;
use std::sync::Arc;

use raftgate_actors::snapshot::{Access, Balancer, GatewaySnapshot, OAuthAccess};
use raftgate_model::api::{ListenPath, OAuthSpec, Rotation, Target, TokenLifetimes};
use raftgate_model::id::ApiId;
use raftgate_model::oauth::grant_type::{GrantTypes, ResponseTypes};
use raftgate_model::time::Ttl;

use super::super::authorize::authorize;
use super::super::identify::{Identified, identify};
use super::*;
use crate::proxy::client_meta::ClientMeta;
use crate::proxy::request::Peer;
use crate::proxy::trust::TrustedProxies;
use crate::proxy::wire::request_head::{HeadLimits, RequestHead};

fn api(listen_path: &str, target: &str) -> Arc<CompiledApi> {
    Arc::new(plain(listen_path, target))
}

fn plain(listen_path: &str, target: &str) -> CompiledApi {
    CompiledApi::keyless(
        ApiId::new("a").unwrap(),
        ListenPath::parse(listen_path).unwrap(),
        Target::parse(target).unwrap(),
    )
}

fn prepared_from(trusted: &str, api: &Arc<CompiledApi>, text: &str) -> String {
    prepared_of(trusted, &Selected::whole(Arc::clone(api)), text)
}

fn prepared_of(trusted: &str, selected: &Selected, text: &str) -> String {
    let mut head = RequestHead::default();
    let limits = HeadLimits {
        bytes_max: 4096,
        fields_max: 100,
    };
    assert!(head.parse(text.as_bytes(), limits).unwrap().is_some());
    let trusted = TrustedProxies::new([trusted.parse().unwrap()]);
    let peer = Peer::new(SocketAddr::from(([192, 0, 2, 7], 5)), &trusted);
    let view = RequestView::new(&head, &peer, b"id-1");
    let Ok(Identified::Caller(caller)) =
        identify(&view, &selected.api, None, || peer.address().ip())
    else {
        panic!("a keyless API asks nobody who they are");
    };
    let permit = authorize(&GatewaySnapshot::default(), None, selected, caller, &view).unwrap();
    let values = HeaderValues {
        view: &view,
        permit: &permit,
        client_meta: &ClientMeta::known_to(None),
        trusted: &trusted,
    };
    let mut out = Vec::new();
    prepare(&view, selected, &values, &mut out);
    String::from_utf8(out).unwrap()
}

fn prepared(api: &Arc<CompiledApi>, text: &str) -> String {
    prepared_from("10.0.0.0/8", api, text)
}

fn target_of(api: &Arc<CompiledApi>, target: &str) -> String {
    let head = prepared(api, &format!("GET {target} HTTP/1.1\r\nHost: c\r\n\r\n"));
    head.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn the_rest_of_the_path_goes_behind_the_target_path() {
    let mut api = api("/l/", "http://u/base/");
    for (path, expected) in [
        ("/l", "/base"),
        ("/l/", "/base"),
        ("/l/x", "/base/x"),
        ("/l/x/", "/base/x/"),
        ("/l//x", "/base//x"),
        ("/l/%41%2Fb", "/base/%41%2Fb"),
        ("http://c/l/x", "/base/x"),
    ] {
        assert_eq!(target_of(&api, path), expected, "{path}");
    }
    Arc::get_mut(&mut api).unwrap().forwarding = ListenPathForwarding::StripKeepingSlash;
    assert_eq!(target_of(&api, "/l/"), "/base/");
    assert_eq!(target_of(&api, "/l/x"), "/base/x");
    Arc::get_mut(&mut api).unwrap().forwarding = ListenPathForwarding::Keep;
    assert_eq!(target_of(&api, "/l/x"), "/base/l/x");
    assert_eq!(target_of(&api, "/l/"), "/base/l/");
}

#[test]
fn a_target_without_path_is_the_root() {
    let api = api("/l", "http://u");
    assert_eq!(target_of(&api, "/l"), "/");
    assert_eq!(target_of(&api, "/l/"), "/");
    assert_eq!(target_of(&api, "/l/x"), "/x");
    assert_eq!(target_of(&super::tests::api("/", "http://u/"), "/"), "/");
    assert_eq!(
        target_of(&super::tests::api("/", "http://u/b"), "/x"),
        "/b/x"
    );
}

#[test]
fn the_query_of_the_target_comes_first() {
    let with_query = api("/l", "http://u/b?k=1");
    assert_eq!(target_of(&with_query, "/l/x?a=2&b"), "/b/x?k=1&a=2&b");
    assert_eq!(target_of(&with_query, "/l/x"), "/b/x?k=1");
    assert_eq!(target_of(&with_query, "/l/x?"), "/b/x?k=1");
    let without = api("/l", "http://u/b");
    assert_eq!(target_of(&without, "/l/x?a=%20?"), "/b/x?a=%20?");
    assert_eq!(target_of(&without, "/l/x?"), "/b/x");
}

#[test]
fn the_head_is_written_anew() {
    let head = prepared(
        &api("/", "http://up.example:81/"),
        "PUT /x HTTP/1.1\r\nhost: c\r\nAccept: a\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\n\
         Keep-Alive: 1\r\nProxy-Authorization: s\r\nProxy-Connection: y\r\nUpgrade: h2c\r\nTrailer: z\r\n\
         TE: gzip, trailers\r\nExpect: 100-continue\r\nContent-Length: 3\r\nX-Request-Id: theirs\r\n\
         X-Forwarded-For: 1.1.1.1\r\naccept: B\r\n\r\n",
    );
    assert_eq!(
        head,
        format!(
            "PUT /x HTTP/1.1\r\nHost: up.example:81\r\nAccept: a\r\nContent-Length: 3\r\naccept: B\r\n\
             X-Forwarded-For: 192.0.2.7\r\nX-Request-Id: id-1\r\n{USER_AGENT}TE: trailers\r\n\r\n"
        )
    );
}

#[test]
fn connection_cannot_take_the_length_or_our_own_fields_away() {
    let head = prepared(
        &api("/", "http://u/"),
        "PUT /x HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\n\
         Connection: content-length, host, x-forwarded-for, x-request-id, user-agent\r\n\
         User-Agent: mine\r\n\r\n",
    );
    for field in [
        "Content-Length: 3\r\n",
        "Host: u\r\n",
        "X-Forwarded-For: 192.0.2.7\r\n",
        "X-Request-Id: id-1\r\n",
    ] {
        assert!(head.contains(field), "{field} in {head}");
    }
}

#[test]
fn the_clients_host_goes_on_when_the_api_preserves_it() {
    let mut api = api("/", "http://u/");
    Arc::get_mut(&mut api).unwrap().host_header = HostHeader::Client;
    assert!(prepared(&api, "GET / HTTP/1.1\r\nHost: C:8\r\n\r\n").contains("Host: C:8\r\n"));
    assert!(prepared(&api, "GET / HTTP/1.0\r\n\r\n").contains("Host: u\r\n"));
}

#[test]
fn a_user_agent_is_added_only_where_there_is_none() {
    let api = api("/", "http://u/");
    let agent = |field: &str| prepared(&api, &format!("GET / HTTP/1.1\r\nHost: c\r\n{field}\r\n"));
    assert!(agent("").contains(USER_AGENT));
    assert!(agent("User-Agent:\r\n").contains(USER_AGENT));
    let given = agent("User-Agent: curl\r\n");
    assert!(given.contains("User-Agent: curl\r\n") && !given.contains("raftgate"));
}

#[test]
fn what_only_a_proxy_can_know_goes_on_from_trusted_proxies_only() {
    let api = api("/", "http://u/");
    let claims = [
        "Forwarded: for=1.1.1.1",
        "X-Real-IP: 1.1.1.1",
        "x-forwarded-proto: https",
        "X-Forwarded-Host: victim.example",
        "X-Forwarded-Port: 443",
    ];
    let text = format!(
        "GET / HTTP/1.1\r\nHost: c\r\nConnection: x-forwarded-port\r\n{}\r\n\r\n",
        claims.join("\r\n")
    );
    let untrusted = prepared_from("10.0.0.0/8", &api, &text);
    let trusted = prepared_from("192.0.2.0/24", &api, &text);
    for claim in claims {
        assert!(!untrusted.contains(claim), "{claim}");
        let is_for_us = claim.starts_with("X-Forwarded-Port");
        assert_eq!(trusted.contains(claim), !is_for_us, "{claim}");
    }
    assert!(!untrusted.contains("victim"));
}

#[test]
fn what_an_upstream_may_take_for_our_word_stays_here_whoever_says_it() {
    let api = api("/", "http://u/");
    let claims = [
        "X_Forwarded_Proto: https",
        "x-forwarded_for: 1.1.1.1",
        "X_Real_IP: 1.1.1.1",
        "X_Request_Id: theirs",
        "Content_Length: 7",
    ];
    let text = format!(
        "GET / HTTP/1.1\r\nHost: c\r\nsnake_case: s\r\n{}\r\n\r\n",
        claims.join("\r\n")
    );
    for trusted in ["10.0.0.0/8", "192.0.2.0/24"] {
        let head = prepared_from(trusted, &api, &text);
        for claim in claims {
            assert!(!head.contains(claim), "{claim} in {head}");
        }
        assert!(head.contains("snake_case: s\r\n"), "{head}");
        assert!(head.contains("X-Forwarded-For: 192.0.2.7\r\n"), "{head}");
    }
}

#[test]
fn forwarded_for_is_believed_from_trusted_proxies_only() {
    let api = api("/", "http://u/");
    let text =
        "GET / HTTP/1.1\r\nHost: c\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n\r\n";
    let untrusted = prepared_from("10.0.0.0/8", &api, text);
    assert!(untrusted.contains("X-Forwarded-For: 192.0.2.7\r\n"));
    let trusted = prepared_from("192.0.2.0/24", &api, text);
    assert!(trusted.contains("X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.7\r\n"));
}

#[test]
fn a_chunked_body_is_announced_as_one() {
    let head = prepared(
        &api("/", "http://u/"),
        "POST / HTTP/1.1\r\nHost: c\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    assert!(head.ends_with("Transfer-Encoding: chunked\r\n\r\n"));
    assert_eq!(head.matches("ransfer-").count(), 1);
}

fn stripping(place: CredentialPlace) -> Arc<CompiledApi> {
    let spec = OAuthSpec {
        credential: place,
        grant_types: GrantTypes::EMPTY,
        response_types: ResponseTypes::EMPTY,
        login_redirect: None,
        notifications: None,
        scopes: None,
        access_token_ttl_max: None,
    };
    let lifetimes = TokenLifetimes {
        access_token: Ttl::from_s(1),
        refresh_token: Ttl::from_s(1),
        auth_code: Ttl::from_s(1),
    };
    let access = OAuthAccess {
        spec,
        lifetimes,
        credential: CredentialForwarding::Stripped,
    };
    Arc::new(CompiledApi {
        access: Access::OAuth(Arc::new(access)),
        ..plain("/a", "http://up")
    })
}

fn stripped(api: &Arc<CompiledApi>, text: &str) -> String {
    let selected = Selected::whole(Arc::clone(api));
    let mut head = RequestHead::default();
    let limits = HeadLimits {
        bytes_max: 4096,
        fields_max: 100,
    };
    assert!(head.parse(text.as_bytes(), limits).unwrap().is_some());
    let view_of_target = |head: &RequestHead| {
        let peer = Peer::new(
            SocketAddr::from(([192, 0, 2, 7], 5)),
            &TrustedProxies::default(),
        );
        let view = RequestView::new(head, &peer, b"id-1");
        let mut out = Vec::new();
        write_target(&view, &selected, &mut out);
        out.push(b'\n');
        write_fields(&view, &selected, &mut out);
        String::from_utf8(out).unwrap()
    };
    view_of_target(&head)
}

#[test]
fn a_stripped_credential_never_reaches_the_upstream() {
    let place = CredentialPlace {
        header: Some("authorization".into()),
        query: Some("token".into()),
        cookie: Some("auth".into()),
    };
    let out = stripped(
        &stripping(place),
        "GET /a/x?b=1&token=Bearer%20s3cret&c=2 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer s3cret\r\nCookie: a=1; auth=Bearer s3cret; b=2\r\nX-Other: y\r\n\r\n",
    );
    assert!(!out.contains("s3cret"), "{out}");
    assert!(out.starts_with("/x?b=1&c=2\n"), "{out}");
    assert!(
        out.contains("Cookie: a=1; b=2\r\n") && out.contains("X-Other: y\r\n"),
        "{out}"
    );
}

#[test]
fn a_field_that_looks_like_the_judged_credential_stays_here() {
    let place = || CredentialPlace {
        header: Some("x-api-token".into()),
        query: None,
        cookie: None,
    };
    let text = "GET /a/x HTTP/1.1\r\nHost: h\r\nX-Api-Token: Bearer good\r\nX_Api_Token: Bearer other\r\nX_Api: y\r\n\r\n";
    let out = stripped(&stripping(place()), text);
    assert!(
        !out.contains("Bearer") && out.contains("X_Api: y\r\n"),
        "{out}"
    );
    let Access::OAuth(access) = &stripping(place()).access else {
        panic!("it is an OAuth API");
    };
    let forwarded = Arc::new(CompiledApi {
        access: Access::OAuth(Arc::new(OAuthAccess {
            spec: access.spec.clone(),
            lifetimes: access.lifetimes,
            credential: CredentialForwarding::Forwarded,
        })),
        ..plain("/a", "http://up")
    });
    let out = stripped(&forwarded, text);
    assert!(out.contains("good") && !out.contains("other"), "{out}");
}

#[test]
fn a_cookie_field_of_the_credential_alone_goes_whole() {
    let place = CredentialPlace {
        header: None,
        query: None,
        cookie: Some("auth".into()),
    };
    let out = stripped(
        &stripping(place),
        "GET /a/x?token=kept HTTP/1.1\r\nHost: h\r\nAuthorization: kept\r\nCookie: auth=s3cret\r\n\r\n",
    );
    assert!(!out.to_lowercase().contains("cookie"), "{out}");
    assert!(
        out.contains("Authorization: kept") && out.starts_with("/x?token=kept"),
        "{out}"
    );
}

#[test]
fn a_head_is_turned_to_another_target_and_keeps_the_rest() {
    let targets = ["http://u1/base?k=1", "http://u2:81/"].map(|text| Target::parse(text).unwrap());
    let rotation = Rotation::new(targets.to_vec()).unwrap();
    let balancer = Arc::new(Balancer::new(rotation, None));
    let api = Arc::new(CompiledApi {
        balancer: Some(Arc::clone(&balancer)),
        ..plain("/l/", "http://u1/base?k=1")
    });
    let text = "POST /l/x?y=z HTTP/1.1\r\nHost: c\r\nX-A: b\r\nContent-Length: 9\r\n\r\n";
    let mut selected = Selected::whole(api);
    let first = prepared_of("10.0.0.0/8", &selected, text);
    let start = "POST /base/x?k=1&y=z HTTP/1.1\r\nHost: u1\r\nX-A: b\r\n";
    assert!(first.starts_with(start), "{first}");
    let _ = balancer.next();
    selected.place = balancer.next().unwrap();
    let mut head = RequestHead::default();
    let limits = HeadLimits {
        bytes_max: 4096,
        fields_max: 100,
    };
    assert!(head.parse(text.as_bytes(), limits).unwrap().is_some());
    let trusted = TrustedProxies::new([]);
    let peer = Peer::new(SocketAddr::from(([192, 0, 2, 7], 5)), &trusted);
    let mut message = format!("{first}line 1\r\nline 2\r\n").into_bytes();
    redirect(
        &RequestView::new(&head, &peer, b"id-1"),
        &selected,
        &mut message,
    );
    let again = prepared_of("10.0.0.0/8", &selected, text);
    assert!(
        again.starts_with("POST /x?y=z HTTP/1.1\r\nHost: u2:81\r\n"),
        "{again}"
    );
    assert_eq!(
        String::from_utf8(message).unwrap(),
        format!("{again}line 1\r\nline 2\r\n")
    );
}
