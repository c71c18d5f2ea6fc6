//! What must stay secret is found nowhere: not in the log, not in metrics, not in the data directory.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::{Credentials, Node, RecordingServer, Reply};
use crate::world::{OAuthApi, Style, Tokens, World, text};

const CONTROL: &str = "control-Secret-hJ4tQz9vXw2LmN8b";
const CLIENT: &str = "client-Secret-pR7sYc3kVd6GfT1x";
const SHARED: &str = "shared-Secret-mB5nKj0wZq8HyU2e";
const PLANTED: &str = "planted-Value-dF9gWx4sLc7RvM3a";

/// Everything below a folder, file by file.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let mut content = std::fs::read(&path).unwrap_or_default();
            // Log segments are reserved ahead; what is still zero holds nothing.
            let end = content.iter().rposition(|byte| *byte != 0);
            content.truncate(end.map_or(0, |last| last + 1));
            found.push((path.display().to_string(), content));
        }
    }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// The forms in which a secret might be written.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let middle = &secret[secret.len() / 4..secret.len() * 3 / 4];
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        secret.as_bytes().to_vec(),
        middle.as_bytes().to_vec(),
        hex.into_bytes(),
    ];
    all.push(
        STANDARD
            .encode(secret)
            .trim_end_matches('=')
            .as_bytes()
            .to_vec(),
    );
    // A token is base64 itself: its bytes must not lie about either.
    if let Some((_, encoded)) = secret.split_once('_')
        && let Ok(bytes) = URL_SAFE_NO_PAD.decode(encoded)
    {
        all.push(bytes[bytes.len() - 12..].to_vec());
    }
    all
}

/// Uses the node in every way that brings a secret near a log, also the wrong ways.
fn exercise(world: &World, sink: &RecordingServer) -> Vec<String> {
    let notifications = json!({"shared_secret": SHARED, "oauth_on_keychange_url": sink.url("/")});
    let api = OAuthApi::with(world, Style::Rfc, json!({"notifications": notifications}));
    let client = api.another_client(json!({"secret": CLIENT}));
    let of_client = |form: &[(&str, &str)]| api.token_for(&client, form);
    let access = text(
        &of_client(&[("grant_type", "client_credentials")]).json(),
        "access_token",
    );
    let code = text(
        &api.approve_for(&client, &[]).expect_status(200).json(),
        "code",
    );
    let unused = text(
        &api.approve_for(&client, &[("state", PLANTED)]).json(),
        "code",
    );
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", crate::world::REDIRECT),
    ];
    let first = Tokens::of(of_client(&form));
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", first.refresh.as_str()),
    ];
    let second = Tokens::of(of_client(&refresh));
    api.assert_good(&access);
    api.assert_good(&second.access);
    // Mistakes: a secret where none belongs, a secret that is nearly right, a broken body around a secret.
    let nearly = Credentials {
        secret: format!("{CLIENT}{PLANTED}"),
        ..client.clone()
    };
    api.token_for(&nearly, &[("grant_type", "client_credentials")])
        .expect_status(401);
    let (node, client_of_test) = (&world.node, world.node.client());
    let path = format!("/{}/oauth/token?client_secret={CLIENT}&x={PLANTED}", api.id);
    client_of_test.get(&node.gateway_url(&path), &[]);
    client_of_test.get(
        &node.gateway_url(&format!("/{PLANTED}?token={access}")),
        &[],
    );
    client_of_test.get(
        &api.url("/x"),
        &[("authorization", &format!("Bearer {access}{PLANTED}"))],
    );
    let json = [("content-type", "application/json")];
    let broken = format!("{{\"client_secret\":\"{CLIENT}\", \"x\": {PLANTED}");
    client_of_test.send("POST", &api.url("/oauth/token"), &json, broken.as_bytes());
    let headers = [("x-tyk-authorization", CONTROL)];
    let broken = format!(
        "{{\"api_id\": \"{}\", \"secret\": \"{CLIENT}\", {PLANTED}",
        api.id
    );
    let url = node.control_url("/tyk/oauth/clients/create");
    client_of_test
        .send("POST", &url, &headers, broken.as_bytes())
        .expect_status(400);
    client_of_test.get(
        &node.control_url(&format!("/tyk/apis?secret={CONTROL}")),
        &headers,
    );
    let almost = format!("{CONTROL}x");
    client_of_test
        .get(
            &node.control_url("/tyk/apis"),
            &[("x-tyk-authorization", &almost)],
        )
        .expect_status(403);
    sink.wait_for(2);
    vec![
        access,
        code,
        unused,
        first.access,
        first.refresh,
        second.access,
        second.refresh,
        CLIENT.to_owned(),
        SHARED.to_owned(),
    ]
}

#[test]
fn secrets_and_tokens_are_found_nowhere() {
    let node = Node::builder()
        .environment("RAFTGATE_CONTROL_SECRET", CONTROL)
        .configuration("[log]\nlevel = \"trace\"\naccess = true")
        .prepare();
    let mut node = node;
    node.start_again();
    // The harness reads the secret from where a founding node would have written it.
    let file = node.data_dir().join("control.secret");
    let was_written = file.exists();
    if !was_written {
        std::fs::write(&file, CONTROL).unwrap();
    }
    let mut world = World::of(node);
    let sink = RecordingServer::replying(Reply::ok(""));
    let mut secrets = exercise(&world, &sink);
    let metrics = world
        .node
        .client()
        .get(&world.node.control_url("/metrics"), &[])
        .text();
    assert_eq!(world.node.terminate().code(), Some(0));
    if !was_written {
        std::fs::remove_file(&file).unwrap();
    }
    let mut places = Vec::new();
    files(&world.node.data_dir(), &mut places);
    assert!(
        places.len() > 2,
        "the data directory is not where it was looked for"
    );
    for (name, content) in &places {
        for secret in &secrets {
            for spelling in spellings(secret) {
                assert!(!holds(content, &spelling), "{name} holds {secret}");
            }
        }
    }
    secrets.push(CONTROL.to_owned());
    let log = world.node.log();
    assert!(
        log.len() > 100,
        "the log is not where it was looked for: {log}"
    );
    for secret in &secrets {
        for spelling in spellings(secret) {
            assert!(!holds(log.as_bytes(), &spelling), "the log holds {secret}");
            assert!(
                !holds(metrics.as_bytes(), &spelling),
                "the metrics hold {secret}"
            );
        }
    }
    let written = places
        .iter()
        .find(|(name, _)| name.ends_with("control.secret"));
    assert_eq!(
        written.is_some(),
        was_written,
        "a configured secret is not copied to a file"
    );
    assert_ne!(metrics, Value::Null);
}
