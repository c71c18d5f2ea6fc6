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

/// The key ring's keys, as text and as bytes; its file alone may hold them.
fn ring_material(node: &Node) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(node.data_dir().join("keyring")).unwrap();
    let ring: Value = serde_json::from_str(&text).unwrap();
    let mut texts = vec![text_of(&ring["lookup"])];
    texts.extend(
        ring["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| text_of(&key["key"])),
    );
    let bytes = texts
        .iter()
        .map(|text| URL_SAFE_NO_PAD.decode(text).unwrap());
    let hex = bytes.clone().map(|bytes| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        hex.into_bytes()
    });
    let standard = bytes
        .clone()
        .map(|bytes| STANDARD.encode(bytes).into_bytes());
    let all = bytes.clone().chain(hex).chain(standard);
    all.chain(texts.iter().map(|text| text.clone().into_bytes()))
        .collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A node with everything logged, its control secret in the environment.
fn node_that_logs(level: &str, format: &str) -> Node {
    let mut node = Node::builder()
        .environment("RAFTGATE_CONTROL_SECRET", CONTROL)
        .configuration(&format!(
            "[log]\nlevel = \"{level}\"\nformat = \"{format}\"\naccess = true"
        ))
        .prepare();
    node.start_again();
    // The harness reads the secret from where a founding node would have written it.
    let file = node.data_dir().join("control.secret");
    assert!(
        !file.exists(),
        "a configured secret is not copied to a file"
    );
    std::fs::write(&file, CONTROL).unwrap();
    node
}

/// What a node left behind and showed, place by place.
fn places(world: &mut World) -> Vec<(String, Vec<u8>)> {
    let node = &mut world.node;
    let metrics = node.client().get(&node.control_url("/metrics"), &[]).text();
    let saved = node.folder().join("saved.snapshot");
    let finished = super::snapshots::save(node, &saved);
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    let process = format!("/proc/{}", node.process().id());
    let mut places = vec![
        ("metrics".to_owned(), metrics.into_bytes()),
        ("snapshot".to_owned(), std::fs::read(&saved).unwrap()),
        (
            "arguments".to_owned(),
            std::fs::read(format!("{process}/cmdline")).unwrap(),
        ),
        (
            "name".to_owned(),
            std::fs::read(format!("{process}/comm")).unwrap(),
        ),
        (
            "snapshot save".to_owned(),
            format!("{}{}", finished.out, finished.err).into_bytes(),
        ),
    ];
    assert_eq!(node.terminate().code(), Some(0));
    std::fs::remove_file(node.data_dir().join("control.secret")).unwrap();
    let mut stored = Vec::new();
    files(&node.data_dir(), &mut stored);
    assert!(
        stored.len() > 2,
        "the data directory is not where it was looked for"
    );
    places.extend(
        stored
            .into_iter()
            .filter(|(name, _)| !name.ends_with("/keyring")),
    );
    let out = node.process().out.text();
    places.push(("standard output".to_owned(), out.into_bytes()));
    let log = node.log();
    assert!(
        log.len() > 100,
        "the log is not where it was looked for: {log}"
    );
    places.push(("log".to_owned(), log.into_bytes()));
    places
}

/// The lines of a private key's text, and its bytes.
fn key_material(pem: &str) -> Vec<Vec<u8>> {
    let lines: Vec<&str> = pem.lines().filter(|line| !line.contains("---")).collect();
    let der = STANDARD.decode(lines.concat()).unwrap();
    // The secret number of a P-256 key stands behind the algorithm's name.
    let number = der.windows(24).skip(36).step_by(8).take(2);
    let texts = lines.iter().skip(1).map(|line| line.as_bytes().to_vec());
    texts.chain(number.map(<[u8]>::to_vec)).collect()
}

/// Where a secret lies about, in any of its forms.
fn leaks(places: &[(String, Vec<u8>)], secret: &str, needles: &[Vec<u8>]) -> Vec<String> {
    let holding = places
        .iter()
        .filter(|(_, content)| needles.iter().any(|needle| holds(content, needle)));
    holding
        .map(|(name, _)| format!("{name} holds {secret}"))
        .collect()
}

#[test]
fn secrets_and_tokens_are_found_nowhere() {
    for (level, format) in [("trace", "text"), ("trace", "json"), ("error", "text")] {
        let mut world = World::of(node_that_logs(level, format));
        let sink = RecordingServer::replying(Reply::ok(""));
        let mut secrets = exercise(&world, &sink);
        secrets.extend(crate::secrets_of_callers::exercise(&world));
        secrets.push(CONTROL.to_owned());
        let ring = ring_material(&world.node);
        let places = places(&mut world);
        let of_secrets = secrets
            .iter()
            .flat_map(|secret| leaks(&places, secret, &spellings(secret)));
        assert_eq!(of_secrets.collect::<Vec<_>>(), [""; 0]);
        assert!(
            ring.len() >= 8,
            "the key ring is not where it was looked for"
        );
        assert_eq!(leaks(&places, "the key ring", &ring), [""; 0]);
        // The search finds what is there: the API's name stands in the store and in the log.
        let found = places
            .iter()
            .filter(|(_, content)| holds(content, b"-policy"));
        assert!(found.count() >= 2);
        let log = world.node.log();
        let first = log.lines().next().unwrap_or_default();
        let is_json = serde_json::from_str::<Value>(first).is_ok();
        assert_eq!(is_json, format == "json", "{first}");
    }
}

#[test]
fn keys_of_tls_are_found_nowhere() {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let settings =
        "[gateway]\ntls_cert = \"g.cert\"\ntls_key = \"g.key\"\n[log]\nlevel = \"trace\"";
    let mut node = Node::builder().configuration(settings).prepare();
    let write = |node: &Node, name: &str, text: &str| {
        std::fs::write(node.folder().join(name), text).unwrap();
    };
    write(&node, "g.cert", &certificate);
    write(&node, "g.key", &key);
    node.start_again();
    // Files that are wrong in several ways, and somebody who speaks no TLS.
    let broken = key.replacen("PRIVATE", "PRIVAT", 1);
    for (name, text) in [("g.key", broken.as_str()), ("g.cert", &key), ("g.key", "")] {
        write(&node, name, text);
        let told = |node: &Node| node.log().matches("stays in force").count();
        let before = told(&node);
        node.process().signal(rustix::process::Signal::HUP);
        crate::harness::wait_for("the broken file is told of", || told(&node) > before);
    }
    let mut plain = crate::wire::Wire::connect(node.gateway());
    plain.get("/").rest();
    let mut world = World::of(node);
    let places = places(&mut world);
    let material = key_material(&key);
    assert!(material.len() >= 3, "the key is not what it was taken for");
    assert_eq!(leaks(&places, "a key of TLS", &material), [""; 0]);
}
