#![allow(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use parking_lot::Mutex;
use raftgate_actors::api::HealthChecks;
use raftgate_actors::compile::GatewayDefaults;
use raftgate_actors::registry::{ConfigStatus, DegradedApi, Hindrance, Registry, RegistryParts};
use raftgate_actors::snapshot::{Publisher, gateway_tls};
use raftgate_cluster::node::{NodeConfig, Storage, StorageConfig, start};
use raftgate_model::api::ClassicDocument;
use raftgate_model::clock::Clock;
use raftgate_model::command::Found;
use raftgate_model::id::{Incarnation, KeyId, NodeId, Revision};
use raftgate_model::keyring::KeyCheck;
use raftgate_storage::wal::{WalConfig, WalId};
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::clock::{SystemClock, SystemEntropy};
use crate::control::{ControlFailure, Door};
use crate::definitions::{DefinitionsFolder, FolderReport};
use crate::test_ring::ring;

/// A node of its own, whose configuration the test brings into force.
pub(in crate::definitions) struct Node {
    pub(in crate::definitions) cluster: ClusterHandle,
    pub(in crate::definitions) keys: Arc<KeyRing>,
    _folder: TempDir,
}

impl Node {
    pub(in crate::definitions) async fn start() -> Self {
        let (folder, keys) = (TempDir::new().unwrap(), Arc::new(ring(1)));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let storage = StorageConfig {
            data_dir: folder.path().to_owned(),
            wal: WalConfig::default(),
            new_log: Some(WalId([3; 16])),
        };
        let founding = Found {
            cluster: [9; 16],
            incarnation: Incarnation(7),
            active_key: KeyCheck {
                id: KeyId(1),
                value: keys.check_value(KeyId(1)).unwrap(),
            },
        };
        let config = NodeConfig {
            node: NodeId(1),
            name: "node".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            data_dir: folder.path().to_owned(),
            write_timeout: Duration::from_secs(20),
            founding: Some(founding),
        };
        let storage = Storage::open(storage, Arc::clone(&clock), &mut |_| {})
            .await
            .unwrap();
        Self {
            cluster: start(config, storage, clock).await.unwrap(),
            keys,
            _folder: folder,
        }
    }

    pub(in crate::definitions) fn importer(&self, registry: RegistryHandle) -> Importer {
        let keys = Arc::clone(&self.keys);
        Importer::new(
            self.cluster.clone(),
            registry,
            keys,
            Arc::new(SystemEntropy),
        )
    }

    /// A Registry that opens definitions with this ring.
    pub(in crate::definitions) fn registry(&self, keys: Arc<KeyRing>) -> RegistryHandle {
        Registry::run(RegistryParts {
            view: Arc::clone(self.cluster.view()),
            keys,
            defaults: GatewayDefaults::default(),
            health_checks: HealthChecks::on(actix_rt::Arbiter::current(), gateway_tls().unwrap()),
        })
    }
}

/// An owner of the configuration that publishes what the test says.
fn published_by_hand() -> (watch::Sender<ConfigStatus>, RegistryHandle) {
    let (sender, statuses) = watch::channel(ConfigStatus::default());
    let source = Publisher::default().source();
    (sender, RegistryHandle::new(source, statuses))
}

/// All that is stored is in force, but for an API.
fn everything_but(api: &str, hindrance: Hindrance) -> ConfigStatus {
    let degraded = DegradedApi {
        id: ApiId::new(api).unwrap(),
        hindrance,
        reason: "as the test says".into(),
    };
    ConfigStatus {
        revision: Some(Revision(u64::MAX)),
        degraded: [degraded].into(),
    }
}

/// It asks for something that has no effect, so that there is a warning.
pub(in crate::definitions) fn document(id: &str) -> ApiDocument {
    let text = format!(
        r#"{{"api_id":"{id}","name":"{id}","active":true,"use_keyless":true,"cache_options":{{"enable_cache":true}},
        "proxy":{{"listen_path":"/{id}/","target_url":"http://127.0.0.1:1"}}}}"#
    );
    ApiDocument::Classic(ClassicDocument::parse(&text).unwrap())
}

/// What the control listener answers, and what it says.
fn answered(error: ImportError) -> (StatusCode, String) {
    let failure = ControlFailure::from(error);
    let answer = failure.answer(Door::Gateway);
    assert_eq!(answer.headers().get(RETRY_AFTER), None);
    (answer.status(), failure.to_string())
}

#[actix_web::test]
async fn an_api_that_its_node_cannot_serve_is_not_answered_as_if_it_were() {
    let node = Node::start().await;
    // Stored it is, and the owner of the configuration has another ring: it cannot open it.
    let importer = node.importer(node.registry(Arc::new(ring(8))));
    let error = importer
        .put_api(document("orders"), None)
        .await
        .unwrap_err();
    let ImportError::NotInForce { warnings, .. } = &error else {
        unreachable!("{error}");
    };
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let (status, message) = answered(error);
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    for part in ["is stored", "cannot be served on this node", "API orders: "] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    // Only its own API is asked for: nothing keeps it from going.
    let orders = ApiId::new("orders").unwrap();
    assert!(importer.delete_api(&orders).await.unwrap());
    node.cluster.shutdown().await;
}

