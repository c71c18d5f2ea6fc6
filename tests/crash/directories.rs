//! Data directories to be damaged: made once by a real node, copied for each case.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::acknowledged::{API, Acknowledged, assert_found};
use crate::harness::{Node, RecordingServer, Reply, run};

/// How much is copied at a time; pieces of zeros are left out, because a log is mostly room for later.
const PIECE_BYTES: usize = 64 * 1024;

/// What a node left that was stopped in good order, and what it had acknowledged.
pub(super) struct Specimen {
    _upstream: RecordingServer,
    pub(super) node: Node,
    pub(super) acknowledged: Acknowledged,
}

impl Specimen {
    /// A log, a snapshot in its middle, and a persistent copy.
    pub(super) fn new() -> Self {
        let upstream = RecordingServer::replying(Reply::ok(""));
        let mut node = Node::start();
        let client = node.create_oauth_api(API, &upstream.url("/"));
        let mut acknowledged = Acknowledged::default();
        for round in 0..2 {
            for _ in 0..4 {
                acknowledged.live.insert(node.access_token(API, &client));
            }
            let revoked = node.access_token(API, &client);
            let url = node.gateway_url(&format!("/{API}/oauth/revoke"));
            let basic = client.basic();
            let headers = [("authorization", basic.as_str())];
            let form = [("token", revoked.as_str())];
            let answer = node.client().post_form(&url, &headers, &form);
            answer.expect_status(200);
            acknowledged.revoked.insert(revoked);
            let id = format!("client-{round}");
            let body =
                json!({"client_id": id, "api_id": API, "redirect_uri": "http://127.0.0.1/back"});
            node.ask("POST", "/tyk/oauth/clients/create", &body)
                .expect_status(200);
            acknowledged.clients.insert(id);
            if round == 0 {
                save_snapshot(&node, &node.folder().join("backup.snapshot"));
            }
        }
        assert_found(&node, &acknowledged);
        assert_eq!(node.terminate().code(), Some(0));
        Self {
            _upstream: upstream,
            node,
            acknowledged,
        }
    }

    /// A node that has not been started, with a copy of everything.
    pub(super) fn copy(&self) -> Node {
        let node = Node::builder().prepare();
        copy_folder(&self.node.data_dir(), &node.data_dir());
        node
    }

    /// All files of the data directory, named from it.
    pub(super) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.node.data_dir(), Path::new(""), &mut found);
        found.sort();
        found
    }
}

/// Has a running node save a snapshot.
pub(super) fn save_snapshot(node: &Node, file: &Path) {
    let (file, data_dir) = (file.to_str().unwrap(), node.data_dir());
    let arguments = [
        "snapshot",
        "save",
        file,
        "--data-dir",
        data_dir.to_str().unwrap(),
    ];
    let saved = run(&arguments, &[], node.folder());
    assert_eq!(saved.code, Some(0), "{}", saved.err);
}

fn collect(root: &Path, below: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(root, &name, found);
        } else {
            found.push(name.to_str().unwrap().to_owned());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            copy_file(&entry.path(), &target);
        }
    }
}

fn copy_file(from: &Path, to: &PathBuf) {
    let mut source = File::open(from).unwrap();
    let mut target = File::create(to).unwrap();
    let metadata = source.metadata().unwrap();
    target.set_permissions(metadata.permissions()).unwrap();
    target.set_len(metadata.len()).unwrap();
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    loop {
        let count = source.read(&mut piece).unwrap();
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        if bytes.iter().any(|byte| *byte != 0) {
            target.seek(SeekFrom::Start(at)).unwrap();
            target.write_all(bytes).unwrap();
        }
        at += count as u64;
    }
}
