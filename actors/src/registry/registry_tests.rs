#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected must fail"
)]

use raftgate_model::command::{Batch, Command, Found, Origin, PutApi, PutPolicy, Request};
use raftgate_model::id::{ApiId, BootId, Incarnation, KeyId, LogIndex, NodeId, OrgId, PolicyId};
use raftgate_model::keyring::{CheckValue, KeyCheck};
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::{Secret, SecretBytes};
use raftgate_model::state::RouteKey;
use raftgate_model::time::Timestamp;

use super::*;
use crate::snapshot::{Access, Place, gateway_tls};

pub(super) struct Config {
    pub(super) view: Arc<View>,
    pub(super) keys: Arc<KeyRing>,
    index: u64,
}

impl Config {
    pub(super) fn new() -> Self {
        let keys = KeyRing::new(
            KeyId(1),
            SecretBytes::new([1; 32]),
            SecretBytes::new([2; 32]),
        );
        let mut config = Self {
            view: Arc::default(),
            keys: Arc::new(keys),
            index: 0,
        };
        let found = Found {
            cluster: [9; 16],
            incarnation: Incarnation(7),
            active_key: KeyCheck {
                id: KeyId(1),
                value: CheckValue::from_bytes([1; 16]),
            },
        };
        config.apply(Command::Found(found));
        config
    }

    pub(super) fn apply(&mut self, command: Command) {
        self.index += 1;
        let origin = Origin {
            node: NodeId(1),
            boot: BootId(1),
            done_below: self.index,
        };
        let request = Request {
            origin: 0,
            sequence: self.index,
            command,
        };
        let batch = Batch {
            stamp: Timestamp::ZERO,
            origins: vec![origin],
            requests: vec![request],
        };
        self.view.apply(LogIndex(self.index), &batch);
    }

    pub(super) fn put(&mut self, id: &str, text: &str) {
        self.put_at(id, text, vec![]);
    }

    fn put_at(&mut self, id: &str, text: &str, routes: Vec<RouteKey>) {
        let owner = SecretOwner {
            kind: SecretKind::ApiDefinition,
            id,
        };
        let sealed = self
            .keys
            .seal(KeyId(1), owner, [0; 12], &Secret::new(text.into()))
            .unwrap();
        self.apply(Command::PutApi(PutApi {
            id: ApiId::new(id).unwrap(),
            org: OrgId::default(),
            document: sealed,
            document_hash: [self.index as u8; 32],
            routes,
            source: None,
        }));
    }

    pub(super) fn put_policy(&mut self, id: &str, api: &str) {
        let document = format!(
            r#"{{"id":"{id}","org_id":"default","active":true,"access_rights":{{"{api}":{{"api_id":"{api}","versions":["Default"]}}}}}}"#
        );
        self.apply(Command::PutPolicy(PutPolicy {
            id: PolicyId::new(id).unwrap(),
            org: OrgId::default(),
            document: document.into(),
            source: None,
        }));
    }

    /// Seals a definition with another cluster's ring: this node cannot read it.
    fn put_unreadable(&mut self, id: &str) {
        self.put_unreadable_at(id, vec![]);
    }

    fn put_unreadable_at(&mut self, id: &str, routes: Vec<RouteKey>) {
        let keys = Arc::clone(&self.keys);
        self.keys = Arc::new(KeyRing::new(
            KeyId(1),
            SecretBytes::new([3; 32]),
            SecretBytes::new([4; 32]),
        ));
        self.put_at(id, "{}", routes);
        self.keys = keys;
    }

    pub(super) fn run(&self) -> RegistryHandle {
        let parts = RegistryParts {
            view: self.view.clone(),
            keys: self.keys.clone(),
            defaults: GatewayDefaults::default(),
            health_checks: HealthChecks::on(actix::Arbiter::current(), gateway_tls().unwrap()),
        };
        Registry::run(parts)
    }

    pub(super) async fn settled(&self, registry: &RegistryHandle) {
        registry
            .published(self.view.meta().config_revision, IN_FORCE_LIMIT)
            .await
            .unwrap();
    }
}

fn route(listen_path: &str) -> RouteKey {
    RouteKey {
        host: None,
        listen_path: listen_path.into(),
    }
}

pub(super) fn whose(registry: &RegistryHandle, path: &str) -> String {
    let snapshot = registry.source().current();
    match snapshot.routes().place(None, path).unwrap() {
        Place::Served(found) => found.api.id.to_string(),
        Place::Unserved(id) => format!("{id}, unserved"),
    }
}

fn at(id: &str, path: &str) -> String {
    keyless(id, "http://127.0.0.1:1").replace(&format!("\"/{id}/\""), &format!("\"{path}/\""))
}

pub(super) fn keyless(id: &str, target: &str) -> String {
    format!(
        r#"{{"api_id":"{id}","name":"{id}","active":true,"use_keyless":true,"proxy":{{"listen_path":"/{id}/","target_url":"{target}","strip_listen_path":true}}}}"#
    )
}

