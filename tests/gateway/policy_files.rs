//! Files of several policies in the definitions folder: Tyk's map by id, a list, and YAML.

use serde_json::{Value, json};

use crate::definitions::Folder;
use crate::harness::{keyless_api, merge, policy, wait_for};

/// A policy that names itself otherwise than the map does.
fn unnamed(api: &str) -> Value {
    let mut policy = policy("", &[api]);
    policy.as_object_mut().unwrap().remove("id");
    policy
}

fn key_for(folder: &Folder, policy: &str) -> u16 {
    let session = json!({"apply_policies": [policy]});
    folder.node.ask("POST", "/tyk/keys", &session).status
}

#[test]
fn a_map_and_a_list_hold_several_policies_in_json_and_yaml() {
    let mut folder = Folder::new(true);
    folder.write("one.json", folder.api("one"));
    folder.write(
        "policies.json",
        json!({"gold": unnamed("one"), "silver": policy("other", &["one"])}),
    );
    folder.write(
        "list.json",
        json!([policy("iron", &["one"]), {"id": "5f0", "access_rights": {"one": {}}}]),
    );
    folder.write(
        "more.yaml",
        "copper:\n  access_rights:\n    one: {versions: [Default]}\n",
    );
    folder.node.start_again();
    assert_eq!(
        folder.ids(),
        ["5f0", "copper", "gold", "iron", "one", "silver"]
    );
    let shown = folder
        .node
        .ask("GET", "/tyk/policies/silver", &Value::Null)
        .expect_status(200)
        .json();
    assert_eq!(shown["id"], json!("silver"), "the key of the map wins");
    assert!(
        folder
            .node
            .log()
            .contains("the key of the map is the policy's id")
    );
    for id in ["gold", "silver", "iron", "5f0", "copper"] {
        assert_eq!(key_for(&folder, id), 200, "{id}");
    }
}

#[test]
fn each_policy_of_a_file_comes_and_goes_for_itself() {
    let mut folder = Folder::new(true);
    folder.write("one.json", folder.api("one"));
    let (gold, silver) = (unnamed("one"), unnamed("one"));
    folder.write(
        "policies.json",
        json!({"gold": gold, "silver": silver, "tin": gold}),
    );
    folder.node.start_again();
    // What the control API changed or deleted since stays so, also when another policy of the file changes.
    let mut changed = policy("silver", &["one"]);
    merge(&mut changed, json!({"name": "by hand"}));
    folder
        .node
        .ask("PUT", "/tyk/policies/silver", &changed)
        .expect_status(200);
    folder
        .node
        .ask("DELETE", "/tyk/policies/tin", &Value::Null)
        .expect_status(200);
    let mut renamed = gold.clone();
    merge(&mut renamed, json!({"name": "new name"}));
    folder.write(
        "policies.json",
        json!({"gold": renamed, "silver": silver, "tin": gold}),
    );
    let name = |id: &str| {
        let answer = folder
            .node
            .ask("GET", &format!("/tyk/policies/{id}"), &Value::Null);
        answer.json()["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    wait_for("the changed policy is applied", || {
        name("gold") == "new name"
    });
    assert_eq!(name("silver"), "by hand");
    assert_eq!(folder.ids(), ["gold", "one", "silver"]);
    // Out of the file, out of the store.
    folder.write("policies.json", json!({"silver": silver, "new": gold}));
    wait_for("the missing one is gone", || {
        folder.ids() == ["new", "one", "silver"]
    });
    // As a file of one policy it keeps that one and loses the other, and so again after it was a list.
    for _ in 0..2 {
        folder.write("policies.json", policy("new", &["one"]));
        wait_for("the others are gone", || folder.ids() == ["new", "one"]);
        folder.write(
            "policies.json",
            json!([policy("new", &["one"]), policy("last", &["one"])]),
        );
        wait_for("a list has both", || folder.ids() == ["last", "new", "one"]);
    }
    folder.node.crash_and_restart();
    assert_eq!(folder.ids(), ["last", "new", "one"]);
    folder.remove("policies.json");
    wait_for("its file took them along", || folder.ids() == ["one"]);
}

#[test]
fn a_wrong_policy_is_named_by_its_path_and_spoils_no_other() {
    let mut folder = Folder::new(true);
    folder.write("one.json", folder.api("one"));
    folder.write(
        "map.json",
        json!({"fine": unnamed("one"), "odd": {"access_rights": {"one": {"versions": 5}}}, "seven": 7}),
    );
    folder.write(
        "list.json",
        json!([{"access_rights": {}}, policy("listed", &["one"])]),
    );
    folder.write("twice.json", "{\"a\": {}, \"a\": {\"access_rights\": {}}}");
    folder.node.start_again();
    assert_eq!(folder.ids(), ["fine", "listed", "one"]);
    let log = folder.node.log();
    for words in [
        "odd.access_rights.one.versions: must be an array",
        "seven: must be a policy",
        "[0].id: a policy needs one",
        "twice.json",
        "a: this key stands twice in one object",
    ] {
        assert!(log.contains(words), "{words} is not in {log}");
    }
    // Broken in part or as a whole, a file loses nothing that it made; mended, it does.
    folder.write("map.json", json!({"odd": 7, "better": unnamed("one")}));
    wait_for("the good one is applied", || {
        folder.ids().contains(&"better".to_owned())
    });
    folder.write("list.json", "[");
    folder.write("last.json", policy("last", &["one"]));
    wait_for("the last file is applied", || {
        folder.ids().contains(&"last".to_owned())
    });
    assert_eq!(folder.ids(), ["better", "fine", "last", "listed", "one"]);
    folder.write("map.json", json!({"better": unnamed("one")}));
    folder.write("list.json", json!([policy("other", &["one"])]));
    wait_for("what is no longer there is gone", || {
        folder.ids() == ["better", "last", "one", "other"]
    });
}

#[test]
fn a_file_of_policies_that_turns_into_an_api_without_a_place_keeps_them() {
    let mut folder = Folder::new(true);
    folder.write("one.json", folder.api("one"));
    let two = json!([policy("gold", &["one"]), policy("iron", &["one"])]);
    folder.write("policies.json", &two);
    folder.node.start_again();
    assert_eq!(folder.ids(), ["gold", "iron", "one"]);
    let late = keyless_api("late", "/one/", &folder.upstream.url("/"));
    folder.write("policies.json", late);
    wait_for("the refusal", || {
        folder.node.log().contains("belongs to the API one already")
    });
    folder.write("last.json", policy("last", &["one"]));
    wait_for("the next look", || {
        folder.ids().contains(&"last".to_owned())
    });
    assert_eq!(folder.ids(), ["gold", "iron", "last", "one"]);
    assert_eq!(key_for(&folder, "gold"), 200);
    // Once the API has its place, what the file made before goes.
    folder.remove("one.json");
    wait_for("the API takes its place", || {
        folder.ids() == ["last", "late"]
    });
}
