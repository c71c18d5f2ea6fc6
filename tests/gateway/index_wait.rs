//! Tokens that are younger than what this node applied: waited for within bounds, and never answered 401.

use std::time::{Duration, Instant};

use raftgate_model::id::{GrantId, LogIndex};
use raftgate_model::keyring::KeyRing;
use raftgate_model::token::AccessToken;
use raftgate_storage::keyring_file;
use serde_json::Value;

use crate::harness::{Node, RecordingServer, Reply};

/// A node, and what mints tokens as it does.
struct Minted {
    _upstream: RecordingServer,
    node: Node,
    ring: KeyRing,
    /// A token that the node gave out.
    real: AccessToken,
}

impl Minted {
    fn new(index_wait: Duration) -> Self {
        let upstream = RecordingServer::replying(Reply::ok("inside"));
        let configuration = format!("[cluster]\nindex_wait_ms = {}", index_wait.as_millis());
        let node = Node::builder().configuration(&configuration).start();
        let client = node.create_oauth_api("guarded", &upstream.url("/"));
        let token = node.access_token("guarded", &client);
        let ring = keyring_file::load(&node.data_dir().join("keyring")).unwrap();
        let real = ring.verify_access(&token).unwrap();
        Self {
            _upstream: upstream,
            node,
            ring,
            real,
        }
    }

    /// The text of a token that was born so many entries after the real one, of a grant that nobody has.
    fn born_after(&self, entries: u64) -> String {
        let mut token = self.real;
        token.birth.index = LogIndex(token.birth.index.0 + entries);
        token.id = GrantId::from_bytes([7; 16]);
        self.ring.mint_access(&token).unwrap().expose().to_owned()
    }
}

#[test]
fn a_token_of_an_entry_that_never_comes_is_a_503_after_the_wait() {
    let index_wait = Duration::from_millis(700);
    let minted = Minted::new(index_wait);
    let began = Instant::now();
    let answer = minted
        .node
        .get_with_token("/guarded/x", &minted.born_after(1_000_000))
        .expect_status(503);
    assert!(began.elapsed() >= index_wait, "{:?}", began.elapsed());
    let retry_after: u64 = answer.header("retry-after").parse().unwrap();
    assert!(retry_after >= 1);
    // What this node must know of is judged at once.
    let absent = minted.born_after(0);
    minted
        .node
        .get_with_token("/guarded/x", &absent)
        .expect_status(401);
}

#[test]
fn a_wait_ends_with_the_entry_and_the_token_is_judged_then() {
    let index_wait = Duration::from_secs(60);
    let minted = Minted::new(index_wait);
    let next = minted.born_after(1);
    let began = Instant::now();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| minted.node.get_with_token("/guarded/x", &next).status);
        // Until the entry is there, whatever it is, nothing is known of the token.
        let policy = crate::harness::policy("one-more", &["guarded"]);
        minted.node.create_policy(&policy);
        assert_eq!(waiter.join().unwrap(), 401);
    });
    assert!(began.elapsed() < index_wait, "{:?}", began.elapsed());
}

#[test]
fn eight_requests_wait_for_one_token_and_no_more() {
    let index_wait = Duration::from_secs(5);
    let minted = Minted::new(index_wait);
    let token = minted.born_after(1_000_000);
    let ask = || {
        let began = Instant::now();
        let answer = minted.node.get_with_token("/guarded/x", &token);
        let answer = answer.expect_status(503);
        assert_ne!(answer.header("retry-after"), "");
        began.elapsed() >= index_wait
    };
    let waited = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        let waited = asking.into_iter().map(|asked| asked.join().unwrap());
        waited.filter(|waited| *waited).count()
    });
    assert_eq!(waited, 8);
    // Places are given back.
    minted
        .node
        .ask("GET", "/tyk/apis", &Value::Null)
        .expect_status(200);
    assert!(ask(), "no place was given back");
}