#[actix::test]
async fn what_is_applied_comes_into_force_and_what_is_deleted_goes() {
    let mut config = Config::new();
    config.put("orders", &keyless("orders", "http://127.0.0.1:1"));
    let registry = config.run();
    config.settled(&registry).await;
    let snapshot = registry.source().current();
    let orders = ApiId::new("orders").unwrap();
    assert!(matches!(
        snapshot.api(&orders).unwrap().access,
        Access::Keyless
    ));

    config.apply(Command::DeleteApi(orders.clone()));
    config.settled(&registry).await;
    assert!(registry.source().current().api(&orders).is_none());
}

#[actix::test]
async fn a_change_touches_its_own_api_alone() {
    let mut config = Config::new();
    config.put("a", &keyless("a", "http://127.0.0.1:1"));
    config.put("b", &keyless("b", "http://127.0.0.1:1"));
    let registry = config.run();
    config.settled(&registry).await;
    let before = registry.source().current();
    config.put("b", &keyless("b", "http://127.0.0.1:2"));
    config.settled(&registry).await;
    let after = registry.source().current();
    let (a, b) = (ApiId::new("a").unwrap(), ApiId::new("b").unwrap());
    assert!(Arc::ptr_eq(before.api(&a).unwrap(), after.api(&a).unwrap()));
    assert!(!Arc::ptr_eq(
        before.api(&b).unwrap(),
        after.api(&b).unwrap()
    ));
    let counters = |snapshot: &GatewaySnapshot| snapshot.api(&b).unwrap().counters.clone();
    assert!(
        Arc::ptr_eq(&counters(&before), &counters(&after)),
        "its counters go on"
    );
}

#[actix::test]
async fn a_definition_that_cannot_be_served_keeps_the_last_good_one_and_shows() {
    let mut config = Config::new();
    config.put("orders", &keyless("orders", "http://127.0.0.1:1"));
    let registry = config.run();
    config.settled(&registry).await;
    let orders = ApiId::new("orders").unwrap();
    let good = registry.source().current().api(&orders).unwrap().clone();

    config.put(
        "orders",
        r#"{"api_id":"orders","proxy":{"listen_path":"nowhere"}}"#,
    );
    config.settled(&registry).await;
    let kept = registry.source().current().api(&orders).unwrap().clone();
    assert!(Arc::ptr_eq(&good, &kept));
    let degraded = registry.status().degraded;
    assert_eq!(degraded.len(), 1);
    assert_eq!(degraded.first().unwrap().id, orders);

    config.put("orders", &keyless("orders", "http://127.0.0.1:3"));
    config.settled(&registry).await;
    assert!(registry.status().degraded.is_empty());
}

#[actix::test]
async fn a_degraded_api_whose_place_another_took_is_left_out_alone() {
    let mut config = Config::new();
    config.put("a", &at("a", "/place"));
    config.put("z", &at("z", "/elsewhere"));
    let registry = config.run();
    config.settled(&registry).await;
    let owner = |path: &str| {
        let snapshot = registry.source().current();
        match snapshot.routes().place(None, path)? {
            Place::Served(found) => Some(found.api.id.to_string()),
            Place::Unserved(_) => None,
        }
    };
    assert_eq!(owner("/place").as_deref(), Some("a"));

    // What is stored of `a` frees the place, and cannot be read here: the last good version stands where `b` stands now.
    config.put_unreadable("a");
    config.put("b", &at("b", "/place"));
    config.settled(&registry).await;
    assert_eq!(owner("/place").as_deref(), Some("b"));
    assert_eq!(owner("/elsewhere").as_deref(), Some("z"));
    let degraded = registry.status().degraded;
    let first = degraded.first().unwrap();
    assert_eq!((degraded.len(), first.id.as_str()), (1, "a"));
    assert!(first.reason.contains("taken by API b"), "{}", first.reason);

    // Later changes come into force, and the place is its own again when the other leaves it.
    config.apply(Command::DeleteApi(ApiId::new("b").unwrap()));
    config.settled(&registry).await;
    assert_eq!(owner("/place").as_deref(), Some("a"));
}

#[actix::test]
async fn an_api_without_a_good_version_keeps_its_place_until_it_is_deleted() {
    let mut config = Config::new();
    config.put("root", &at("root", ""));
    let unreadable = r#"{"api_id":"broken","proxy":{"listen_path":"nowhere"}}"#;
    config.put_at("broken", unreadable, vec![route("/broken/")]);
    let registry = config.run();
    config.settled(&registry).await;
    let whose = || whose(&registry, "/broken/x");
    assert_eq!(whose(), "broken, unserved");

    config.put("broken", &keyless("broken", "http://127.0.0.1:1"));
    config.settled(&registry).await;
    assert_eq!(whose(), "broken");
    config.apply(Command::DeleteApi(ApiId::new("broken").unwrap()));
    config.settled(&registry).await;
    assert_eq!(whose(), "root");
}

