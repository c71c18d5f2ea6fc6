//! Backup and restore as an operator does them: save on a live node, restore elsewhere, serve.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{
    Answer, Credentials, Finished, Node, RecordingServer, Reply, keyless_api, merge, run,
};

const BACK: &str = "http://127.0.0.1/back";

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(super) fn save(node: &Node, file: &Path) -> Finished {
    let data_dir = node.data_dir();
    let arguments = [
        "snapshot",
        "save",
        text(file),
        "--data-dir",
        text(&data_dir),
    ];
    run(&arguments, &[], node.folder())
}

pub(super) fn inspect(file: &Path, folder: &Path) -> Finished {
    run(&["snapshot", "inspect", text(file)], &[], folder)
}

/// A node with one OAuth API, a token and a code, and a snapshot of it.
pub(super) struct Saved {
    _upstream: RecordingServer,
    pub(super) node: Node,
    client: Credentials,
    pub(super) token: String,
    code: String,
    pub(super) file: PathBuf,
}

impl Saved {
    pub(super) fn new() -> Self {
        Self::with(|_, _, _| {})
    }

    /// The same with what is done to the node before the snapshot; it is given the client and the upstream's URL.
    fn with(prepare: impl FnOnce(&Node, &Credentials, &str)) -> Self {
        let upstream = RecordingServer::replying(Reply::ok("inside"));
        let node = Node::start();
        let client = node.create_oauth_api("guarded", &upstream.url("/"));
        prepare(&node, &client, &upstream.url("/"));
        let token = node.access_token("guarded", &client);
        let code = approve(&node, &client);
        let file = node.folder().join("backup.snapshot");
        let saved = save(&node, &file);
        assert_eq!(saved.code, Some(0), "{}", saved.err);
        Self {
            _upstream: upstream,
            node,
            client,
            token,
            code,
            file,
        }
    }

    /// Restores into the data directory of a new node, beside which the old node's key ring was put.
    pub(super) fn restore(&self, flags: &[&str]) -> (Node, Finished) {
        let node = Node::builder().prepare();
        fs::create_dir(node.data_dir()).unwrap();
        let ring = self.node.data_dir().join("keyring");
        fs::copy(ring, node.data_dir().join("keyring")).unwrap();
        let finished = self.restore_into(&node.data_dir(), flags);
        (node, finished)
    }

    fn restore_into(&self, data_dir: &Path, flags: &[&str]) -> Finished {
        let arguments = [
            "snapshot",
            "restore",
            text(&self.file),
            "--data-dir",
            text(data_dir),
        ];
        run(&[&arguments, flags].concat(), &[], self.node.folder())
    }

    fn exchange(&self, node: &Node) -> u16 {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", self.code.as_str()),
            ("redirect_uri", BACK),
        ];
        node.ask_token("guarded", &self.client, &form).status
    }
}

fn approve(node: &Node, client: &Credentials) -> String {
    let secret = node.secret();
    let answer = node.client().post_form(
        &node.control_url("/tyk/oauth/authorize-client"),
        &[("x-tyk-authorization", &secret)],
        &[
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", BACK),
            ("api_id", "guarded"),
            (
                "key_rules",
                r#"{"access_rights": {"guarded": {"api_id": "guarded", "versions": ["Default"]}}}"#,
            ),
        ],
    );
    let body = answer.expect_status(200).json();
    body.get("code").unwrap().as_str().unwrap().to_owned()
}

#[test]
fn a_restored_node_honours_old_tokens_at_once_and_old_codes_never() {
    let saved = Saved::new();
    let (mut node, restored) = saved.restore(&[]);
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    for part in ["codes dropped: 1", "are lost", "new active key 2"] {
        assert!(restored.out.contains(part), "{}", restored.out);
    }
    node.start_again();
    let began = Instant::now();
    let answer = node.get_with_token("/guarded/x", &saved.token);
    assert_eq!((answer.status, answer.text().as_str()), (200, "inside"));
    // A token of this incarnation with such an index would be waited for, three seconds by default.
    assert!(began.elapsed() < Duration::from_millis(2500));
    assert_eq!(saved.exchange(&node), 400);
    // The code was good where it came from, so it is the restore that dropped it.
    assert_eq!(saved.exchange(&saved.node), 200);

    let fresh = node.access_token("guarded", &saved.client);
    assert_eq!(node.get_with_token("/guarded/x", &fresh).status, 200);

    node.crash_and_restart();
    for token in [&saved.token, &fresh] {
        assert_eq!(node.get_with_token("/guarded/x", token).status, 200);
    }
}

