//! Parameters of path segments (`;x`, RFC 3986 section 3.3), which Tomcat, Jetty and others take off before they look for a
//! resource: they open nothing that is closed without them, and lead nowhere that the gateway did not see.

use serde_json::json;

use crate::api_keys::KeyApi;
use crate::attacks_on_redirects::assert_prefix_is_not_left;
use crate::harness::{Answer, Node, keyless_api, merge, oauth_api};
use crate::path_rules::assert_forbidden;
use crate::rules::{RuledApi, extended_paths, in_both_styles, single_version};
use crate::wire::Wire;
use crate::world::{OAuthApi, REDIRECT, World, text, unique};

/// Dot segments for whoever takes parameters off.
const DOTS: [&str; 9] = [
    "/public/..;/orders",
    "/public/..;x=y/orders",
    "/public/.;/orders",
    "/public/%2e%2e%3bx/orders",
    "/public/.%2E%3B/orders",
    "/public/..%3b",
    "/public%2f..;/orders",
    "/public/;x/..;/orders",
    "/ok/..;/..;/..;/manager",
];

fn assert_dots_refused(send: impl Fn(&str) -> Answer) {
    for path in DOTS {
        let answer = send(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
    }
}

/// A definition's field with lists of each kind.
fn lists() -> serde_json::Value {
    single_version(extended_paths(json!({
        "ignored": [{"path": "/public", "method": "GET"}, {"path": "/.*\\.css$", "method": "GET"}],
        "black_list": [{"path": "/admin", "method": "GET"}]
    })))
}

#[test]
fn dots_with_parameters_are_dot_segments() {
    in_both_styles(|world, style| {
        let keyless = RuledApi::new(world, style, json!({}));
        assert_dots_refused(|path| keyless.get(path));
        let oauth = OAuthApi::with(world, style, lists());
        let token = oauth.access_token();
        let bearer = format!("Bearer {token}");
        for headers in [&[][..], &[("authorization", bearer.as_str())]] {
            assert_dots_refused(|path| world.node.client().get(&oauth.url(path), headers));
        }
        // Names that only begin so, and parameters that look so, go on as they came.
        for path in ["/a..;/b", "/...;/b", "/a;x=../b", "/a;../b"] {
            let seen = keyless.get(path).expect_status(200).json();
            assert_eq!(text(&seen, "target"), path);
        }
    });
}

#[test]
fn parameters_evade_no_closed_path_and_free_no_path_of_its_credential() {
    in_both_styles(|world, style| {
        let closed = RuledApi::new(world, style, lists());
        for path in [
            "/admin",
            "/;x/admin",
            "/admin;x",
            "/admin;x/users",
            "/;/admin",
            "/%3bx/admin",
            "/;x=a%2fb/admin",
            "//;x//admin",
        ] {
            assert_forbidden(&closed, &closed.get(path));
        }
        closed.get("/x;/admin").expect_status(200);
        let oauth = OAuthApi::with(world, style, lists());
        let get = |path: &str| world.node.client().get(&oauth.url(path), &[]);
        for open in [
            "/public",
            "/public;v=1",
            "/public/x;v=1/y",
            "/a.css",
            "/a.css;v=1.css",
        ] {
            get(open).expect_status(200);
        }
        for path in [
            "/orders;x.css",
            "/orders%3bx.css",
            "/;x/public.css/orders",
            "/;x/../a.css",
        ] {
            let status = get(path).status;
            assert!(matches!(status, 400 | 401 | 403), "{path}: {status}");
        }
    });
}

#[test]
fn parameters_widen_no_list_of_open_paths() {
    in_both_styles(|world, style| {
        let open = json!({"white_list": [{"path": "/[a-z.;]+\\.css$", "method": "GET"}, {"path": "/a", "method": "GET"}]});
        let api = RuledApi::of_version(world, style, extended_paths(open));
        api.get("/a;x/b").expect_status(200);
        assert_forbidden(&api, &api.get("/;x/b"));
        let plain = json!({"white_list": [{"path": "/.*\\.css$", "method": "GET"}]});
        let api = RuledApi::of_version(world, style, extended_paths(plain));
        api.get("/x.css").expect_status(200);
        assert_forbidden(&api, &api.get("/orders;x.css"));
    });
}

#[test]
fn parameters_widen_no_right_to_paths() {
    in_both_styles(|world, style| {
        let api = KeyApi::new(world, style, json!({}));
        let urls = json!([
            {"url": "/ok", "methods": ["GET"]}, {"url": "/.*\\.css$", "methods": ["GET"]}
        ]);
        let key = api.key(json!({"access_rights": {api.id.as_str(): {"allowed_urls": urls}}}));
        let with = [("authorization", key.as_str())];
        for path in ["/ok", "/ok;v=1", "/ok/x;v=1", "/a.css"] {
            api.get(path, &with).expect_status(200);
        }
        for path in [
            "/admin",
            "/admin;x.css",
            "/admin%3bx.css",
            "/;/ok",
            "/;x/admin",
        ] {
            let answer = api.get(path, &with);
            assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        }
        let answer = api.get("/ok/..;/admin", &with);
        assert_eq!(answer.status, 400, "{}", answer.text());
    });
}

/// What a deeper API asks of its callers is evaded at none that stands above it: no spelling leads past it.
#[test]
fn no_spelling_of_a_path_slips_past_the_api_that_it_is_of() {
    let node = Node::start();
    let world = World::of(node);
    let target = world.upstream.url("/");
    world.node.create_api(&keyless_api("open", "/", &target));
    world
        .node
        .create_api(&keyless_api("part", "/part", &target));
    for (id, path) in [("closed", "/orders"), ("below", "/part/orders")] {
        world.node.create_api(&oauth_api(id, path, &target));
    }
    let ask = |target: &str| {
        let mut wire = Wire::connect(world.node.gateway());
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: g\r\n\r\n"));
        let (head, body) = wire.answer();
        (head.status, body)
    };
    for closed in ["/orders", "/orders/7", "/part/orders", "/part/orders/"] {
        assert_eq!(ask(closed).0, 401, "{closed}");
    }
    let before = world.upstream.received().len();
    for slips in [
        "/orders;x/",
        "/orders;x",
        "/orders;/7",
        "/;x/orders/7",
        "/orders%3bx/7",
        "/%6frders/7",
        "/%4frders/..;/orders",
        "//orders/7",
        "/%2forders",
        "/\\orders/7",
        "/orders%2f7",
        "/orders;a%2fb/7",
        "/part/orders;x/7",
        "/part//orders",
        "/part;x/orders",
        "/part;x/map",
        "/part%2forders",
        "/p%61rt/orders/7",
        "http://g/orders;x/7",
    ] {
        let (status, body) = ask(slips);
        assert_eq!(
            (status, body.contains("invalid_request")),
            (400, true),
            "{slips}: {body}"
        );
    }
    assert_eq!(world.upstream.received().len(), before, "none came through");
    // What no other API could be meant by goes on as it came.
    for path in [
        "/ordersx;y",
        "/map;zoom=3/orders",
        "/a%20b//c",
        "/x%2forders",
        "/part//x;y",
        "/%4frders",
    ] {
        let (status, body) = ask(path);
        assert_eq!(status, 200, "{path}: {body}");
    }
    let token = {
        let policy = crate::harness::policy("orders", &["closed"]);
        world.node.create_policy(&policy);
        let client = json!({"api_id": "closed", "policy_id": "orders", "redirect_uri": REDIRECT});
        let client = world.node.create_client(&client);
        let form = [("grant_type", "client_credentials")];
        let url = world.node.gateway_url("/orders/oauth/token");
        let headers = [("authorization", client.basic())];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let answer = world.node.client().post_form(&url, &headers, &form);
        text(&answer.expect_status(200).json(), "access_token")
    };
    // Behind its own listen path an API takes what it is asked for.
    let bearer = format!("Bearer {token}");
    for path in ["/orders/7;x/y", "/orders//7", "/orders/a%20b"] {
        let url = world.node.gateway_url(path);
        let headers = [("authorization", bearer.as_str())];
        let answer = world.node.client().get(&url, &headers);
        answer.expect_status(200);
    }
}

#[test]
fn a_limit_of_a_path_holds_with_parameters_too() {
    in_both_styles(|world, style| {
        let sizes = json!({"size_limits": [{"path": "/small", "method": "POST", "size_limit": 1}]});
        let api = RuledApi::of_version(world, style, extended_paths(sizes));
        for path in ["/small", "/small;x", "/;x/small"] {
            let url = api.url(path);
            let answer = world.node.client().send("POST", &url, &[], b"too much");
            assert!(
                matches!(answer.status, 400 | 413),
                "{path}: {}",
                answer.status
            );
        }
    });
}

/// Raw, with a target in absolute form, and as a pattern that matches anywhere.
#[test]
fn what_a_client_would_not_write_is_refused_too() {
    let node = Node::builder()
        .configuration("[compat]\nunanchored_paths = true")
        .start();
    let world = World::of(node);
    let id = unique("raw");
    let mut definition = keyless_api(&id, &format!("/{id}/"), &world.upstream.url("/base/"));
    merge(&mut definition, lists());
    world.node.create_api(&definition);
    for (target, status) in [
        (format!("/{id}/public/..;/orders"), 400),
        (format!("http://g/{id}/public/..;/orders"), 400),
        (format!("/{id}/public\\..;/orders"), 400),
        (format!("/{id}/x/admin;x"), 403),
        (format!("/{id}/x/ad;y/;x/admin"), 403),
        (format!("/{id}/admi;n"), 200),
    ] {
        let mut wire = Wire::connect(world.node.gateway());
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: g\r\n\r\n").as_bytes());
        assert_eq!(wire.answer().0.status, status, "{target}");
    }
}

#[test]
fn a_prefix_of_redirect_uris_is_not_left_by_parameters() {
    let named = [
        "http://client2.oauth.com/cb/..;/x",
        "http://client2.oauth.com/cb/..;y=z/x",
        "http://client2.oauth.com/cb/.;/x",
        "http://client2.oauth.com/cb/..%3b/x",
        "http://client2.oauth.com/cb/a/..;/..;/x",
    ];
    assert_prefix_is_not_left("http://client2.oauth.com/cb", &named);
}
