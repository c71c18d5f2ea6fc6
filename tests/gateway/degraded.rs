//! An API whose stored definition this version cannot serve, as another version may have written it.

use std::sync::Arc;
use std::time::Duration;

use raftgate::clock::SystemClock;
use raftgate_cluster::batch::Lane;
use raftgate_cluster::node::{NodeConfig, Storage, StorageConfig, start};
use raftgate_model::clock::Clock;
use raftgate_model::command::{Command, PutApi, PutPolicy};
use raftgate_model::id::{ApiId, NodeId, OrgId, PolicyId};
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::Secret;
use raftgate_model::state::RouteKey;
use raftgate_storage::keyring_file;
use raftgate_storage::wal::WalConfig;
use serde_json::{Value, json};

use crate::harness::{
    Answer, Node, RecordingServer, Reply, keyless_api, merge, oauth_api, policy, wait_for,
};
use crate::world::text;

/// Stores a definition in the data of a node that does not run, past every check but those of the state itself.
fn store_unchecked(node: &Node, id: &str, definition: &str) {
    let data_dir = node.data_dir();
    let keys = keyring_file::load(&data_dir.join("keyring")).unwrap();
    let owner = SecretOwner {
        kind: SecretKind::ApiDefinition,
        id,
    };
    let definition = Secret::new(definition.to_owned());
    let document = keys
        .seal(keys.active(), owner, [7; 12], &definition)
        .unwrap();
    let put = PutApi {
        id: ApiId::new(id).unwrap(),
        org: OrgId::new("default").unwrap(),
        document,
        document_hash: [7; 32],
        routes: vec![RouteKey {
            host: None,
            listen_path: format!("/{id}/").as_str().into(),
        }],
        source: None,
    };
    propose_unchecked(node, Command::PutApi(put));
}

/// Has a command applied by the data of a node that does not run.
fn propose_unchecked(node: &Node, command: Command) {
    let data_dir = node.data_dir();
    let identity = std::fs::read(data_dir.join("node.json")).unwrap();
    let identity: Value = serde_json::from_slice(&identity).unwrap();
    let config = NodeConfig {
        node: NodeId(u64::from_str_radix(&text(&identity, "id"), 16).unwrap()),
        name: text(&identity, "name"),
        address: "127.0.0.1:1".to_owned(),
        data_dir: data_dir.clone(),
        write_timeout: Duration::from_secs(20),
        founding: None,
    };
    let storage = StorageConfig {
        data_dir,
        wal: WalConfig::default(),
        new_log: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let storage = Storage::open(storage, Arc::clone(&clock), &mut |_| {})
            .await
            .unwrap();
        let cluster = start(config, storage, clock).await.unwrap();
        cluster
            .propose(Lane::Administration, command)
            .await
            .unwrap();
        cluster.shutdown().await;
    });
}

fn asked(node: &Node, path: &str) -> Value {
    let url = node.control_url(path);
    node.client().get(&url, &[]).expect_status(200).json()
}

fn metrics(node: &Node) -> String {
    node.client().get(&node.control_url("/metrics"), &[]).text()
}

#[test]
fn an_api_that_cannot_be_served_is_shown_and_holds_nothing_up() {
    let upstream = RecordingServer::replying(Reply::ok("served"));
    let mut node = Node::start();
    node.create_api(&keyless_api("fine", "/fine/", &upstream.url("/")));
    let good = keyless_api("later", "/later/", &upstream.url("/"));
    node.create_api(&good);
    assert_eq!(text(&asked(&node, "/ready"), "status"), "pass");
    assert_eq!(node.terminate().code(), Some(0));
    let beyond = good.to_string().replace("http://", "quic://");
    store_unchecked(&node, "later", &beyond);

    // It does not keep the node from starting, nor the other API from being served.
    node.start_again();
    let status = |node: &Node, path: &str| node.client().get(&node.gateway_url(path), &[]).status;
    assert_eq!(status(&node, "/fine/"), 200);
    // It exists, so it is neither said to be absent nor another API's, and the answer tells when to ask again.
    node.create_api(&keyless_api("root", "/", &upstream.url("/")));
    assert_eq!(status(&node, "/elsewhere"), 200);
    let later = node.client().get(&node.gateway_url("/later/x"), &[]);
    assert_eq!(later.status, 503, "{}", later.text());
    assert!(!later.header("retry-after").is_empty());
    let id = later.header("x-request-id").to_owned();
    wait_for("the refusal stands in the log with its API", || {
        let log = node.log();
        let mut lines = log.lines().filter(|line| line.contains(&id));
        lines.any(|line| line.contains("api_unserved") && line.contains("later"))
    });
    for path in ["/ready", "/hello"] {
        let told = asked(&node, path);
        assert_eq!(text(&told, "status"), "warn", "{told}");
        assert!(told.to_string().contains("later"), "{told}");
    }
    let shown = "raftgate_api_degraded{api=\"later\"} 1";
    assert!(metrics(&node).contains(shown), "{}", metrics(&node));
    let log = node.log();
    let mut lines = log.lines();
    let told = lines.any(|line| line.contains("later") && line.contains("proxy.target_url"));
    assert!(told, "{log}");

    // A definition that can be served mends it.
    node.ask("PUT", "/tyk/apis/later", &good).expect_status(200);
    wait_for("all is well again", || {
        text(&asked(&node, "/ready"), "status") == "pass"
    });
    assert_eq!(status(&node, "/later/"), 200);
    assert!(!metrics(&node).contains(shown));
}

