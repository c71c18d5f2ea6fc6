//! Versions of an API: named in a header, a parameter or the path, inside one definition or as APIs of their own.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::{Answer, Style, merge, policy};
use crate::rules::{RuledApi, definition, in_both_styles};
use crate::wire::Wire;
use crate::world::{OAuthApi, World, echoed, text, unique};

const UNKNOWN: ((u16, &str), (u16, &str)) = (
    (403, "access_denied"),
    (403, "This API version does not seem to exist"),
);
const MISSING: ((u16, &str), (u16, &str)) = (
    (403, "access_denied"),
    (403, "Version information not found"),
);
const EXPIRED: ((u16, &str), (u16, &str)) = (
    (403, "access_denied"),
    (
        403,
        "Api Version has expired, please check documentation or contact administrator",
    ),
);

/// Three versions: v1 without end, v2 with one to come, old that is over.
pub(crate) fn versions(definition: Value) -> Value {
    json!({
        "definition": definition,
        "version_data": {"not_versioned": false, "versions": {
            "v1": {"name": "v1"},
            "v2": {"name": "v2", "expires": "2999-01-02 03:04"},
            "old": {"name": "old", "expires": "2006-01-02 15:04"}
        }}
    })
}

fn target(answer: &Answer) -> String {
    text(&answer.json(), "target")
}

#[test]
fn a_version_in_a_header_is_known_unknown_expired_or_missing_case_53() {
    in_both_styles(|world, style| {
        let rules = versions(json!({"location": "header", "key": "Version"}));
        let api = RuledApi::new(world, style, rules);
        let ask = |version: &str| api.send("GET", "/x", &[("version", version)]);
        let plain = ask("v1").expect_status(200);
        assert_eq!(plain.header("x-tyk-api-expires"), "");
        assert_eq!(echoed(&plain.json(), "version"), ["v1"]);
        let ending = ask("v2").expect_status(200);
        assert_eq!(
            ending.header("x-tyk-api-expires"),
            "Wed, 02 Jan 2999 03:04:00 UTC"
        );
        let over = ask("old");
        api.assert_refused(&over, EXPIRED.0, EXPIRED.1);
        assert_eq!(
            over.header("x-tyk-api-expires"),
            "Mon, 02 Jan 2006 15:04:00 UTC"
        );
        for unknown in ["v3", "V1", "v1 ", "v1,v1"] {
            let answer = ask(unknown);
            if unknown.trim() == "v1" {
                answer.expect_status(200);
            } else {
                api.assert_refused(&answer, UNKNOWN.0, UNKNOWN.1);
            }
        }
        let twice = api.send("GET", "/x", &[("version", "v1"), ("version", "v2")]);
        api.assert_refused(&twice, UNKNOWN.0, UNKNOWN.1);
        api.assert_refused(&api.get("/x"), MISSING.0, MISSING.1);
    });
}

#[test]
fn the_name_of_a_version_is_stripped_where_it_is_said_so() {
    in_both_styles(|world, style| {
        let strip = json!({"location": "header", "key": "version", "strip_versioning_data": true});
        let api = RuledApi::new(world, style, versions(strip));
        let seen = api.send("GET", "/x", &[("Version", "v1")]).json();
        assert_eq!(echoed(&seen, "version"), Vec::<&str>::new());

        let strip = json!({"location": "url-param", "key": "v", "strip_versioning_data": true});
        let api = RuledApi::new(world, style, versions(strip));
        let seen = api.get("/x?a=1&v=v1&b=2").expect_status(200);
        assert_eq!(target(&seen), "/x?a=1&b=2");
        api.assert_refused(&api.get("/x?a=1"), MISSING.0, MISSING.1);

        let strip = json!({"location": "url", "strip_path": true});
        let api = RuledApi::new(world, style, versions(strip));
        assert_eq!(target(&api.get("/v1/x/y").expect_status(200)), "/x/y");
        assert_eq!(target(&api.get("/v1").expect_status(200)), "/");
        api.assert_refused(&api.get("/x/v1"), UNKNOWN.0, UNKNOWN.1);
        api.assert_refused(&api.get("/"), MISSING.0, MISSING.1);

        let kept = RuledApi::new(world, style, versions(json!({"location": "url"})));
        assert_eq!(target(&kept.get("/v1/x").expect_status(200)), "/v1/x");
    });
}

