#![allow(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use std::fs;
use std::sync::Arc;

use raftgate_model::id::{ApiId, PolicyId};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::Importer;
use super::super::import::tests::{Node, document};
use super::super::report::FolderReport;
use super::super::report::tests::Lines;
use super::*;

/// A node with a definitions folder that the test looks at.
struct Files {
    node: Node,
    importer: Importer,
    files: TempDir,
    folder: DefinitionsFolder,
}

impl Files {
    async fn new() -> Self {
        let node = Node::start().await;
        let importer = node.importer(node.registry(Arc::clone(&node.keys)));
        let files = TempDir::new().unwrap();
        let path = files.path().to_owned();
        let folder = DefinitionsFolder::new(path, importer.clone(), node.cluster.clone());
        Self {
            node,
            importer,
            files,
            folder,
        }
    }

    fn write(&self, name: &str, text: impl ToString) {
        fs::write(self.files.path().join(name), text.to_string()).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.files.path().join(name)).unwrap();
    }

    /// The API `shared` under this listen path.
    fn write_api(&self, name: &str, path: &str) {
        let text = document("shared").to_text();
        self.write(name, text.replace("/shared/", path));
    }

    /// Looks at the folder: how many files or policies were applied, unchanged, removed and failed.
    async fn look(&self) -> [usize; 4] {
        let report = self.folder.apply().await.unwrap();
        [
            report.applied,
            report.unchanged,
            report.removed,
            report.failed,
        ]
    }

    /// The files whose content the next look takes up.
    async fn read_again(&self) -> Vec<String> {
        let contents = self.folder.contents().await.unwrap();
        let files = contents.files.keys();
        files.map(|path| path.0.to_string()).collect()
    }

    /// Looks that change nothing, also as after a restart.
    async fn assert_at_rest(&self, files: usize) {
        let revision = || self.node.cluster.view().meta().revision;
        let before = revision();
        let restarted = DefinitionsFolder::new(
            self.files.path().to_owned(),
            self.importer.clone(),
            self.node.cluster.clone(),
        );
        for folder in [&self.folder, &restarted, &self.folder] {
            let report = folder.apply().await.unwrap();
            let expected = FolderReport {
                unchanged: files,
                ..FolderReport::default()
            };
            assert_eq!((report, revision()), (expected, before));
        }
    }

    /// The listen path of `shared`.
    fn shared(&self) -> Option<String> {
        let routes = self.importer.routes_of(&ApiId::new("shared").unwrap());
        routes.first().map(|route| route.listen_path.to_string())
    }

    /// The file that policy `x` is of.
    fn x(&self) -> Option<String> {
        let x = Made::Policy(PolicyId::new("x").unwrap());
        match self.folder.owner(&x) {
            Owner::File(path) => Some(path.0.to_string()),
            Owner::Nobody | Owner::NoFile => None,
        }
    }
}

fn found(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn policy(id: &str) -> Value {
    json!({"id": id, "access_rights": {"one": {}}})
}

#[actix_web::test]
async fn an_api_comes_back_from_its_first_file_when_the_one_that_took_over_goes() {
    for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
        let files = Files::new().await;
        files.write_api(first, "/one/");
        assert_eq!(files.look().await, [1, 0, 0, 0]);
        files.write_api(second, "/two/");
        assert_eq!(files.look().await, [1, 1, 0, 0]);
        assert_eq!(files.shared(), found("/two"));
        files.assert_at_rest(2).await;
        files.remove(second);
        assert_eq!(files.look().await, [1, 0, 1, 0]);
        assert_eq!(files.shared(), found("/one"));
        files.assert_at_rest(1).await;
        files.node.cluster.shutdown().await;
    }
}

#[actix_web::test]
async fn an_api_that_comes_back_is_never_gone_in_between() {
    let files = Files::new().await;
    let lines = Lines::default();
    let _guard = lines.take_in();
    for (name, path) in [("a.json", "/one/"), ("b.json", "/two/")] {
        files.write_api(name, path);
        files.look().await;
    }
    let before = lines.text().len();
    files.remove("b.json");
    files.look().await;
    let log = lines.text().split_off(before);
    let place = |said: &str| {
        let place = log.find(said);
        place.unwrap_or_else(|| unreachable!("{said} is not in {log}"))
    };
    let (applied, gone) = ("definition file applied", "definition file is gone");
    assert!(place(applied) < place(gone), "{log}");
    files.node.cluster.shutdown().await;
}