/// It was not carried out, for a reason that passes: neither that the API is absent nor that it is of another kind.
#[track_caller]
fn assert_unjudged(answer: Answer, of: &str) {
    let answer = answer.expect_status(503);
    assert!(!answer.header("retry-after").is_empty());
    let told = answer.text();
    assert!(
        told.contains(of) && told.contains("can be repeated"),
        "{told}"
    );
}

#[test]
fn what_is_asked_of_an_oauth_api_that_cannot_be_served_is_not_answered_as_if_it_were_absent() {
    let mut node = Node::start();
    let target = "http://127.0.0.1:1/";
    node.create_oauth_api("fine", target);
    let later = node.create_oauth_api("later", target);
    node.create_policy(&policy("both", &["fine", "later"]));
    assert_eq!(node.terminate().code(), Some(0));
    let broken = oauth_api("later", "/later/", "quic://127.0.0.1:1/");
    store_unchecked(&node, "later", &broken.to_string());
    node.start_again();

    // Asking again is for nothing, so it does not say that it is on its way.
    let reload = node.ask("GET", "/tyk/reload", &Value::Null);
    let told = reload.expect_status(500).text();
    assert!(told.contains("API later: proxy.target_url"), "{told}");

    let back = "http://127.0.0.1/back";
    let approval = json!({"response_type": "code", "client_id": later.id, "redirect_uri": back});
    let mut named = approval.clone();
    merge(&mut named, json!({"api_id": "later"}));
    for (path, body) in [
        ("/tyk/oauth/authorize-client", &approval),
        ("/tyk/oauth/authorize-client", &named),
        ("/api/apis/later/authorize-client", &approval),
        ("/api/apis/oauth/later/authorize-client", &approval),
        (
            "/tyk/oauth/clients/create",
            &json!({"api_id": "later", "policy_id": "both"}),
        ),
        ("/api/apis/oauth/later", &json!({"policy_id": "both"})),
        // It is for both APIs: registered with one of them, it would lack the other for good.
        ("/tyk/oauth/clients/create", &json!({"policy_id": "both"})),
    ] {
        assert_unjudged(node.ask("POST", path, body), "API later");
    }
    let clients = |node: &Node, api: &str| {
        let listed = node.ask("GET", &format!("/tyk/oauth/clients/{api}"), &Value::Null);
        listed.expect_status(200).json().as_array().unwrap().len()
    };
    assert_eq!((clients(&node, "fine"), clients(&node, "later")), (1, 1));
    // What only ends something needs no version of the API.
    let refresh = "/tyk/oauth/refresh/unknown?api_id=later";
    node.ask("DELETE", refresh, &Value::Null).expect_status(200);
    for path in ["authorize", "token", "revoke", "revoke_all"] {
        let url = node.gateway_url(&format!("/later/oauth/{path}"));
        let form = [("grant_type", "client_credentials")];
        let authorization = [("authorization", later.basic())];
        let headers = authorization
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let answer = node
            .client()
            .post_form(&url, &headers, &form)
            .expect_status(503);
        assert!(!answer.header("retry-after").is_empty(), "{path}");
    }

    let good = oauth_api("later", "/later/", target);
    node.ask("PUT", "/tyk/apis/later", &good).expect_status(200);
    node.ask("GET", "/tyk/reload", &Value::Null)
        .expect_status(200);
    node.access_token("later", &later);
    node.create_client(&json!({"policy_id": "both"}));
    assert_eq!((clients(&node, "fine"), clients(&node, "later")), (2, 2));
}