#[test]
fn a_default_version_and_falling_back_to_it() {
    in_both_styles(|world, style| {
        let with_default = |definition: Value| {
            let mut rules = versions(definition);
            rules["version_data"]["default_version"] = json!("v2");
            RuledApi::new(world, style, rules)
        };
        let strict = with_default(json!({"location": "url-param", "key": "v"}));
        let answer = strict.get("/x").expect_status(200);
        assert!(!answer.header("x-tyk-api-expires").is_empty(), "v2 has one");
        strict.assert_refused(&strict.get("/x?v=v9"), UNKNOWN.0, UNKNOWN.1);

        let lax = with_default(json!({
            "location": "url", "strip_path": true, "fallback_to_default": true,
            "url_versioning_pattern": "^v[0-9]+$"
        }));
        assert_eq!(target(&lax.get("/v1/x").expect_status(200)), "/x");
        assert_eq!(target(&lax.get("/v9/x").expect_status(200)), "/x");
        assert_eq!(target(&lax.get("/vans/x").expect_status(200)), "/vans/x");
        let plain = json!({"location": "url", "strip_path": true, "fallback_to_default": true});
        let plain = with_default(plain);
        assert_eq!(target(&plain.get("/pets/x").expect_status(200)), "/pets/x");
    });
}

#[test]
fn a_version_may_have_a_target_of_its_own() {
    in_both_styles(|world, style| {
        let mut rules = versions(json!({"location": "header", "key": "version"}));
        let other = world.upstream.url("/other/");
        rules["version_data"]["versions"]["v1"]["override_target"] = json!(other);
        let api = RuledApi::new(world, style, rules);
        let of = |version: &str| target(&api.send("GET", "/x", &[("version", version)]));
        assert_eq!(
            (of("v1"), of("v2")),
            ("/other/x".to_owned(), "/x".to_owned())
        );
    });
}

#[test]
fn a_token_opens_the_versions_that_its_rights_name_case_53() {
    in_both_styles(|world, style| {
        let rules = versions(json!({"location": "header", "key": "version"}));
        let api = OAuthApi::with(world, style, rules);
        let mut rights = policy(&api.policy_id(), &[&api.id]);
        rights["access_rights"][&api.id]["versions"] = json!(["v1"]);
        world.node.create_policy(&rights);
        let token = api.access_token();
        let call = |version: &str| {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("version", version)];
            world.node.client().get(&api.url("/x"), &headers)
        };
        call("v1").expect_status(200);
        api.assert_call_refused(
            &call("v2"),
            (403, "insufficient_scope"),
            (403, "Access to this API has been disallowed"),
        );
        // What there is not is told before anybody is asked who they are.
        assert_eq!(call("v9").status, 403);
    });
}

#[test]
fn versions_may_be_apis_of_their_own_case_54() {
    in_both_styles(|world, style| {
        let (base, second) = (unique("base"), unique("second"));
        let versioning = |more: Value| {
            let mut versioning = json!({
                "enabled": true, "name": "v1", "default": "v1", "location": "url-param", "key": "version",
                "versions": {"v2": second, "gone": "no-such-api"}
            });
            merge(&mut versioning, more);
            json!({ "definition": versioning })
        };
        let own = json!({"proxy": {
            "listen_path": format!("/{second}/"), "target_url": world.upstream.url("/second"),
            "strip_listen_path": true
        }});
        let node = &world.node;
        node.create_api(&definition(world, &second, style, own));
        node.create_api(&definition(world, &base, style, versioning(json!({}))));
        let get = |query: &str| {
            let url = node.gateway_url(&format!("/{base}/x{query}"));
            node.client().get(&url, &[])
        };
        assert_eq!(target(&get("").expect_status(200)), "/x");
        assert_eq!(target(&get("?version=v1")), "/x?version=v1");
        assert_eq!(target(&get("?version=v2")), "/second/x?version=v2");
        for unknown in ["?version=notFound", "?version=gone"] {
            let rfc = (404, "not_found");
            crate::rules::assert_refused(style, &get(unknown), rfc, (404, UNKNOWN.1.1));
        }
        let lax = versioning(json!({"fallback_to_default": true, "strip_versioning_data": true}));
        node.create_api(&definition(world, &base, style, lax));
        assert_eq!(target(&get("?version=notFound").expect_status(200)), "/x");
        assert_eq!(target(&get("?version=v2")), "/second/x");
        let by_path = versioning(json!({"location": "url", "strip_versioning_data": true}));
        node.create_api(&definition(world, &base, style, by_path));
        let url = node.gateway_url(&format!("/{base}/v2/y"));
        assert_eq!(target(&node.client().get(&url, &[])), "/second/y");
    });
}

