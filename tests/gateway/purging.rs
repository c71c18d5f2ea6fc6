//! The purge of what is over: at a node inside the test, whose clock the test moves past the end of tokens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use raftgate::boot::{RunningNode, Surroundings};
use raftgate::clock::{SystemClock, SystemEntropy};
use raftgate::config::environment::Environment;
use raftgate::config::flags::Flags;
use raftgate::config::resolve;
use raftgate_model::clock::Clock;
use raftgate_model::time::{Timestamp, Ttl};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::harness::{
    Answer, Client, Credentials, Node, PATIENCE, STYLES, Style, merge, oauth_api, policy,
};
use crate::storage_troubles::value_of;
use crate::world::{World, text};

/// How long the access tokens here live.
const TTL_S: u64 = 600;
/// What is in the store, and what the sweeper removed from it.
const GRANTS: &str = "raftgate_store_live_grants";
const SWEPT: &str = "raftgate_swept_records_total";
/// How often the sweeper, which looks once a second, may be there before the purge.
const ROUNDS_MAX: usize = 10;

/// The machine's clocks, ahead by as much as the test says.
#[derive(Default)]
struct MovedClock(AtomicU64);

impl MovedClock {
    fn pass(&self, time: Ttl) {
        self.0.fetch_add(time.as_ms(), Ordering::SeqCst);
    }

    fn ahead_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Ttl::from_ms(self.ahead_ms()))
    }

    fn boot_time(&self) -> Ttl {
        Ttl::from_ms(SystemClock.boot_time().as_ms() + self.ahead_ms())
    }
}

/// A node on a thread of this process; it ends with the test.
struct NodeInside {
    clock: Arc<MovedClock>,
    gateway: SocketAddr,
    control: SocketAddr,
    secret: String,
    http: Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    // Goes last, when the node is not in it any more.
    _folder: TempDir,
}

impl NodeInside {
    fn start(style: Style) -> Self {
        let folder = TempDir::new().unwrap();
        let data_dir = folder.path().join("data");
        let settings = resolve(
            None,
            &Environment::from_pairs([
                ("RAFTGATE_NODE_DATA_DIR", data_dir.to_str().unwrap()),
                ("RAFTGATE_GATEWAY_LISTEN", "127.0.0.1:0"),
                ("RAFTGATE_CONTROL_LISTEN", "127.0.0.1:0"),
                ("RAFTGATE_CLUSTER_LISTEN", "127.0.0.1:0"),
                ("RAFTGATE_OAUTH_ERROR_STYLE", style.name()),
            ]),
            &Flags::default(),
        );
        let settings = settings.unwrap();
        let clock = Arc::<MovedClock>::default();
        let surroundings = Surroundings {
            clock: Arc::<MovedClock>::clone(&clock),
            entropy: Arc::new(SystemEntropy),
        };
        let (started, start) = sync_channel(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let node = Box::pin(RunningNode::start(settings, surroundings));
                let node = node.await.unwrap();
                let secret = node.control_secret().expose().to_owned();
                let doors = (node.gateway_address(), node.control_address());
                started.send((doors, secret)).unwrap();
                let _ = stopped.await;
                node.stop().await;
            });
        });
        let ((gateway, control), secret) = start.recv_timeout(PATIENCE).unwrap();
        Self {
            clock,
            gateway,
            control,
            secret,
            http: Client::new(),
            stop: Some(stop),
            thread: Some(thread),
            _folder: folder,
        }
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let url = format!("http://{}{path}", self.control);
        let headers = [
            ("authorization", self.secret.as_str()),
            ("content-type", "application/json"),
        ];
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let answer = self.http.send(method, &url, &headers, body.as_bytes());
        answer.expect_status(200)
    }

    /// Two clients of one API.
    fn clients(&self) -> [Credentials; 2] {
        let mut definition = oauth_api("purged", "/purged/", "http://127.0.0.1:9/");
        merge(
            &mut definition,
            json!({"raftgate": {"access_token_ttl_s": TTL_S}}),
        );
        self.ask("POST", "/tyk/apis", &definition);
        self.ask("POST", "/tyk/policies", &policy("purged", &["purged"]));
        ["one", "two"].map(|id| {
            let client = json!({"client_id": id, "api_id": "purged", "policy_id": "purged"});
            let made = self.ask("POST", "/tyk/oauth/clients/create", &client);
            Credentials {
                id: id.to_owned(),
                secret: text(&made.json(), "secret"),
            }
        })
    }

    fn issue(&self, client: &Credentials) {
        let url = format!("http://{}/purged/oauth/token", self.gateway);
        let basic = client.basic();
        let headers = [("authorization", basic.as_str())];
        let form = [("grant_type", "client_credentials")];
        let answer = self.http.post_form(&url, &headers, &form);
        answer.expect_status(200);
    }

    /// How many tokens are listed for a client.
    fn listed(&self, client: &Credentials) -> usize {
        let path = format!("/tyk/oauth/clients/purged/{}/tokens", client.id);
        let listed = self.ask("GET", &path, &Value::Null).json();
        listed.as_array().unwrap().len()
    }

    fn purge(&self) {
        let answer = self.ask("DELETE", "/tyk/oauth/tokens?scope=lapsed", &Value::Null);
        let expected = json!({"status": "ok", "message": "lapsed tokens purged"});
        assert_eq!(answer.json(), expected);
    }

    fn metric(&self, name: &str) -> String {
        value_of(&self.ask("GET", "/metrics", &Value::Null).text(), name)
    }
}

impl Drop for NodeInside {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn what_is_over_for_a_minute_is_removed_by_a_purge_t21_t42() {
    for style in STYLES {
        removes_what_is_over(&NodeInside::start(style));
    }
}

fn removes_what_is_over(node: &NodeInside) {
    let clients = node.clients();
    let listed = || clients.each_ref().map(|client| node.listed(client));
    let purge_was_first = (0..ROUNDS_MAX).any(|_| {
        for client in clients.iter().cycle().take(6) {
            node.issue(client);
        }
        assert_eq!(listed(), [3, 3]);
        node.clock.pass(Ttl::from_s(TTL_S + 20));
        assert_eq!(listed(), [0, 0]);
        node.purge();
        assert_eq!(node.metric(GRANTS), "6.0", "they are kept for a minute");
        let swept = node.metric(SWEPT);
        node.clock.pass(Ttl::from_s(41));
        node.purge();
        assert_eq!(node.metric(GRANTS), "0.0");
        assert_eq!(listed(), [0, 0]);
        node.metric(SWEPT) == swept
    });
    assert!(
        purge_was_first,
        "nothing shows that it was the purge which removed them"
    );
}

#[test]
fn a_purge_names_its_scope_t40_t41() {
    for style in STYLES {
        let configuration = format!("[oauth]\nerror_style = \"{}\"", style.name());
        let node = Node::builder().configuration(&configuration).start();
        demands_a_scope(&World::of(node));
    }
}

fn demands_a_scope(world: &World) {
    for (query, status, message) in [
        ("", 422, "scope parameter is required"),
        ("?scope=", 422, "scope parameter is required"),
        ("?scope=expired", 400, "unknown scope"),
        ("?scope=Lapsed", 400, "unknown scope"),
    ] {
        let path = format!("/tyk/oauth/tokens/{query}");
        let answer = world.node.ask("DELETE", &path, &Value::Null);
        assert_eq!(
            answer.expect_status(status).json(),
            json!({"status": "error", "message": message})
        );
    }
    world
        .node
        .ask("GET", "/tyk/oauth/tokens", &Value::Null)
        .expect_status(405);
}