#[test]
fn a_key_for_an_api_that_cannot_be_served_is_not_made_as_if_it_were_absent() {
    let mut node = Node::start();
    let api = |id: &str, target: &str| {
        let mut api = keyless_api(id, &format!("/{id}/"), target);
        let keyed =
            json!({"use_keyless": false, "use_standard_auth": true, "session_lifetime": -1});
        merge(&mut api, keyed);
        api
    };
    let target = "http://127.0.0.1:1/";
    for id in ["fine", "later", "idle"] {
        node.create_api(&api(id, target));
    }
    node.create_policy(&policy("both", &["fine", "later"]));
    let rights = |id: &str| json!({"access_rights": {id: {}}});
    let make = |node: &Node, session: &Value| {
        let made = node.ask("POST", "/tyk/keys", session).expect_status(200);
        made.json()
    };
    let old = text(&make(&node, &rights("later")), "key");
    assert_eq!(node.terminate().code(), Some(0));
    store_unchecked(
        &node,
        "later",
        &api("later", "quic://127.0.0.1:1/").to_string(),
    );
    node.start_again();

    // How long the key is kept is what the API says, and that cannot be told.
    let by_policy = json!({"apply_policies": ["both"]});
    for session in [&rights("later"), &by_policy] {
        for (method, path) in [
            ("POST", "/tyk/keys".to_owned()),
            ("POST", "/tyk/keys/create".to_owned()),
            ("POST", "/tyk/keys/preview".to_owned()),
            ("POST", "/tyk/keys/my-name".to_owned()),
            ("PUT", format!("/tyk/keys/{old}")),
        ] {
            assert_unjudged(node.ask(method, &path, session), "API later");
        }
    }
    node.ask("GET", "/tyk/keys/my-name", &Value::Null)
        .expect_status(404);
    // What is there can be seen and ended, and other APIs are nobody's business.
    node.ask("GET", &format!("/tyk/keys/{old}"), &Value::Null)
        .expect_status(200);
    node.ask("DELETE", &format!("/tyk/keys/{old}"), &Value::Null)
        .expect_status(200);
    make(&node, &rights("fine"));
    let mut idle = api("idle", target);
    merge(&mut idle, json!({"active": false}));
    node.ask("PUT", "/tyk/apis/idle", &idle).expect_status(200);
    for (id, reason) in [
        ("idle", "the API is not active"),
        ("nobodys", "there is no such API"),
    ] {
        make(&node, &rights(id));
        let warning = format!("access_rights.{id}: {reason}");
        wait_for("the log says so", || node.log().contains(&warning));
    }

    node.ask("PUT", "/tyk/apis/later", &api("later", target))
        .expect_status(200);
    for session in [&rights("later"), &by_policy] {
        make(&node, session);
    }
    for id in ["fine", "later"] {
        assert!(!node.log().contains(&format!("access_rights.{id}:")));
    }
}

#[test]
fn what_is_asked_of_a_policy_that_cannot_be_read_is_not_answered_as_if_it_were_absent() {
    let mut node = Node::start();
    node.create_oauth_api("fine", "http://127.0.0.1:1/");
    let good = policy("odd", &["fine"]);
    node.create_policy(&good);
    let client = node.create_client(&json!({"api_id": "fine", "policy_id": "odd"}));
    assert_eq!(node.terminate().code(), Some(0));
    let put = PutPolicy {
        id: PolicyId::new("odd").unwrap(),
        org: OrgId::new("default").unwrap(),
        document: r#"{"id": "odd", "access_rights": {"fine": {"versions": 5}}}"#.into(),
        source: None,
    };
    propose_unchecked(&node, Command::PutPolicy(put));
    node.start_again();

    let of_client = format!("/tyk/oauth/clients/fine/{}", client.id);
    let asked = [
        ("POST", "/tyk/keys", json!({"apply_policies": ["odd"]})),
        (
            "POST",
            "/tyk/oauth/clients/create",
            json!({"policy_id": "odd"}),
        ),
        (
            "PUT",
            &of_client,
            json!({"policy_id": "odd", "redirect_uri": ""}),
        ),
    ];
    for (method, path, body) in &asked {
        assert_unjudged(node.ask(method, path, body), "policy odd");
    }
    node.create_policy(&good);
    for (method, path, body) in &asked {
        node.ask(method, path, body).expect_status(200);
    }
}