#[actix::test]
async fn a_degraded_api_has_its_new_place_too_and_its_old_one_while_it_is_nobody_elses() {
    let mut config = Config::new();
    config.put("root", &at("root", ""));
    config.put_at("orders", &at("orders", "/old"), vec![route("/old/")]);
    let registry = config.run();
    config.settled(&registry).await;

    config.put_unreadable_at("orders", vec![route("/new/")]);
    config.settled(&registry).await;
    assert_eq!(whose(&registry, "/new/x"), "orders, unserved");
    assert_eq!(whose(&registry, "/old/x"), "orders");

    config.put_unreadable_at("heir", vec![route("/old/")]);
    config.settled(&registry).await;
    assert_eq!(whose(&registry, "/new/x"), "orders, unserved");
    assert_eq!(whose(&registry, "/old/x"), "heir, unserved");
    let degraded = registry.status().degraded;
    let orders = degraded.iter().find(|api| api.id.as_str() == "orders");
    let reason = &orders.unwrap().reason;
    assert!(reason.contains("taken by API heir"), "{reason}");

    config.put_unreadable_at("orders", vec![route("/old/elsewhere/")]);
    config.put_at("heir", &at("heir", "/heir"), vec![route("/heir/")]);
    config.settled(&registry).await;
    assert_eq!(whose(&registry, "/old/x"), "orders");
    config.put_unreadable_at("orders", vec![route("/old/")]);
    config.settled(&registry).await;
    assert_eq!(whose(&registry, "/old/x"), "orders");
}

#[actix::test]
async fn a_change_that_cannot_be_served_is_not_in_force_though_it_is_published() {
    let mut config = Config::new();
    config.put("orders", &keyless("orders", "http://127.0.0.1:1"));
    config.put("fine", &keyless("fine", "http://127.0.0.1:1"));
    let registry = config.run();
    config.settled(&registry).await;
    config.put_unreadable("orders");
    config.settled(&registry).await;
    let revision = config.view.meta().config_revision;
    let (orders, fine) = (
        [ApiId::new("orders").unwrap()],
        [ApiId::new("fine").unwrap()],
    );
    let in_force = |scope| registry.in_force(revision, scope, IN_FORCE_LIMIT);
    assert_eq!(in_force(Scope::Apis(&fine)).await, Ok(()));
    for scope in [Scope::Apis(&orders), Scope::Everything] {
        let told = in_force(scope).await;
        assert!(matches!(told, Err(NotInForce::Unservable(_))), "{told:?}");
    }
}

#[actix::test]
async fn what_does_not_come_into_force_is_waited_for_within_the_limit() {
    let config = Config::new();
    let registry = config.run();
    config.settled(&registry).await;
    let limit = Duration::from_millis(20);
    let never = Revision(u64::MAX);
    assert_eq!(
        registry.published(never, limit).await,
        Err(NotInForce::Late)
    );
}

#[actix::test]
async fn policies_are_published_with_the_apis() {
    let mut config = Config::new();
    let gold = PolicyId::new("gold").unwrap();
    config.put_policy("gold", "orders");
    let registry = config.run();
    config.settled(&registry).await;
    let orders = ApiId::new("orders").unwrap();
    let snapshot = registry.source().current();
    assert!(
        snapshot
            .policy(&gold)
            .unwrap()
            .policy
            .access_rights
            .get(&orders)
            .is_some()
    );
    config.apply(Command::DeletePolicy(gold.clone()));
    config.settled(&registry).await;
    assert!(registry.source().current().policy(&gold).is_none());
}

#[actix::test]
async fn policies_are_read_off_the_thread_of_the_actors() {
    // One that is there, one that cannot be read, one whose pattern cannot be compiled.
    let mut config = Config::new();
    config.put_policy("gold", "orders");
    for (id, document) in [
        ("broken", "{"),
        (
            "old",
            r#"{"id":"old","access_rights":{"a":{"allowed_urls":[{"url":"/a("}]}}}"#,
        ),
    ] {
        config.apply(Command::PutPolicy(PutPolicy {
            id: PolicyId::new(id).unwrap(),
            org: OrgId::default(),
            document: document.into(),
            source: None,
        }));
    }
    let mut policies = Policies::default();
    let read = policies.read_changed(&config.view);
    assert!(policies.all().next().is_none(), "nothing is read in line");
    let news = read.await;
    policies.settle(&news);
    let mut ids: Vec<_> = policies.all().map(|policy| policy.id.to_string()).collect();
    ids.sort();
    assert_eq!(ids, ["gold", "old"]);
    assert!(policies.read_changed(&config.view).await.is_empty());
}