#[actix_web::test]
async fn an_api_comes_back_when_the_file_that_took_over_names_another() {
    for (first, second) in [("a.json", "b.json"), ("b.json", "a.json")] {
        let files = Files::new().await;
        files.write_api(first, "/one/");
        files.look().await;
        files.write_api(second, "/two/");
        files.look().await;
        files.write(second, document("other").to_text());
        assert_eq!(files.look().await, [2, 0, 0, 0]);
        assert_eq!(files.shared(), found("/one"));
        files.assert_at_rest(2).await;
        files.node.cluster.shutdown().await;
    }
}

#[actix_web::test]
async fn a_displaced_file_that_changes_counts_again_at_once() {
    let files = Files::new().await;
    files.write_api("a.json", "/one/");
    files.look().await;
    files.write_api("b.json", "/two/");
    files.look().await;
    files.write_api("a.json", "/three/");
    assert_eq!(files.look().await, [1, 1, 0, 0]);
    assert_eq!(files.shared(), found("/three"));
    files.assert_at_rest(2).await;
    files.remove("a.json");
    assert_eq!(files.look().await, [1, 0, 1, 0]);
    assert_eq!(files.shared(), found("/two"));
    files.node.cluster.shutdown().await;
}

#[actix_web::test]
async fn what_the_control_api_did_since_stays_while_the_file_that_took_over_is_there() {
    let files = Files::new().await;
    files.write_api("a.json", "/one/");
    files.look().await;
    files.write_api("b.json", "/two/");
    files.look().await;
    let shared = ApiId::new("shared").unwrap();
    assert!(files.importer.delete_api(&shared).await.unwrap());
    files.assert_at_rest(2).await;
    assert_eq!(files.shared(), None);
    let by_hand = files.importer.put_api(document("shared"), None).await;
    assert!(!by_hand.unwrap().existed);
    files.assert_at_rest(2).await;
    files.remove("b.json");
    assert_eq!(files.look().await, [0, 1, 1, 0]);
    assert_eq!(files.shared(), found("/shared"));
    files.node.cluster.shutdown().await;
}

#[actix_web::test]
async fn a_policy_stays_when_its_file_was_a_map_with_a_fault_for_a_while() {
    let files = Files::new().await;
    let lines = Lines::default();
    let _guard = lines.take_in();
    files.write("p.json", policy("x"));
    files.look().await;
    let wrong = json!({"id": "x", "access_rights": {"one": {"versions": 5}}});
    files.write("p.json", json!({"x": policy("x"), "y": wrong}));
    assert_eq!(files.look().await, [1, 0, 0, 1]);
    assert_eq!(files.look().await, [0, 1, 0, 1]);
    assert_eq!(files.x(), found("p.json/x"));
    // What the whole file made is in a part of it now, which is no other file.
    let displaced = "another file defines the same";
    assert!(!lines.text().contains(displaced), "{}", lines.text());
    files.write("p.json", policy("x"));
    assert_eq!(files.look().await, [1, 0, 1, 0]);
    assert_eq!(files.x(), found("p.json"));
    files.assert_at_rest(1).await;
    // The other way round: nothing goes that a file made which is wrong now.
    files.write("p.json", json!({"x": policy("x"), "y": policy("y")}));
    assert_eq!(files.look().await, [2, 0, 1, 0]);
    files.write("p.json", wrong);
    assert_eq!(files.look().await, [0, 0, 0, 1]);
    assert_eq!(files.x(), found("p.json/x"));
    files.node.cluster.shutdown().await;
}

