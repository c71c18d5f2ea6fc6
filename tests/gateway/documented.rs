//! The definitions that people copy from documentation: they load, and they work.

use serde_json::{Value, json};

use crate::definitions::Folder;
use crate::definitions_kept::FORMS;
use crate::harness::{RecordingServer, Reply, policy};
use crate::oas::ask;
use crate::world::{REDIRECT, Tokens, World, echo, text, unique};

/// The documents that people find in the documentation of Tyk, completed so that they are valid.
const DOCUMENTED_OAS: &str = include_str!("../definitions/documented_oas.json");
const DOCUMENTED_CLASSIC: &str = include_str!("../definitions/documented_classic.json");

/// What the documented documents name as the host of a login page that is still to be filled in.
const PLACEHOLDER: &str = "http://<identity-server>/";

/// The documented OAS document, its hosts on loopback but for the placeholder.
pub(crate) fn oas_with_placeholder(upstream: &RecordingServer, sink: &RecordingServer) -> Value {
    let text = DOCUMENTED_OAS
        .replace("http://notifyme.com", &sink.url("/hook"))
        .replace("http://httpbin.org/", &upstream.url("/"));
    parsed(&text, PLACEHOLDER)
}

/// The documented OAS document, every host on loopback.
fn oas(upstream: &RecordingServer, sink: &RecordingServer) -> Value {
    let text = oas_with_placeholder(upstream, sink).to_string();
    parsed(&text.replace(PLACEHOLDER, &sink.url("/")), "")
}

/// The documented Classic definition, every host on loopback.
fn classic(upstream: &RecordingServer, sink: &RecordingServer) -> Value {
    let text = DOCUMENTED_CLASSIC
        .replace("http://lonelycode.com/", &sink.url("/"))
        .replace("http://posttestserver.com/", &sink.url("/"))
        .replace("http://httpbin.org/", &upstream.url("/"));
    parsed(&text, "")
}

/// A document in which no URL leads elsewhere than to loopback, or to `other`.
#[track_caller]
fn parsed(text: &str, other: &str) -> Value {
    for (at, _) in text.match_indices("http") {
        let url = &text[at..];
        let is_own = url.starts_with("http://127.0.0.1:") || url.starts_with("https://127.0.0.1:");
        assert!(
            is_own || (!other.is_empty() && url.starts_with(other)),
            "{url}"
        );
    }
    serde_json::from_str(text).unwrap()
}

/// A code, its tokens, a call, a refresh and a notification at the API that is at `/{at}/`.
fn assert_at_work(world: &World, id: &str, at: &str, sink: &RecordingServer) {
    world
        .node
        .create_policy(&policy(&format!("{id}-policy"), &[id]));
    let client = world.node.create_client(
        &json!({"api_id": id, "policy_id": format!("{id}-policy"), "redirect_uri": REDIRECT}),
    );
    let http = world.node.client();
    let query = format!(
        "response_type=code&client_id={}&redirect_uri={REDIRECT}",
        client.id
    );
    let login = http.get(
        &world
            .node
            .gateway_url(&format!("/{at}/oauth/authorize?{query}")),
        &[],
    );
    let login = login.expect_status(307);
    assert!(
        login.header("location").starts_with(&sink.url("/")),
        "{}",
        login.header("location")
    );
    let secret = world.node.secret();
    let approved = http.post_form(
        &world
            .node
            .gateway_url(&format!("/{at}/tyk/oauth/authorize-client/")),
        &[("x-tyk-authorization", &secret)],
        &[
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", REDIRECT),
        ],
    );
    let code = text(&approved.expect_status(200).json(), "code");
    let exchange = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
    ];
    let tokens = Tokens::of(world.node.ask_token(at, &client, &exchange));
    let called = world
        .node
        .get_with_token(&format!("/{at}/get"), &tokens.access);
    assert_eq!(called.expect_status(200).json()["target"], json!("/get"));
    world
        .node
        .get_with_token(&format!("/{at}/get"), "nobody")
        .expect_status(401);
    let told = sink.wait_for(1).remove(0);
    assert_eq!(told.json()["new_oauth_token"], json!(tokens.access));
    assert!(!told.header("x-tyk-shared-secret").is_empty());
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    let newer = Tokens::of(world.node.ask_token(at, &client, &refresh));
    world
        .node
        .get_with_token(&format!("/{at}/get"), &newer.access)
        .expect_status(200);
}

