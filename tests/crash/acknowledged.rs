//! Clients write, the node dies, and everything that it answered with success is found after the restart.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Credentials, Node, RecordingServer, Reply, wait_for};

/// How often the node is killed.
const ROUNDS: usize = 12;
/// Threads that ask for tokens and revoke some of them.
const TOKEN_WRITERS: usize = 6;
/// A writer revokes each token whose number this divides.
const REVOKED_OF: usize = 4;
/// The API that everything is written under.
pub(super) const API: &str = "bank";

/// What the node answered with success. What was asked for and not answered is in none of the sets: it may be either.
#[derive(Default)]
pub(super) struct Acknowledged {
    pub(super) live: BTreeSet<String>,
    pub(super) revoked: BTreeSet<String>,
    pub(super) clients: BTreeSet<String>,
}

/// Where a round's writers send, and what tells them to stop.
struct Round<'a> {
    node: &'a Node,
    client: &'a Credentials,
    ending: AtomicBool,
    acknowledged: &'a Mutex<Acknowledged>,
    number: usize,
}

impl Round<'_> {
    fn over(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Asks for tokens until the node is gone, and revokes some.
    fn write_tokens(&self) {
        let http = Client::new();
        for count in 1.. {
            let Some(answer) =
                self.post_form(&http, "token", &[("grant_type", "client_credentials")])
            else {
                return;
            };
            let body = answer.json();
            let token = body
                .get("access_token")
                .and_then(Value::as_str)
                .unwrap()
                .to_owned();
            if count % REVOKED_OF != 0 {
                self.acknowledged.lock().unwrap().live.insert(token);
                continue;
            }
            // While the revocation is under way, the token may be either.
            if self
                .post_form(&http, "revoke", &[("token", &token)])
                .is_none()
            {
                return;
            }
            self.acknowledged.lock().unwrap().revoked.insert(token);
        }
    }

    /// Registers clients until the node is gone.
    fn write_clients(&self) {
        let http = Client::new();
        let secret = self.node.secret();
        let headers = [
            ("x-tyk-authorization", secret.as_str()),
            ("content-type", "application/json"),
        ];
        let url = self.node.control_url("/tyk/oauth/clients/create");
        for count in 0.. {
            let id = format!("client-{}-{count}", self.number);
            let body =
                json!({"client_id": id, "api_id": API, "redirect_uri": "http://127.0.0.1/back"})
                    .to_string();
            match http.try_send("POST", &url, &headers, body.as_bytes()) {
                Ok(answer) if answer.status == 200 => {
                    self.acknowledged.lock().unwrap().clients.insert(id)
                }
                other => return self.assert_over(other),
            };
        }
    }

    /// The answer of success, or nothing when the node is gone.
    fn post_form(&self, http: &Client, endpoint: &str, pairs: &[(&str, &str)]) -> Option<Answer> {
        let url = self.node.gateway_url(&format!("/{API}/oauth/{endpoint}"));
        match http.try_post_form(&url, &[("authorization", &self.client.basic())], pairs) {
            Ok(answer) if answer.status == 200 => Some(answer),
            other => {
                self.assert_over(other);
                None
            }
        }
    }

    /// A write fails only because the node dies.
    fn assert_over(&self, outcome: Result<Answer, ureq::Error>) {
        match outcome {
            Ok(answer) => panic!("refused while the node lives: {answer:?}"),
            Err(error) => wait_for(&format!("the kill that explains {error}"), || self.over()),
        }
    }
}

#[test]
fn every_acknowledged_write_is_found_after_each_crash() {
    let upstream = RecordingServer::replying(Reply::ok(""));
    let mut node = Node::start();
    let client = node.create_oauth_api(API, &upstream.url("/"));
    let all = Mutex::new(Acknowledged::default());
    for number in 0..ROUNDS {
        let acknowledged = Mutex::new(Acknowledged::default());
        write_until_killed(&mut node, &client, number, &acknowledged);
        node.start_again();
        let acknowledged = acknowledged.into_inner().unwrap();
        assert_found(&node, &acknowledged);
        let mut all = all.lock().unwrap();
        all.live.extend(acknowledged.live);
        all.revoked.extend(acknowledged.revoked);
        all.clients.extend(acknowledged.clients);
    }
    // A later crash loses nothing that an earlier one left.
    assert_found(&node, &all.into_inner().unwrap());
}

/// Lets the writers run until the node has acknowledged something of every kind, then kills it at once.
fn write_until_killed(
    node: &mut Node,
    client: &Credentials,
    number: usize,
    acknowledged: &Mutex<Acknowledged>,
) {
    let killer = node.killer();
    let ending = AtomicBool::new(false);
    let round = Round {
        node,
        client,
        ending,
        acknowledged,
        number,
    };
    std::thread::scope(|scope| {
        for _ in 0..TOKEN_WRITERS {
            scope.spawn(|| round.write_tokens());
        }
        scope.spawn(|| round.write_clients());
        wait_for("writes of every kind are acknowledged", || {
            let so_far = acknowledged.lock().unwrap();
            // Each round lasts a little longer, so that kills fall on different moments.
            let wanted = 10 + 3 * number;
            so_far.live.len() >= wanted
                && so_far.revoked.len() > number
                && so_far.clients.len() > number
        });
        // The kill shall fall on another moment of the log's work each time.
        std::thread::sleep(Duration::from_millis(7 * number as u64 % 40));
        killer.kill();
        round.ending.store(true, Ordering::SeqCst);
    });
    node.kill();
}

pub(super) fn assert_found(node: &Node, acknowledged: &Acknowledged) {
    for token in &acknowledged.live {
        let answer = node.get_with_token(&format!("/{API}/x"), token);
        assert_eq!(
            answer.status,
            200,
            "an acknowledged token is lost: {}",
            answer.text()
        );
    }
    for token in &acknowledged.revoked {
        let answer = node.get_with_token(&format!("/{API}/x"), token);
        assert_eq!(
            answer.status,
            401,
            "an acknowledged revocation is lost: {}",
            answer.text()
        );
    }
    for id in &acknowledged.clients {
        let answer = node.ask(
            "GET",
            &format!("/tyk/oauth/clients/{API}/{id}"),
            &Value::Null,
        );
        assert_eq!(
            answer.status,
            200,
            "an acknowledged client is lost: {}",
            answer.text()
        );
    }
}