#[actix_web::test]
async fn a_policy_of_two_files_of_several_comes_back_when_the_second_loses_it() {
    for (first, second) in [("p.json", "q.json"), ("q.json", "p.json")] {
        let files = Files::new().await;
        files.write(first, json!([policy("x"), policy("y")]));
        assert_eq!(files.look().await, [2, 0, 0, 0]);
        files.write(second, json!([policy("x"), policy("z")]));
        assert_eq!(files.look().await, [2, 2, 0, 0]);
        assert_eq!(files.x(), Some(format!("{second}/x")));
        files.assert_at_rest(4).await;
        files.write(second, json!([policy("z")]));
        assert_eq!(files.look().await, [1, 2, 1, 0]);
        assert_eq!(files.x(), Some(format!("{first}/x")));
        files.assert_at_rest(3).await;
        files.node.cluster.shutdown().await;
    }
}

#[actix_web::test]
async fn a_file_of_several_policies_is_read_again_only_when_something_is_to_be_done_for_it() {
    let files = Files::new().await;
    files.write("p.json", json!([policy("x"), policy("y")]));
    files.write("one.json", policy("one"));
    assert_eq!(files.read_again().await, ["one.json", "p.json"]);
    assert_eq!(files.look().await, [3, 0, 0, 0]);
    assert!(files.read_again().await.is_empty());
    files.assert_at_rest(3).await;

    // One of its policies waits for another file.
    files.write("q.json", policy("x"));
    assert_eq!(files.look().await, [1, 3, 0, 0]);
    assert_eq!(files.read_again().await, ["p.json"]);
    files.assert_at_rest(4).await;
    files.remove("q.json");
    assert_eq!(files.look().await, [1, 2, 1, 0]);
    assert_eq!(files.x(), found("p.json/x"));
    assert!(files.read_again().await.is_empty());

    // What is wrong is told at every look.
    let wrong = json!({"id": "y", "access_rights": {"one": {"versions": 5}}});
    files.write("p.json", json!([policy("x"), wrong]));
    assert_eq!(files.look().await, [0, 2, 0, 1]);
    assert_eq!(files.read_again().await, ["p.json"]);

    // Another kind of definition in its place, and back.
    files.write("p.json", policy("x"));
    assert_eq!(files.look().await, [1, 1, 2, 0]);
    files.assert_at_rest(2).await;
    files.write("p.json", json!([policy("x"), policy("y")]));
    assert_eq!(files.look().await, [2, 1, 1, 0]);
    assert!(files.read_again().await.is_empty());
    files.remove("p.json");
    assert_eq!(files.look().await, [0, 1, 2, 0]);
    files.node.cluster.shutdown().await;
}

#[actix_web::test]
async fn a_displaced_file_is_named_once_and_again_after_it_was_not() {
    let files = Files::new().await;
    let lines = Lines::default();
    let _guard = lines.take_in();
    let told = |file: &str, by: &str| {
        let log = lines.text();
        let named = |line: &&str| {
            line.contains("another file defines the same")
                && line.contains(&format!("file={file} by={by}"))
        };
        log.lines().filter(named).count()
    };
    for times in [1, 2] {
        files.write_api("a.json", "/one/");
        files.look().await;
        files.write_api("b.json", "/two/");
        for _ in 0..3 {
            files.look().await;
            assert_eq!(told("a.json", "b.json"), times, "{}", lines.text());
        }
        files.remove("b.json");
        files.look().await;
    }
    assert_eq!(told("b.json", "a.json"), 0, "{}", lines.text());
    files.node.cluster.shutdown().await;
}

#[actix_web::test]
async fn a_file_of_policies_keeps_them_while_the_api_that_it_holds_now_has_no_place() {
    let files = Files::new().await;
    files.write("owner.json", document("owner").to_text());
    files.write("p.json", json!([policy("x"), policy("y")]));
    assert_eq!(files.look().await, [3, 0, 0, 0]);
    let late = document("late").to_text();
    files.write("p.json", late.replace("/late/", "/owner/"));
    for _ in 0..2 {
        assert_eq!(files.look().await, [0, 1, 0, 1]);
        assert_eq!(files.x(), found("p.json/x"));
    }
    // With its place it takes that of the policies in its file too, at the same look.
    files.remove("owner.json");
    assert_eq!(files.look().await, [1, 0, 3, 0]);
    assert_eq!(files.x(), None);
    files.assert_at_rest(1).await;
    files.node.cluster.shutdown().await;
}