#[test]
fn the_names_of_both_versions_are_stripped_where_an_api_of_versions_has_its_own() {
    in_both_styles(|world, style| {
        let header = |name: &str| json!({"location": "header", "key": name});
        let query = |name: &str| json!({"location": "url-param", "key": name});
        for (mut outer, mut inner, target_seen, headers_seen) in [
            (header("x-outer"), query("v"), "?outer=other&a=1", "-V"),
            (query("outer"), header("x-v"), "?a=1&v=v1", "O-"),
            (
                header("x-outer"),
                header("x-v"),
                "?outer=other&a=1&v=v1",
                "--",
            ),
            (query("outer"), query("v"), "?a=1", "OV"),
        ] {
            let (base, second) = (unique("base"), unique("second"));
            inner["strip_versioning_data"] = json!(true);
            let mut own = versions(inner);
            own["proxy"] = json!({
                "listen_path": format!("/{second}/"), "target_url": world.upstream.url("/second"),
                "strip_listen_path": true
            });
            let versioning = json!({
                "enabled": true, "name": "v1", "default": "v1", "strip_versioning_data": true,
                "versions": {"other": second}
            });
            merge(&mut outer, versioning);
            let node = &world.node;
            node.create_api(&definition(world, &second, style, own));
            let outer = json!({"definition": outer});
            node.create_api(&definition(world, &base, style, outer));
            let url = node.gateway_url(&format!("/{base}/x?outer=other&a=1&v=v1"));
            let names = [("x-outer", "other"), ("x-v", "v1")];
            let answer = node.client().get(&url, &names).expect_status(200);
            assert_eq!(target(&answer), format!("/second/x{target_seen}"));
            let seen = |name: &str, letter| match echoed(&answer.json(), name).is_empty() {
                true => '-',
                false => letter,
            };
            let headers: String = [seen("x-outer", 'O'), seen("x-v", 'V')].iter().collect();
            assert_eq!(headers, headers_seen, "{target_seen}");
        }
    });
}

/// Whoever has a right to one version alone names it where this gateway looks, and another one where its upstream might.
#[test]
fn what_names_two_versions_names_none() {
    in_both_styles(|world, style| {
        for strips in [false, true] {
            let place = |location: &str, key: &str| json!({"location": location, "key": key, "strip_versioning_data": strips});
            let api = RuledApi::new(world, style, versions(place("url-param", "v")));
            for query in ["v=v1&v=v2", "v=&v=v2", "v=v1&a=1&%76=v1"] {
                let answer = api.get(&format!("/x?{query}"));
                api.assert_refused(&answer, UNKNOWN.0, UNKNOWN.1);
            }
            api.get("/x?v=v1&V=v2").expect_status(200);
            let api = RuledApi::new(world, style, versions(place("header", "Api-Version")));
            for other in ["api_version", "API-version", "Api_Version"] {
                let named = [("api-version", "v1"), (other, "v2")];
                let answer = api.send("GET", "/x", &named);
                api.assert_refused(&answer, UNKNOWN.0, UNKNOWN.1);
            }
            let answer = api.send("GET", "/x", &[("api_version", "v2")]);
            api.assert_refused(&answer, UNKNOWN.0, UNKNOWN.1);
        }
    });
}

#[test]
fn the_name_of_a_version_comes_behind_the_body_no_more_than_before_it() {
    let world = World::shared();
    for strips in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = json!({"location": "header", "key": "x-v", "strip_versioning_data": strips});
        let id = unique("trailed");
        let mut api = definition(&world, &id, Style::Rfc, versions(place));
        let target = format!("http://{}/", listener.local_addr().unwrap());
        api["proxy"]["target_url"] = json!(target);
        world.node.create_api(&api);
        let mut client = Wire::connect(world.node.gateway());
        client.send(format!(
            "POST /{id}/x HTTP/1.1\r\nHost: g\r\nX-V: v1\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\nX-V: v2\r\nx_v: v2\r\nX-Kept: 1\r\n\r\n"
        ));
        let mut upstream = Wire::accept(&listener);
        let head = upstream.take_through(b"\r\n\r\n").to_ascii_lowercase();
        let trailers = upstream.take_through(b"\r\n\r\n").to_ascii_lowercase();
        assert_eq!(String::from_utf8_lossy(&trailers), "0\r\nx-kept: 1\r\n\r\n");
        let named = String::from_utf8_lossy(&head).matches("x-v: v1").count();
        assert_eq!(named, usize::from(!strips));
    }
}

#[test]
fn an_api_that_has_expired_serves_nothing_and_one_that_will_says_when() {
    in_both_styles(|world, style| {
        let over = RuledApi::new(world, style, json!({"expiration": "2006-01-02 15:04"}));
        over.assert_refused(
            &over.get("/x"),
            (403, "access_denied"),
            (
                403,
                "API has expired, please check documentation or contact administrator",
            ),
        );
        let ending = RuledApi::new(world, style, json!({"expiration": "2999-01-02 15:04"}));
        let answer = ending.get("/x").expect_status(200);
        assert_eq!(
            answer.header("x-tyk-api-expires"),
            "Wed, 02 Jan 2999 15:04:00 UTC"
        );
    });
}

#[test]
fn versions_that_no_request_could_name_are_400_by_name() {
    let world = World::shared();
    for (fields, named) in [
        (versions(json!({})), "definition.location"),
        (versions(json!({"location": "body"})), "definition.location"),
        (
            versions(json!({"location": "url", "url_versioning_pattern": "("})),
            "definition.url_versioning_pattern",
        ),
        (json!({"expiration": "tomorrow"}), "expiration"),
    ] {
        let api = definition(&world, &unique("faulty"), Style::Rfc, fields);
        let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
        let message = crate::apis::message(&answer);
        assert!(message.contains(named), "{message}");
    }
}