#[actix_web::test]
async fn an_api_that_is_stored_and_late_is_not_answered_as_if_it_were_in_force() {
    let node = Node::start().await;
    let (sender, registry) = published_by_hand();
    let importer = Importer {
        limit: Duration::from_millis(20),
        ..node.importer(registry)
    };
    sender.send_replace(everything_but("late", Hindrance::Late));
    let fine = importer.put_api(document("fine"), None).await;
    assert_eq!(fine.unwrap().warnings.len(), 1);

    let error = importer.put_api(document("late"), None).await.unwrap_err();
    let ImportError::NotInForce { warnings, .. } = &error else {
        unreachable!("{error}");
    };
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let (status, message) = answered(error);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    for part in ["is stored", "do not repeat it", "ask /tyk/reload"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }

    sender.send_replace(ConfigStatus::default());
    drop(sender);
    let stopped = importer.put_api(document("after"), None).await;
    let (status, message) = answered(stopped.unwrap_err());
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(message.contains("is stored"), "{message}");
    node.cluster.shutdown().await;
}

#[actix_web::test]
async fn what_others_changed_since_is_not_waited_for() {
    let node = Node::start().await;
    let (sender, registry) = published_by_hand();
    let importer = node.importer(registry);
    let published = |revision| ConfigStatus {
        revision: Some(revision),
        ..ConfigStatus::default()
    };
    sender.send_replace(published(Revision(u64::MAX)));
    let [first, second] = ["first", "second"].map(|id| ApiId::new(id).unwrap());
    for id in ["first", "second"] {
        importer.put_api(document(id), None).await.unwrap();
    }
    let stored = node.cluster.view().api(&first).unwrap().revision;
    sender.send_replace(published(stored));
    let at_once = Duration::ZERO;
    let of_first = importer.in_force(std::slice::from_ref(&first), at_once);
    assert_eq!(of_first.await, Ok(()));
    for newer in [&[second.clone()][..], &[first, second], &[]] {
        let in_force = importer.in_force(newer, at_once).await;
        assert_eq!(in_force, Err(NotInForce::Late), "{newer:?}");
    }
    node.cluster.shutdown().await;
}

#[actix_web::test]
async fn many_files_come_into_force_by_few_commands_and_each_is_judged_for_itself() {
    const FILES: usize = 600;
    let node = Node::start().await;
    let importer = node.importer(node.registry(Arc::clone(&node.keys)));
    let files = TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(files.path().join(name), text).unwrap();
    for number in 0..FILES {
        let text = document(&format!("api{number}")).to_text();
        write(&format!("{number:03}.json"), &text);
    }
    // One wants a place that another file has, far from it in the folder.
    let rival = document("rival").to_text();
    write("rival.json", &rival.replace("/rival/", "/api0/"));
    write("wrong.json", "{");
    let folder = DefinitionsFolder::new(
        files.path().to_owned(),
        importer.clone(),
        node.cluster.clone(),
    );
    let commands = || node.cluster.view().meta().revision.0;
    let before = commands();
    let report = folder.apply().await.unwrap();
    assert_eq!((report.applied, report.failed), (FILES, 2));
    let needed = commands() - before;
    assert!(needed < 10, "{needed} commands for {FILES} files");
    assert!(importer.has_api(&ApiId::new("api599").unwrap()));
    assert!(!importer.has_api(&ApiId::new("rival").unwrap()));

    write(
        "599.json",
        &document("api599")
            .to_text()
            .replace("127.0.0.1:1", "127.0.0.1:2"),
    );
    let before = commands();
    let report = folder.apply().await.unwrap();
    assert_eq!((report.applied, report.unchanged), (1, FILES - 1));
    assert!(commands() - before <= 3, "one change is one command");
    node.cluster.shutdown().await;
}

#[actix_rt::test]
async fn what_is_given_is_checked_in_its_turn_and_not_on_this_thread() {
    let node = Node::start().await;
    let (_status, registry) = published_by_hand();
    let importer = node.importer(registry);
    let (release, held) = sync_channel::<()>(0);
    let held = Arc::new(Mutex::new(held));
    let mut busy = FuturesUnordered::new();
    for _ in 0..64 {
        let (work, held) = (importer.work().clone(), Arc::clone(&held));
        busy.push(async move { work.run(move || held.lock().recv().is_err()).await });
    }
    assert!(busy.next().now_or_never().is_none());

    // Both are wrong, which nobody finds out before it is their turn.
    let mut api = Box::pin(importer.put_api(unusable(), None));
    assert!(api.as_mut().now_or_never().is_none());
    let mut policy = Box::pin(importer.put_policy("{", None));
    assert!(policy.as_mut().now_or_never().is_none());
    drop(release);
    while let Some(went) = busy.next().await {
        assert_eq!(went, Ok(true));
    }
    assert!(matches!(api.await, Err(ImportError::Faults(_))));
    assert!(matches!(policy.await, Err(ImportError::PolicyFaults(_))));
    node.cluster.shutdown().await;
}

#[actix_rt::test]
async fn a_folder_is_read_off_this_thread() {
    let node = Node::start().await;
    let (_status, registry) = published_by_hand();
    let importer = node.importer(registry);
    let empty = TempDir::new().unwrap();
    let folder = DefinitionsFolder::new(empty.path().to_owned(), importer, node.cluster.clone());
    let mut look = Box::pin(folder.apply());
    assert!(look.as_mut().now_or_never().is_none());
    assert_eq!(look.await.unwrap(), FolderReport::default());
    node.cluster.shutdown().await;
}

/// It has no listen path.
fn unusable() -> ApiDocument {
    let text = r#"{"api_id":"a","name":"a","active":true,"use_keyless":true,"proxy":{}}"#;
    ApiDocument::Classic(ClassicDocument::parse(text).unwrap())
}