#[test]
fn dropping_grants_revokes_every_token_of_the_snapshot() {
    let saved = Saved::new();
    let (mut node, restored) = saved.restore(&["--drop-grants"]);
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    node.start_again();
    assert_eq!(node.get_with_token("/guarded/x", &saved.token).status, 401);
    let fresh = node.access_token("guarded", &saved.client);
    assert_eq!(node.get_with_token("/guarded/x", &fresh).status, 200);
}

#[test]
fn dropping_grants_leaves_what_nobody_was_granted_by_oauth() {
    let member = |answer: Answer, name: &str| -> String {
        let body = answer.expect_status(200).json();
        body[name].as_str().unwrap().to_owned()
    };
    let (mut key, mut refresh, mut admin) = (String::new(), String::new(), String::new());
    let saved = Saved::with(|node, client, target| {
        for (id, kind) in [("keyed", "use_standard_auth"), ("users", "use_basic_auth")] {
            let mut api = keyless_api(id, &format!("/{id}/"), target);
            merge(&mut api, json!({"use_keyless": false, kind: true}));
            node.create_api(&api);
        }
        let rights = json!({"access_rights": {"keyed": {}, "users": {}}});
        key = member(node.ask("POST", "/tyk/keys", &rights), "key");
        node.ask("POST", "/tyk/keys/my-own-key", &rights)
            .expect_status(200);
        let mut user = rights.clone();
        merge(
            &mut user,
            json!({"basic_auth_data": {"password": "s3cret"}}),
        );
        node.ask("POST", "/tyk/keys/anna", &user).expect_status(200);
        let role = json!({"name": "reader", "role": "read-only"});
        admin = member(
            node.ask("POST", "/raftgate/v1/admin-tokens", &role),
            "token",
        );
        let code = approve(node, client);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", BACK),
        ];
        refresh = member(node.ask_token("guarded", client, &form), "refresh_token");
    });
    let (mut node, restored) = saved.restore(&["--drop-grants"]);
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    let said = "all access and refresh tokens of the snapshot are revoked; keys, users, admin tokens and client secrets stay";
    assert!(restored.out.contains(said), "{}", restored.out);
    node.start_again();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
    ];
    node.ask_token("guarded", &saved.client, &form)
        .expect_status(400);
    let shown = format!("/tyk/keys/{}", saved.token);
    node.ask("GET", &shown, &Value::Null).expect_status(404);
    let call = |path: &str, credential: &str| {
        let url = node.gateway_url(path);
        node.client()
            .get(&url, &[("authorization", credential)])
            .status
    };
    let user = format!("Basic {}", STANDARD.encode("anna:s3cret"));
    assert_eq!(
        [
            call("/keyed/x", &key),
            call("/keyed/x", "my-own-key"),
            call("/users/x", &user)
        ],
        [200; 3]
    );
    let url = node.control_url("/tyk/apis");
    node.client()
        .get(&url, &[("authorization", &admin)])
        .expect_status(200);
    node.access_token("guarded", &saved.client);
}

#[test]
fn a_saved_snapshot_is_private_whole_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let saved = Saved::new();
    let mode = fs::metadata(&saved.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let inspected = inspect(&saved.file, saved.node.folder());
    assert_eq!(inspected.code, Some(0), "{}", inspected.err);
    for part in ["last index", "keys named    1", "verified", "grants"] {
        assert!(inspected.out.contains(part), "{}", inspected.out);
    }
    let before = fs::read(&saved.file).unwrap();
    let again = save(&saved.node, &saved.file);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("not overwritten"), "{}", again.err);
    assert_eq!(fs::read(&saved.file).unwrap(), before);
    let left = |folder: &Path, suffix: &str| {
        let mut names = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        names.any(|name| name.to_str().unwrap().ends_with(suffix))
    };
    assert!(!left(saved.node.folder(), ".part"));
    assert!(!left(&saved.node.data_dir(), "export.snapshot"));
}

