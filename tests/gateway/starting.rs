//! A node that is not ready yet: it says so to everybody who comes early, and never that an API does not exist.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Node, PATIENCE, RecordingServer, Reply, eventually, keyless_api, wait_for};
use crate::wire::Wire;

/// So many files that the node is still busy with them when the first request comes.
const DEFINITIONS: usize = 60;

/// What a client that never waits was answered, by path.
#[derive(Default)]
struct Met(Mutex<BTreeMap<&'static str, Vec<(u16, String)>>>);

impl Met {
    fn note(&self, path: &'static str, status: u16, retry_after: &str) {
        let mut met = self.0.lock().unwrap();
        let seen = met.entry(path).or_default();
        let answer = (status, retry_after.to_owned());
        if seen.last() != Some(&answer) {
            seen.push(answer);
        }
    }

    fn last_status(&self, path: &str) -> Option<u16> {
        let met = self.0.lock().unwrap();
        met.get(path)?.last().map(|(status, _)| *status)
    }

    /// The answers at a path, each once for as long as it stayed the same.
    fn at(&self, path: &str) -> Vec<(u16, String)> {
        self.0
            .lock()
            .unwrap()
            .get(path)
            .cloned()
            .unwrap_or_default()
    }
}

/// Asks for a path over and over, on new connections and on one that it keeps, until it is told to end.
fn hammer(address: SocketAddr, path: &'static str, met: &Met, done: &AtomicBool) {
    let mut kept: Option<Wire> = None;
    while !done.load(Ordering::SeqCst) {
        match TcpStream::connect(address) {
            Ok(stream) => {
                drop(stream);
                for wire in [
                    &mut Wire::connect(address),
                    kept.get_or_insert_with(|| Wire::connect(address)),
                ] {
                    let (head, _) = wire.get(path).answer();
                    met.note(path, head.status, head.header("retry-after"));
                }
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        }
    }
}

#[test]
fn who_comes_early_is_told_to_come_again_and_never_that_an_api_does_not_exist() {
    let upstream = RecordingServer::replying(Reply::ok("served"));
    let mut node = Node::builder()
        .configuration("[definitions]\ndir = \"definitions\"\nwatch = false")
        .prepare();
    let folder = node.folder().join("definitions");
    std::fs::create_dir(&folder).unwrap();
    node.start_again();
    node.create_api(&keyless_api("stored", "/stored/", &upstream.url("/")));
    node.kill();
    for number in 0..DEFINITIONS {
        let id = format!("file-{number:03}");
        let api = keyless_api(&id, &format!("/{id}/"), &upstream.url("/"));
        std::fs::write(folder.join(format!("{id}.json")), api.to_string()).unwrap();
    }
    // A definition that is wrong does not hold the others up.
    std::fs::write(folder.join("000.json"), "{").unwrap();
    let address = node.keep_gateway_address();
    let (met, done) = (Met::default(), AtomicBool::new(false));
    // The last file is the last one to come into force.
    let paths = ["/stored/x", "/file-059/x", "/nowhere", "/ready"];
    std::thread::scope(|scope| {
        for path in paths {
            let (met, done) = (&met, &done);
            scope.spawn(move || hammer(address, path, met, done));
        }
        node.start_again();
        let url = node.gateway_url("/file-059/x");
        let at_the_ready_line = node.client().get(&url, &[]).status;
        wait_for("everybody has met the node at work", || {
            paths.iter().all(|path| met.last_status(path) != Some(503))
        });
        done.store(true, Ordering::SeqCst);
        assert_eq!(at_the_ready_line, 200);
    });
    let early = (503, "1".to_owned());
    for path in ["/stored/x", "/file-059/x"] {
        assert_eq!(
            met.at(path),
            [early.clone(), (200, String::new())],
            "{path}"
        );
    }
    assert_eq!(met.at("/nowhere"), [early, (404, String::new())]);
    let unready = (503, String::new());
    assert_eq!(met.at("/ready"), [unready, (200, String::new())]);
}

#[test]
fn the_newest_entries_of_the_log_are_in_force_at_the_ready_line_after_a_crash() {
    let upstream = RecordingServer::replying(Reply::ok("served"));
    let mut node = Node::start();
    for number in 0..10 {
        let id = format!("api-{number}");
        node.create_api(&keyless_api(&id, &format!("/{id}/"), &upstream.url("/")));
        // The acknowledged write is in the log; that it was committed may not be.
        node.crash_and_restart();
        let url = node.gateway_url(&format!("/{id}/"));
        node.client().get(&url, &[]).expect_status(200);
    }
}

#[test]
fn the_control_listener_answers_while_the_node_starts() {
    let mut node = Node::builder()
        .configuration("[definitions]\ndir = \"definitions\"\nwatch = false")
        .prepare();
    let folder = node.folder().join("definitions");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..DEFINITIONS {
        let api = keyless_api(
            &format!("a{number}"),
            &format!("/a{number}/"),
            "http://127.0.0.1:9/",
        );
        std::fs::write(folder.join(format!("{number}.json")), api.to_string()).unwrap();
    }
    node.launch();
    // Where it listens is written down as soon as it does.
    let published = node.data_dir().join("control.address");
    let address: SocketAddr = eventually("the control listener is bound", PATIENCE, || {
        std::fs::read_to_string(&published)
            .ok()?
            .trim()
            .parse()
            .ok()
    });
    let mut wire = Wire::connect(address);
    let (ready, body) = wire.get("/ready").answer();
    assert_eq!(
        (ready.status, body.as_str()),
        (503, r#"{"status":"fail","output":"starting"}"#)
    );
    assert!(!ready.header("x-request-id").is_empty());
    let (refused, body) = wire.get("/tyk/apis").answer();
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, "1"),
        "{body}"
    );
    let (hello, _) = wire.get("/hello/").answer();
    assert_eq!(hello.status, 200);
    wait_for("the node is ready", || {
        let (ready, _) = wire.get("/ready").answer();
        ready.status == 200
    });
}