#[test]
fn the_documented_oas_document_works() {
    let world = World::shared();
    let sink = RecordingServer::replying(Reply::ok(""));
    let id = unique("documented-oas");
    let mut document = oas(&world.upstream, &sink);
    let extension = &mut document["x-tyk-api-gateway"];
    extension["info"]["id"] = json!(id);
    extension["server"]["listenPath"]["value"] = json!(format!("/{id}/"));
    let made = ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    assert_eq!(
        made.json(),
        json!({"key": id, "status": "ok", "action": "added"})
    );
    assert_at_work(&world, &id, &id, &sink);
}

#[test]
fn the_documented_classic_definition_works() {
    let world = World::shared();
    let sink = RecordingServer::replying(Reply::ok(""));
    let id = unique("documented-classic");
    let text = classic(&world.upstream, &sink).to_string();
    let definition = serde_json::from_str(&text.replace("oauth-test-api", &id)).unwrap();
    world.node.create_api(&definition);
    assert_at_work(&world, &id, &id, &sink);
}

#[test]
fn both_documents_come_into_force_from_the_folder_in_json_and_yaml() {
    for (ending, written) in FORMS {
        let mut folder = Folder::new(false);
        let upstream = RecordingServer::start(echo);
        let sinks = [(); 2].map(|()| RecordingServer::replying(Reply::ok("")));
        let names = [format!("oas.{ending}"), format!("classic.{ending}")];
        folder.write(&names[0], written(&oas(&upstream, &sinks[0])));
        folder.write(&names[1], written(&classic(&upstream, &sinks[1])));
        folder.node.start_again();
        let ids = folder.ids();
        assert_eq!(ids.len(), 2, "{ids:?}");
        // The OAS document has no id, so that one was made up.
        let made = ids.iter().find(|id| *id != "oauth-test-api").unwrap();
        let world = World {
            node: folder.node,
            upstream,
        };
        assert_at_work(&world, made, "my-oauth-api", &sinks[0]);
        assert_at_work(&world, "oauth-test-api", "oauth-test-api", &sinks[1]);
    }
}

#[test]
fn a_placeholder_host_is_a_warning() {
    let world = World::shared();
    let sink = RecordingServer::replying(Reply::ok(""));
    let id = unique("placeholder");
    // Switched off: what the placeholder stands for is nobody's to be asked.
    let mut document = oas_with_placeholder(&world.upstream, &sink);
    let extension = &mut document["x-tyk-api-gateway"];
    extension["info"]["state"]["active"] = json!(false);
    extension["server"]["listenPath"]["value"] = json!(format!("/{id}/"));
    let mut definition = classic(&world.upstream, &sink);
    definition["api_id"] = json!(format!("{id}-classic"));
    definition["active"] = json!(false);
    definition["proxy"]["listen_path"] = json!(format!("/{id}-classic/"));
    definition["oauth_meta"]["auth_login_redirect"] = json!(format!("{PLACEHOLDER}login"));
    for (path, document, place) in [
        (
            "/tyk/apis/oas",
            &document,
            "x-tyk-api-gateway.server.authentication.securitySchemes.oauth.authLoginRedirect",
        ),
        ("/tyk/apis", &definition, "oauth_meta.auth_login_redirect"),
    ] {
        let made = ask(&world, "POST", path, document)
            .expect_status(200)
            .json();
        let warnings = made["warnings"].as_array().unwrap();
        let said = format!("{place}: its host is a placeholder");
        let told = warnings.iter().filter_map(Value::as_str);
        let told = told.filter(|warning| warning.starts_with(&said)).count();
        assert_eq!(told, 1, "{made}");
    }
    assert_eq!(sink.connections(), 0);
}
