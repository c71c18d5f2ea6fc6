//! Header transforms: fields set and removed, on requests and answers, everywhere and on single paths.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::api_keys::KeyApi;
use crate::harness::{Answer, Reply, Style, policy};
use crate::rules::{RuledApi, definition, extended_paths, in_both_styles, single_version};
use crate::wire::Wire;
use crate::world::{OAuthApi, REDIRECT, World, echo, echoed, text, unique};

#[test]
fn request_fields_are_removed_and_set_case_89() {
    in_both_styles(|world, style| {
        let mut rules = extended_paths(json!({"transform_headers": [
            {"path": "/own", "method": "GET", "delete_headers": ["x-global"],
             "add_headers": {"X-Path": "$tyk_context.path", "X-Set": "path"}},
            {"path": "/own", "method": "GET", "add_headers": {"X-Second": "never"}}
        ]}));
        rules["global_headers"] = json!({
            "X-Global": "yes", "X-Set": "global", "X-From": "$tyk_context.remote_addr",
            "X-Copy": "<$tyk_context.headers_X_Source>", "X-Sid": "$tyk_context.cookies_sid",
            "X-Trace": "$tyk_context.request_id", "Host": "other.example"
        });
        rules["global_headers_remove"] = json!(["Host-X", "User-Agent"]);
        let api = RuledApi::of_version(world, style, rules);
        let headers = [
            ("host-x", "1"),
            ("HOST_X", "2"),
            ("x-set", "client"),
            ("X_Set", "client"),
            ("x-source", "s1"),
            ("cookie", "a=b; sid=c7"),
        ];
        let answer = api.send("GET", "/elsewhere", &headers).expect_status(200);
        let seen = answer.json();
        let of = |name: &str| echoed(&seen, name);
        let none = Vec::<&str>::new();
        assert_eq!(
            (of("host-x"), of("host_x"), of("user-agent")),
            (none.clone(), none.clone(), none.clone())
        );
        assert_eq!((of("x-set"), of("x_set")), (vec!["global"], none.clone()));
        assert_eq!(
            (of("x-from"), of("x-copy")),
            (vec!["127.0.0.1"], vec!["<s1>"])
        );
        assert_eq!(
            (of("x-sid"), of("host")),
            (vec!["c7"], vec!["other.example"])
        );
        // The id that the upstream is told of the request anyway.
        let traced = of("x-trace");
        assert_eq!(traced, of("x-request-id"));
        assert!(traced.len() == 1 && traced[0].len() >= 16, "{traced:?}");

        let seen = api.get("/own").expect_status(200).json();
        let of = |name: &str| echoed(&seen, name);
        assert_eq!((of("x-global"), of("x-set")), (none.clone(), vec!["path"]));
        assert_eq!(
            (of("x-path"), of("x-second")),
            (vec![format!("/{}/own", api.id).as_str()], none)
        );
    });
}

#[test]
fn a_session_speaks_through_its_metadata_and_cannot_break_out_of_its_field() {
    in_both_styles(|world, style| {
        let fields = single_version(json!({"global_headers": {
            "X-U": "user:$tyk_meta.uid", "X-List": "$tyk_meta.list", "X-None": "$tyk_meta.none"
        }}));
        let api = OAuthApi::with(world, style, fields);
        let rules = json!({
            "org_id": "default", "access_rights": {&api.id: {"api_id": api.id}},
            "meta_data": {"uid": "42\r\nX-Admin: yes", "list": [1, 2]}
        });
        let code = api.approve(&[("key_rules", &rules.to_string())]);
        let code = code.expect_status(200).json()["code"]
            .as_str()
            .unwrap()
            .to_owned();
        let tokens = crate::world::Tokens::of(api.exchange(&code, &[]));
        // What a client says of itself later is no part of a session that it was given before.
        let path = format!("/tyk/oauth/clients/{}/{}", api.id, api.client.id);
        let changed = json!({
            "policy_id": api.policy_id(), "redirect_uri": REDIRECT, "meta_data": {"none": "later"}
        });
        world.node.ask("PUT", &path, &changed).expect_status(200);
        let seen = api.call(&tokens.access).expect_status(200).json();
        assert_eq!(echoed(&seen, "x-u"), ["user:42  X-Admin: yes"]);
        assert_eq!(echoed(&seen, "x-list"), ["[1,2]"]);
        assert_eq!(echoed(&seen, "x-none"), [""]);
        assert_eq!(echoed(&seen, "x-admin"), Vec::<&str>::new());
    });
}

