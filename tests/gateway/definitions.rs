//! The definitions folder: applied when a file changes, and never against what was done since.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Node, RecordingServer, Reply, keyless_api, policy, wait_for};

/// A node that does not run yet, with a definitions folder, and what its APIs forward to.
pub(crate) struct Folder {
    pub(crate) node: Node,
    pub(crate) upstream: RecordingServer,
}

impl Folder {
    pub(crate) fn new(watch: bool) -> Self {
        let node = Node::builder()
            .configuration(&format!(
                "[definitions]\ndir = \"definitions\"\nwatch = {watch}"
            ))
            .prepare();
        let folder = Self {
            node,
            upstream: RecordingServer::replying(Reply::ok("served")),
        };
        std::fs::create_dir(folder.path("")).unwrap();
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.node.folder().join("definitions").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl ToString) {
        // Renamed into place, as a deployment does: a reader never sees half of a file.
        let draft = self.node.folder().join("draft");
        std::fs::write(&draft, text.to_string()).unwrap();
        std::fs::rename(draft, self.path(name)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    pub(crate) fn api(&self, id: &str) -> Value {
        keyless_api(id, &format!("/{id}/"), &self.upstream.url("/"))
    }

    pub(crate) fn status(&self, path: &str) -> u16 {
        let url = self.node.gateway_url(path);
        self.node.client().get(&url, &[]).status
    }

    /// The ids of the APIs and policies that the control listener lists.
    pub(crate) fn ids(&self) -> Vec<String> {
        let ids = |path: &str, name: &str| -> Vec<String> {
            let listed = self
                .node
                .ask("GET", path, &Value::Null)
                .expect_status(200)
                .json();
            let entries = listed.as_array().unwrap().iter();
            entries
                .map(|entry| entry.get(name).unwrap().as_str().unwrap().to_owned())
                .collect()
        };
        let mut all = ids("/tyk/apis", "api_id");
        all.extend(ids("/tyk/policies", "id"));
        all.sort();
        all
    }
}

#[test]
fn files_are_in_force_at_the_ready_line_whatever_their_kind() {
    let mut folder = Folder::new(false);
    folder.write("one.json", folder.api("one"));
    let target = folder.upstream.url("/");
    folder.write(
        "two.yaml",
        format!(
            "# as people write it\napi_id: two\nname: Two\nactive: true\nuse_keyless: true\nproxy:\n  listen_path: /two/\n  target_url: {target}\n  strip_listen_path: true\n"
        ),
    );
    folder.write("three.json", policy("three", &["one"]));
    folder.write(
        "four.yml",
        "id: four\nname: Four\naccess_rights:\n  one:\n    api_id: one\n    versions: [Default]\n",
    );
    folder.write("notes.txt", "not a definition");
    folder.write(".hidden.json", "{");
    folder.node.start_again();
    assert_eq!(folder.ids(), ["four", "one", "three", "two"]);
    assert_eq!((folder.status("/one/"), folder.status("/two/")), (200, 200));
}

#[test]
fn a_restart_undoes_no_later_change_by_the_control_api() {
    let mut folder = Folder::new(true);
    folder.write("kept.json", folder.api("kept"));
    folder.write("changed.json", folder.api("changed"));
    folder.write("deleted.json", folder.api("deleted"));
    folder.node.start_again();
    let moved = keyless_api("changed", "/moved/", &folder.upstream.url("/"));
    folder
        .node
        .ask("PUT", "/tyk/apis/changed", &moved)
        .expect_status(200);
    folder
        .node
        .ask("DELETE", "/tyk/apis/deleted", &Value::Null)
        .expect_status(200);
    for crash in [false, true] {
        if crash {
            folder.node.crash_and_restart();
        } else {
            assert_eq!(folder.node.terminate().code(), Some(0));
            folder.node.start_again();
        }
        assert_eq!(folder.ids(), ["changed", "kept"]);
        assert_eq!(
            (folder.status("/moved/"), folder.status("/changed/")),
            (200, 404)
        );
    }
    // A file that changed since counts again.
    folder.write(
        "changed.json",
        keyless_api("changed", "/third/", &folder.upstream.url("/")),
    );
    wait_for("the changed file is applied", || {
        folder.status("/third/") == 200
    });
    assert_eq!(folder.status("/moved/"), 404);
}

#[test]
fn a_removed_file_takes_along_what_it_made_and_nothing_else() {
    let mut folder = Folder::new(true);
    folder.write("one.json", folder.api("one"));
    folder.write("two.json", folder.api("two"));
    folder.write("rights.json", policy("rights", &["one"]));
    folder.node.start_again();
    folder.node.create_api(&folder.api("by-hand"));
    folder.remove("one.json");
    folder.remove("rights.json");
    wait_for("the removal is noticed", || {
        folder.ids() == ["by-hand", "two"]
    });
    assert_eq!(
        (
            folder.status("/one/"),
            folder.status("/two/"),
            folder.status("/by-hand/")
        ),
        (404, 200, 200)
    );
    // The same while the node was away.
    assert_eq!(folder.node.terminate().code(), Some(0));
    folder.remove("two.json");
    folder.node.start_again();
    assert_eq!(folder.ids(), ["by-hand"]);
}

#[test]
fn an_invalid_file_is_named_in_the_log_and_leaves_the_others() {
    let mut folder = Folder::new(true);
    folder.write(
        "a-broken.json",
        "{\"api_id\": \"broken\",\n \"proxy\": oops}",
    );
    folder.write("b-weak.json", {
        let mut api = folder.api("weak");
        crate::harness::merge(&mut api, json!({"use_basic_auth": true}));
        api
    });
    folder.write("c-fine.json", folder.api("fine"));
    folder.write(
        "d-taken.json",
        keyless_api("rival", "/fine/", "http://127.0.0.1:9/"),
    );
    folder.write("e-odd.yaml", "just: words\n");
    folder.write("f-last.json", folder.api("last"));
    folder.node.start_again();
    assert_eq!(folder.ids(), ["fine", "last"]);
    assert_eq!(
        (folder.status("/fine/"), folder.status("/last/")),
        (200, 200)
    );
    let log = folder.node.log();
    for name in ["a-broken.json", "b-weak.json", "d-taken.json", "e-odd.yaml"] {
        assert!(log.contains(name), "{name} is not in the log");
    }
    assert!(
        log.contains("line 2") && log.contains("use_basic_auth"),
        "{log}"
    );
    // Breaking a file that was fine keeps what it made; mending one brings it in.
    folder.write("c-fine.json", "{");
    folder.write("a-broken.json", folder.api("broken"));
    wait_for("the mended file is applied", || {
        folder.ids() == ["broken", "fine", "last"]
    });
    assert_eq!(folder.status("/fine/"), 200);
}

#[test]
fn without_watching_a_signal_reads_the_folder_again() {
    let mut folder = Folder::new(false);
    folder.write("one.json", folder.api("one"));
    folder.node.start_again();
    folder.write("two.json", folder.api("two"));
    folder.remove("one.json");
    folder.node.process().signal(rustix::process::Signal::HUP);
    wait_for("the folder is read again", || folder.ids() == ["two"]);
    assert_eq!((folder.status("/one/"), folder.status("/two/")), (404, 200));
}

#[test]
fn what_is_no_file_holds_no_start_up() {
    let mut folder = Folder::new(true);
    let pipe = folder.path("pipe.json");
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    );
    made.unwrap();
    std::fs::create_dir(folder.path("folder.json")).unwrap();
    folder.write("z.json", folder.api("fine"));
    folder.node.start_again();
    assert_eq!(
        (folder.ids(), folder.status("/fine/")),
        (vec!["fine".to_owned()], 200)
    );
    for name in ["pipe.json", "folder.json"] {
        assert!(folder.node.log().contains(name), "{name} is not in the log");
    }
}

#[test]
fn a_file_that_cannot_be_read_now_is_not_one_that_is_gone() {
    let mut folder = Folder::new(true);
    folder.write("one.json", folder.api("one"));
    folder.write("two.json", folder.api("two"));
    folder.node.start_again();
    // Longer than any definition may be; and a link that leads nowhere.
    folder.write("one.json", " ".repeat(2 * 1024 * 1024));
    folder.remove("two.json");
    std::os::unix::fs::symlink("nowhere", folder.path("two.json")).unwrap();
    folder.write("three.json", folder.api("three"));
    wait_for("the folder is read again", || {
        folder.status("/three/") == 200
    });
    assert_eq!((folder.status("/one/"), folder.status("/two/")), (200, 200));
    assert!(
        folder.node.log().contains("one.json"),
        "{}",
        folder.node.log()
    );
}

#[test]
fn oas_documents_stand_beside_classic_ones_in_json_and_yaml() {
    let mut folder = Folder::new(true);
    let target = folder.upstream.url("/");
    folder.write("one.json", crate::oas::oas_document("one", &target));
    let nameless = |title: &str| {
        format!(
            "openapi: 3.0.3\ninfo: {{title: {title}, version: '1'}}\npaths: {{}}\nx-tyk-api-gateway:\n  \
             info: {{name: {title}, state: {{active: true}}}}\n  upstream: {{url: '{target}'}}\n  \
             server: {{listenPath: {{value: /{title}/, strip: true}}}}\n"
        )
    };
    folder.write("two.yaml", nameless("two"));
    folder.write("three.json", folder.api("three"));
    folder.write(
        "bare.json",
        json!({"openapi": "3.0.3", "info": {}, "paths": {}}),
    );
    folder.node.start_again();
    let ids = folder.ids();
    assert_eq!(ids.len(), 3, "{ids:?}");
    for path in ["/one/", "/two/", "/three/"] {
        assert_eq!(folder.status(path), 200, "{path}");
    }
    let log = folder.node.log();
    assert!(
        log.contains("bare.json") && log.contains("should contain x-tyk-api-gateway"),
        "{log}"
    );
    // The id that was made up stays the file's.
    folder.write("two.yaml", nameless("second"));
    wait_for("the changed file is applied", || {
        folder.status("/second/") == 200
    });
    assert_eq!((folder.ids(), folder.status("/two/")), (ids, 404));
}
