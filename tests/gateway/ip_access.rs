//! From which addresses an API may be called.

use serde_json::json;

use crate::harness::{Node, STYLES, Style};
use crate::rules::{RuledApi, definition, in_both_styles};
use crate::world::{OAuthApi, World, unique};

const FORBIDDEN: ((u16, &str), (u16, &str)) = (
    (403, "access_denied"),
    (403, "access from this IP has been disallowed"),
);

#[test]
fn the_client_behind_a_trusted_proxy_is_judged_case_86() {
    let configuration = "[gateway]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";
    let world = World::of(Node::builder().configuration(configuration).start());
    for style in STYLES {
        let lists = json!({
            "enable_ip_whitelisting": true, "allowed_ips": ["192.0.2.1/24", "2001:db8::/32"],
            "enable_ip_blacklisting": true, "blacklisted_ips": ["192.0.2.66"]
        });
        let api = RuledApi::new(&world, style, lists);
        for (forwarded, passes) in [
            ("192.0.2.2", true),
            ("192.0.2.66", false),
            ("198.51.100.1", false),
            ("2001:db8::5", true),
            ("::ffff:192.0.2.2", true),
            ("::ffff:192.0.2.66", false),
            // Only what the trusted proxy itself saw counts.
            ("192.0.2.2, 198.51.100.1", false),
            ("198.51.100.1, 192.0.2.2", true),
            ("garbage", false),
        ] {
            let answer = api.send("GET", "/x", &[("x-forwarded-for", forwarded)]);
            if passes {
                answer.expect_status(200);
            } else {
                api.assert_refused(&answer, FORBIDDEN.0, FORBIDDEN.1);
            }
        }
    }
}

/// Tyk takes `X-Real-IP` before `X-Forwarded-For`. A proxy that appends to the latter hands on what its own client says in all
/// others, so nobody's word counts there.
#[test]
fn a_trusted_proxy_names_the_client_by_x_forwarded_for_alone_case_87() {
    let configuration = "[gateway]\ntrusted_proxies = [\"127.0.0.0/8\", \"203.0.113.0/24\"]\n";
    let world = World::of(Node::builder().configuration(configuration).start());
    let (inside, outside) = ("192.0.2.1", "198.51.100.1");
    let behind_two = format!("{outside}, {inside}, 203.0.113.7");
    for style in STYLES {
        let api = RuledApi::new(&world, style, json!({"allowed_ips": ["192.0.2.0/24"]}));
        for (real, forwarded, passes) in [
            (Some(outside), Some(inside), true),
            (Some(inside), Some(outside), false),
            (Some(inside), None, false),
            (Some(inside), Some(""), false),
            // The last one that is no proxy of ours, whoever stands before it.
            (None, Some(behind_two.as_str()), true),
            (None, Some("192.0.2.1, 198.51.100.1, 203.0.113.7"), false),
        ] {
            let named = [("x-real-ip", real), ("x-forwarded-for", forwarded)];
            let headers: Vec<_> = named
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            let answer = api.send("GET", "/x", &headers);
            if passes {
                answer.expect_status(200);
            } else {
                api.assert_refused(&answer, FORBIDDEN.0, FORBIDDEN.1);
            }
        }
        let claim = [("forwarded", "for=192.0.2.1")];
        api.assert_refused(&api.send("GET", "/x", &claim), FORBIDDEN.0, FORBIDDEN.1);
    }
}

#[test]
fn nobody_is_believed_about_an_address_by_default() {
    in_both_styles(|world, style| {
        let api = RuledApi::new(world, style, json!({"allowed_ips": ["192.0.2.1"]}));
        for claim in ["x-forwarded-for", "x-real-ip", "forwarded"] {
            let answer = api.send("GET", "/x", &[(claim, "192.0.2.1")]);
            api.assert_refused(&answer, FORBIDDEN.0, FORBIDDEN.1);
        }
        let own = RuledApi::new(world, style, json!({"allowed_ips": ["127.0.0.1"]}));
        own.get("/x").expect_status(200);
        let blocked = RuledApi::new(world, style, json!({"blacklisted_ips": ["127.0.0.0/8"]}));
        blocked.assert_refused(&blocked.get("/x"), FORBIDDEN.0, FORBIDDEN.1);
        let off = json!({"ip_access_control_disabled": true, "blacklisted_ips": ["127.0.0.0/8"]});
        RuledApi::new(world, style, off)
            .get("/x")
            .expect_status(200);
    });
}

#[test]
fn who_may_not_call_the_api_gets_no_token_for_it() {
    in_both_styles(|world, style| {
        let api = OAuthApi::with(world, style, json!({"blacklisted_ips": ["127.0.0.1"]}));
        let answer = api.token(&[("grant_type", "client_credentials")]);
        crate::rules::assert_refused(style, &answer, FORBIDDEN.0, FORBIDDEN.1);
    });
}

#[test]
fn an_entry_that_is_no_address_is_400_by_name_case_85() {
    let world = World::shared();
    let lists = json!({"enable_ip_whitelisting": true, "allowed_ips": ["127.0.0.1", "bob"]});
    let api = definition(&world, &unique("faulty"), Style::Rfc, lists);
    let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
    let message = crate::apis::message(&answer);
    assert!(
        message.contains("allowed_ips[1]: invalid IP/CIDR \"bob\""),
        "{message}"
    );
}

/// A list that lost what it held would let everybody in.
#[test]
fn an_item_that_is_null_is_400_by_name() {
    let world = World::shared();
    for (fields, named) in [
        (json!({"allowed_ips": [null]}), "allowed_ips[0]"),
        (
            json!({"CORS": {"enable": true, "allowed_origins": [null]}}),
            "CORS.allowed_origins[0]",
        ),
        (
            json!({"CORS": {"enable": true, "allowed_methods": ["GET", null]}}),
            "CORS.allowed_methods[1]",
        ),
    ] {
        let api = definition(&world, &unique("null"), Style::Rfc, fields);
        let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
        let message = crate::apis::message(&answer);
        let expected = format!("{named}: must not be null");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn a_network_in_the_spelling_of_ipv6_holds_the_addresses_of_ipv4() {
    in_both_styles(|world, style| {
        let lists = json!({"blacklisted_ips": ["::ffff:127.0.0.0/104"]});
        let api = RuledApi::new(world, style, lists);
        api.assert_refused(&api.get("/x"), FORBIDDEN.0, FORBIDDEN.1);
    });
}

#[test]
fn a_trusted_proxy_is_one_in_the_spelling_of_ipv6_too() {
    let configuration = "[gateway]\ntrusted_proxies = [\"::ffff:127.0.0.1\"]\n";
    let world = World::of(Node::builder().configuration(configuration).start());
    let api = RuledApi::new(&world, Style::Rfc, json!({"allowed_ips": ["192.0.2.1"]}));
    let answer = api.send("GET", "/x", &[("x-forwarded-for", "192.0.2.1")]);
    answer.expect_status(200);
}