#[test]
fn a_client_speaks_through_its_metadata_below_that_of_its_policy() {
    in_both_styles(|world, style| {
        let set = single_version(json!({
            "global_headers": {
                "X-U": "user:$tyk_meta.uid", "X-Tier": "$tyk_meta.tier", "X-Both": "$tyk_meta.both",
                "X-None": "$tyk_meta.none", "X-At": "$tyk_context.path"
            },
            "global_response_headers": {"X-Served-To": "$tyk_meta.uid/$tyk_meta.tier"}
        }));
        let api = OAuthApi::with(world, style, set.clone());
        let keyed = KeyApi::new(world, style, set);
        let put_policy = |tier: &str| {
            let mut gold = policy(&api.policy_id(), &[&api.id, &keyed.id]);
            gold["meta_data"] = json!({"tier": tier, "both": "policy"});
            world.node.create_policy(&gold);
        };
        put_policy("gold");
        let meta = json!({"uid": "42\r\nX-Admin: yes", "tier": "mine", "both": "client"});
        let client = api.another_client(json!({"meta_data": meta}));
        let form = [("grant_type", "client_credentials")];
        let token = api.token_for(&client, &form).expect_status(200).json();
        let token = text(&token, "access_token");
        let assert_told = |answer: Answer, uid: &str, tier: &str| {
            let answer = answer.expect_status(200);
            assert_eq!(answer.header("x-served-to"), format!("{uid}/{tier}"));
            let seen = answer.json();
            let of = |name: &str| echoed(&seen, name).concat();
            assert_eq!(of("x-u"), format!("user:{uid}"));
            assert_eq!(
                (of("x-tier").as_str(), of("x-both").as_str()),
                (tier, "policy")
            );
            assert_eq!(
                (of("x-none"), of("x-admin")),
                (String::new(), String::new())
            );
            assert!(of("x-at").ends_with("/called"));
        };
        let plain = "42  X-Admin: yes";
        assert_told(api.call(&token), plain, "gold");
        assert_told(keyed.call(&token), plain, "gold");
        // Both are found where they are, so that what changes is seen by tokens that are out.
        put_policy("silver");
        assert_told(api.call(&token), plain, "silver");
        let path = format!("/tyk/oauth/clients/{}/{}", api.id, client.id);
        let changed = json!({
            "policy_id": api.policy_id(), "redirect_uri": REDIRECT, "meta_data": {"uid": "43"}
        });
        world.node.ask("PUT", &path, &changed).expect_status(200);
        assert_told(api.call(&token), "43", "silver");
        // A client without metadata has none to tell.
        assert_told(api.call(&api.access_token()), "", "silver");
    });
}

#[test]
fn trailers_bring_back_nothing_that_was_removed() {
    let world = World::shared();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let rules = json!({"global_headers_remove": ["X-Secret"], "global_headers": {"X-Set": "ours"}});
    let id = unique("trailed");
    let mut api = definition(&world, &id, Style::Rfc, single_version(rules));
    let target = format!("http://{}/", listener.local_addr().unwrap());
    api["proxy"]["target_url"] = json!(target);
    world.node.create_api(&api);
    let mut client = Wire::connect(world.node.gateway());
    client.send(format!(
        "POST /{id}/t HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n\
         2\r\nhi\r\n0\r\nX-Secret: 1\r\nx_secret: 2\r\nX-Set: 3\r\nX-Other: 4\r\n\r\n"
    ));
    let mut upstream = Wire::accept(&listener);
    let head = upstream.take_through(b"\r\n\r\n");
    assert!(head.starts_with(b"POST /t HTTP/1.1\r\n"));
    upstream.take_through(b"2\r\nhi\r\n0\r\n");
    let trailers = upstream.take_through(b"\r\n\r\n");
    assert_eq!(String::from_utf8_lossy(&trailers), "X-Other: 4\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.head().status, 200);
}

fn answer_of(received: &crate::harness::Received) -> Reply {
    echo(received)
        .with_header("Server", "secret/1.0")
        .with_header("X-Internal", "a")
        .with_header("X-Internal", "b")
        .with_header("X-Kept", "k")
}

#[test]
fn answer_fields_are_removed_and_set() {
    let world = World::of(crate::harness::Node::start());
    world.upstream.set_script(answer_of);
    for style in crate::harness::STYLES {
        let mut rules = extended_paths(json!({"transform_response_headers": [
            {"path": "/own", "method": "GET", "delete_headers": ["X-Kept"], "add_headers": {"X-At": "$tyk_context.path"}}
        ]}));
        rules["global_response_headers_remove"] = json!(["server", "x_internal", "Connection"]);
        rules["global_response_headers"] = json!({"Strict-Transport-Security": "max-age=1"});
        let mut fields = single_version(rules);
        fields["response_processors"] =
            json!([{"name": "header_injector", "options": {"add_headers": {"X-All": "1"}}}]);
        let api = RuledApi::new(&world, style, fields);
        let all = |answer: &Answer, name: &str| answer.headers.get_all(name).iter().count();
        let answer = api.get("/x").expect_status(200);
        assert_eq!((all(&answer, "server"), all(&answer, "x-internal")), (0, 0));
        assert_eq!(answer.header("strict-transport-security"), "max-age=1");
        assert_eq!(
            (answer.header("x-kept"), answer.header("x-all")),
            ("k", "1")
        );
        let answer = api.get("/own").expect_status(200);
        assert_eq!(answer.header("x-at"), format!("/{}/own", api.id));
        assert_eq!((all(&answer, "x-kept"), answer.header("x-all")), (0, "1"));
    }
}

#[test]
fn what_would_break_a_message_is_400_by_name() {
    let world = World::shared();
    let set = |name: &str, value: &str| json!({"global_headers": {name: value}});
    for (rules, named) in [
        (set("Content-Length", "5"), "global_headers.Content-Length"),
        (
            set("Transfer-Encoding", "chunked"),
            "global_headers.Transfer-Encoding",
        ),
        (set("Connection", "close"), "global_headers.Connection"),
        (set("X", "a\r\nB: c"), "global_headers.X"),
        (set("X\r\nY", "a"), "must have the name of a header field"),
        (set("X", "$tyk_context.jwt_claims_sub"), "global_headers.X"),
        (set("Host", "$tyk_meta.host"), "global_headers.Host"),
        (
            json!({"global_headers_remove": ["Host"]}),
            "global_headers_remove[0]",
        ),
        (
            json!({"global_response_headers": {"content-length": "1"}}),
            "global_response_headers.content-length",
        ),
        (
            json!({"global_headers": {"X": 5}}),
            "global_headers.X: must be a string",
        ),
    ] {
        let fields: Value = single_version(rules);
        let api = definition(&world, &unique("faulty"), Style::Rfc, fields);
        let answer = world.node.ask("POST", "/tyk/apis", &api).expect_status(400);
        let message = crate::apis::message(&answer);
        assert!(message.contains(named), "{named}: {message}");
    }
}
