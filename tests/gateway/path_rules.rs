//! Paths that are closed, open, or free of a credential.

use serde_json::{Value, json};

use crate::harness::{Answer, Style};
use crate::rules::{RuledApi, definition, extended_paths, in_both_styles, single_version};
use crate::world::{OAuthApi, World, echoed, text, unique};

const FORBIDDEN: ((u16, &str), (u16, &str)) = (
    (403, "access_denied"),
    (403, "Requested endpoint is forbidden"),
);

#[track_caller]
pub(crate) fn assert_forbidden(api: &RuledApi<'_>, answer: &Answer) {
    api.assert_refused(answer, FORBIDDEN.0, FORBIDDEN.1);
}

#[test]
fn only_listed_paths_are_served_case_56() {
    in_both_styles(|world, style| {
        let lists = extended_paths(json!({"white_list": [
            {"path": "/a", "method": "GET"},
            {"path": "/users/{id}", "method": "GET"},
            {"path": "/Case", "method": "GET", "ignore_case": true},
            {"path": "/off", "method": "GET", "disabled": true}
        ]}));
        let simple = json!({"paths": {"white_list": ["/a", "/users/{id}", "/[Cc]ase"]}});
        for lists in [lists, simple] {
            let api = RuledApi::of_version(world, style, lists);
            for open in ["/a", "/a?x=1", "/a/", "/users/7", "/case"] {
                api.get(open).expect_status(200);
            }
            for closed in ["/b", "/", "", "/ab", "/x/a", "/users", "/off"] {
                assert_forbidden(&api, &api.get(closed));
            }
            // What leads somewhere else once it is resolved is no path at all.
            api.get("/a%2Fb/../a").expect_status(400);
        }
    });
}

#[test]
fn a_version_may_look_at_no_case() {
    in_both_styles(|world, style| {
        for lists in [
            json!({"use_extended_paths": true, "extended_paths": {
                "black_list": [{"path": "/shut", "method": "GET"}],
                "size_limits": [{"path": "/small", "method": "POST", "size_limit": 1}],
                "transform_headers": [{"path": "/own", "method": "GET", "add_headers": {"X-Own": "1"}}]
            }}),
            json!({"paths": {"black_list": ["/shut"]}}),
        ] {
            let mut ignoring = lists.clone();
            ignoring["ignore_endpoint_case"] = json!(true);
            let api = RuledApi::of_version(world, style, ignoring);
            for closed in ["/shut", "/SHUT", "/Shut/below"] {
                assert_forbidden(&api, &api.get(closed));
            }
            let has_others = lists.get("extended_paths").is_some();
            let of_others = |api: &RuledApi<'_>| {
                let url = world.node.gateway_url(&format!("/{}/SMALL", api.id));
                let small = world.node.client().send("POST", &url, &[], b"ab");
                let own = api.get("/OWN").expect_status(200).json();
                (small.status != 200, echoed(&own, "x-own") == ["1"])
            };
            assert_eq!(of_others(&api), (has_others, has_others));
            let api = RuledApi::of_version(world, style, lists);
            assert_forbidden(&api, &api.get("/shut"));
            api.get("/SHUT").expect_status(200);
            assert_eq!(of_others(&api), (false, false));
        }
    });
}

#[test]
fn closed_paths_are_closed_for_their_methods_case_57() {
    in_both_styles(|world, style| {
        let lists = extended_paths(json!({
            "black_list": [{"path": "/x", "method": "POST"}, {"path": "/admin", "method": "GET"}],
            "internal": [{"path": "/only-inside", "method": "GET"}]
        }));
        let api = RuledApi::of_version(world, style, lists);
        assert_forbidden(&api, &api.send("POST", "/x", &[]));
        api.get("/x").expect_status(200);
        for spelling in [
            "/admin",
            "/admin/",
            "/admin/x",
            "/%61dmin",
            "//admin",
            "/administrator",
        ] {
            assert_forbidden(&api, &api.get(spelling));
        }
        assert_forbidden(&api, &api.get("/only-inside"));
        api.get("/x/admin").expect_status(200);
    });
}

#[test]
fn paths_free_of_a_credential_ask_nobody_and_say_nothing_of_it_case_58() {
    in_both_styles(|world, style| {
        let mut fields = single_version(extended_paths(json!({
            "ignored": [{"path": "/free", "method": "GET"}, {"path": "/shut", "method": "GET"}],
            "black_list": [{"path": "/shut", "method": "GET"}],
            "transform_headers": [
                {"path": "/free", "method": "GET", "add_headers": {"X-Who": "$tyk_meta.who"}}
            ]
        })));
        fields["strip_auth_data"] = json!(true);
        let api = OAuthApi::with(world, style, fields);
        let get =
            |path: &str, headers: &[(&str, &str)]| world.node.client().get(&api.url(path), headers);
        get("/free", &[]).expect_status(200);
        let forged = [("authorization", "Bearer forged"), ("x-who", "root")];
        let seen = get("/free", &forged).expect_status(200).json();
        assert_eq!(echoed(&seen, "authorization"), Vec::<&str>::new());
        assert_eq!(echoed(&seen, "x-who"), [""], "nobody was asked who calls");
        assert!(get("/other", &[]).status >= 400);
        assert!(get("/freedom", &[]).status >= 400);
        let post = world
            .node
            .client()
            .send("POST", &api.url("/free"), &[], b"");
        assert!(post.status >= 400);
        // Where a path is both, it is closed.
        assert_eq!(get("/shut", &[]).status, 403);
        api.assert_good(&api.access_token());
    });
}

#[test]
fn each_version_has_lists_of_its_own() {
    in_both_styles(|world, style| {
        let closed = json!({"paths": {"black_list": ["/x"]}});
        let api = RuledApi::new(
            world,
            style,
            json!({
                "definition": {"location": "url", "strip_path": true},
                "version_data": {"versions": {"v1": closed, "v2": {}}}
            }),
        );
        assert_forbidden(&api, &api.get("/v1/x"));
        assert_eq!(
            text(&api.get("/v2/x").expect_status(200).json(), "target"),
            "/x"
        );
        assert_eq!(
            text(&api.get("/v1/y").expect_status(200).json(), "target"),
            "/y"
        );
    });
}

#[test]
fn lists_that_cannot_be_honoured_are_400_by_name() {
    let world = World::shared();
    let reply = json!([{"path": "/m", "method_actions": {"GET": {"action": "reply"}}}]);
    for (list, value, named) in [
        (
            "white_list",
            json!([{"path": "(", "method": "GET"}]),
            "white_list[0].path",
        ),
        (
            "black_list",
            json!([{"method": "GET"}]),
            "black_list[0].path",
        ),
        (
            "white_list",
            reply.clone(),
            "white_list[0].method_actions.GET.action",
        ),
        ("ignored", reply, "ignored[0].method_actions.GET.action"),
        ("ignored", Value::from("/x"), "ignored: must be an array"),
    ] {
        let fields = single_version(extended_paths(json!({list: value})));
        let api = definition(&world, &unique("faulty"), Style::Rfc, fields);
        let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
        let message = crate::apis::message(&answer);
        assert!(message.contains(named), "{message}");
    }
}
