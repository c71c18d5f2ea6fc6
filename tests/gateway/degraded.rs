//! An API whose stored definition this version cannot serve, as another version may have written it.

use std::sync::Arc;
use std::time::Duration;

use raftgate::clock::SystemClock;
use raftgate_cluster::batch::Lane;
use raftgate_cluster::node::{NodeConfig, Storage, StorageConfig, start};
use raftgate_model::clock::Clock;
use raftgate_model::command::{Command, PutApi};
use raftgate_model::id::{ApiId, NodeId, OrgId};
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::Secret;
use raftgate_model::state::RouteKey;
use raftgate_storage::keyring_file;
use raftgate_storage::wal::WalConfig;
use serde_json::Value;

use crate::harness::{Node, RecordingServer, Reply, keyless_api, wait_for};
use crate::world::text;

/// Stores a definition in the data of a node that does not run, past every check but those of the state itself.
fn store_unchecked(node: &Node, id: &str, definition: &str) {
    let data_dir = node.data_dir();
    let identity = std::fs::read(data_dir.join("node.json")).unwrap();
    let identity: Value = serde_json::from_slice(&identity).unwrap();
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
        let command = Command::PutApi(put);
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