#[test]
fn a_snapshot_is_for_holders_of_the_secret_alone() {
    let node = Node::start();
    let url = node.control_url("/raftgate/v1/snapshot");
    assert_eq!(node.client().get(&url, &[]).status, 401);
    let wrong = [("authorization", "wrong")];
    assert_eq!(node.client().get(&url, &wrong).status, 401);
    let secret = node.folder().join("secret");
    fs::write(&secret, "wrong\n").unwrap();
    let (file, data_dir) = (node.folder().join("f"), node.data_dir());
    let arguments = [
        "snapshot",
        "save",
        text(&file),
        "--data-dir",
        text(&data_dir),
    ];
    let flag = ["--control-secret-file", text(&secret)];
    let refused = run(&[&arguments[..], &flag].concat(), &[], node.folder());
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("401"), "{}", refused.err);
    assert!(!file.exists());
}

#[test]
fn what_is_not_a_whole_snapshot_is_refused() {
    let saved = Saved::new();
    let mut bytes = fs::read(&saved.file).unwrap();
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).unwrap() ^= 1;
    let folder = saved.node.folder();
    for (name, content) in [
        ("changed", &bytes[..]),
        ("cut", bytes.get(..middle).unwrap()),
        ("empty", b""),
    ] {
        let file = folder.join(name);
        fs::write(&file, content).unwrap();
        let refused = inspect(&file, folder);
        assert_eq!(
            (refused.code, refused.out.as_str()),
            (Some(1), ""),
            "{name}"
        );
        assert!(refused.err.contains(name), "{}", refused.err);
        let into = folder.join(format!("from-{name}"));
        fs::create_dir(&into).unwrap();
        fs::copy(saved.node.data_dir().join("keyring"), into.join("keyring")).unwrap();
        let arguments = [
            "snapshot",
            "restore",
            text(&file),
            "--data-dir",
            text(&into),
        ];
        assert_eq!(run(&arguments, &[], folder).code, Some(1));
        assert_eq!(
            fs::read_dir(&into).unwrap().count(),
            1,
            "the directory was touched"
        );
    }
    assert_eq!(inspect(&folder.join("absent"), folder).code, Some(1));
}

#[test]
fn a_restore_needs_an_empty_directory_and_the_ring_of_the_cluster() {
    let saved = Saved::new();
    let folder = saved.node.folder();
    let ringless = saved.restore_into(&folder.join("new"), &[]);
    assert_eq!(ringless.code, Some(1));
    assert!(ringless.err.contains("no key ring"), "{}", ringless.err);
    assert!(!folder.join("new").exists());

    let other = Node::start();
    fs::create_dir(folder.join("used")).unwrap();
    fs::write(folder.join("used/notes"), "mine").unwrap();
    fs::copy(
        saved.node.data_dir().join("keyring"),
        folder.join("used/keyring"),
    )
    .unwrap();
    let refused = saved.restore_into(&folder.join("used"), &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("empty directory"), "{}", refused.err);
    let busy = saved.restore_into(&other.data_dir(), &[]);
    assert_eq!(busy.code, Some(1), "{}", busy.out);
}

#[test]
fn a_configured_ring_is_rotated_where_it_stands() {
    let saved = Saved::new();
    let ring = saved.node.folder().join("ring");
    fs::copy(saved.node.data_dir().join("keyring"), &ring).unwrap();
    let variable = ("RAFTGATE_KEYS_FILE", text(&ring));
    let mut node = Node::builder()
        .environment(variable.0, variable.1)
        .prepare();
    let data_dir = node.data_dir();
    let arguments = [
        "snapshot",
        "restore",
        text(&saved.file),
        "--data-dir",
        text(&data_dir),
    ];
    let restored = run(&arguments, &[variable], saved.node.folder());
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    assert!(!data_dir.join("keyring").exists());
    node.start_again();
    assert_eq!(node.get_with_token("/guarded/x", &saved.token).status, 200);
}
