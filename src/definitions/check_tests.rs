//! Files that are right, wrong in themselves, and wrong beside each other.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking where it went wrong"
)]

use tempfile::TempDir;

use super::*;

const API: &str = r#"{"api_id": "a", "name": "A", "active": true, "use_keyless": true,
  "proxy": {"listen_path": "/a/", "target_url": "http://up.test/"}}"#;
const POLICY: &str =
    r#"{"id": "p", "name": "P", "access_rights": {"a": {"api_id": "a", "versions": ["Default"]}}}"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let check = DefinitionsCheck::of(&[folder.path().to_owned()]);
    check.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_right_is_counted() {
    let yaml = "api_id: b\nname: B\nactive: true\nuse_keyless: true\nproxy:\n  listen_path: /b/\n  target_url: http://up.test/\n";
    let folder = folder(&[
        ("a.json", API),
        ("p.json", POLICY),
        ("b.yaml", yaml),
        (".hidden.json", "{"),
        ("notes.txt", "not a definition"),
    ]);
    let check = DefinitionsCheck::of(&[folder.path().to_owned()]);
    assert_eq!(check.faults, []);
    assert_eq!(check.definitions, 3);
}

#[test]
fn every_fault_names_its_file_and_its_place() {
    let half = API.get(..API.len() / 2).unwrap();
    for (name, text, words) in [
        ("a.json", half, "line 2"),
        ("a.json", "", "EOF"),
        ("a.json", "{}", "neither an API definition"),
        (
            "a.json",
            r#"{"openapi": "3.0.3"}"#,
            "the payload should contain x-tyk-api-gateway",
        ),
        ("a.yaml", "proxy: [unclosed", "line"),
        ("p.json", r#"{"access_rights": {}}"#, "id"),
        (
            "a.json",
            r#"{"api_id": "a", "use_keyless": true, "proxy": {"listen_path": 7, "target_url": "http://u"}}"#,
            "proxy.listen_path",
        ),
    ] {
        let found = faults(&[(name, text)]);
        let all = found.join("\n");
        assert!(
            !found.is_empty() && all.contains(name) && all.contains(words),
            "{words}: {all}"
        );
    }
}

#[test]
fn all_faults_of_an_oas_document_are_named_by_its_own_paths() {
    let text = r#"{"openapi": "3.0.3", "info": {"title": "a"}, "paths": null, "security": [{"nobody": []}],
      "x-tyk-api-gateway": {"info": {"id": "a", "name": "a", "state": {"active": true}},
        "upstream": {"url": "nowhere"}, "server": {"listenPath": {"value": ""}}}}"#;
    let found = faults(&[("a.json", text)]);
    for place in [
        "info.version: ",
        "paths: Invalid type. Expected: object, given: null",
        "x-tyk-api-gateway.server.listenPath.value: ",
        "security[0].nobody: unknown security scheme",
        "x-tyk-api-gateway.upstream.url: ",
    ] {
        let named = |fault: &&String| fault.contains(&format!("a.json: {place}"));
        assert_eq!(found.iter().filter(named).count(), 1, "{place}: {found:?}");
    }
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn an_oas_document_and_a_classic_one_hold_the_same_listen_path_only_once() {
    let text = r#"{"openapi": "3.0.3", "info": {"title": "b", "version": "1"}, "paths": {},
      "x-tyk-api-gateway": {"info": {"name": "b", "state": {"active": true}},
        "upstream": {"url": "http://up.test"}, "server": {"listenPath": {"value": "/a"}}}}"#;
    let found = faults(&[("a.json", API), ("b.json", text)]);
    let expected = "b.json: x-tyk-api-gateway.server.listenPath.value: listen path /a is also in ";
    assert!(
        found.len() == 1 && found.concat().contains(expected),
        "{found:?}"
    );
    let folder = folder(&[("b.json", text)]);
    let check = DefinitionsCheck::of(&[folder.path().to_owned()]);
    let warning = check.warnings.first().map(|warning| warning.text.as_str());
    let expected = "x-tyk-api-gateway.info.id: none is given, and the node makes one up";
    assert_eq!((check.faults.len(), warning), (0, Some(expected)));
}

#[test]
fn an_id_that_yaml_takes_for_a_number_is_not_taken_for_none() {
    let text = "api_id: 999999\nname: n\nactive: true\nuse_keyless: true\nproxy: {listen_path: /n, target_url: 'http://u'}\n";
    let found = faults(&[("n.yaml", text)]);
    let expected = "n.yaml: api_id: must be a string, not a number";
    assert!(
        found.len() == 1 && found.concat().contains(expected),
        "{found:?}"
    );
}

#[test]
fn two_files_for_one_thing_are_named_both() {
    let other = API.replace("\"a\"", "\"b\"");
    let found = faults(&[("a.json", API), ("b.json", &other)]);
    assert_eq!(found.len(), 1);
    let all = found.join("\n");
    assert!(
        all.contains("b.json: proxy.listen_path: listen path /a is also in "),
        "{all}"
    );
    assert!(all.contains("a.json"), "{all}");
    let same = API.replace("/a/", "/c/");
    let found = faults(&[("a.json", API), ("c.json", &same)]).join("\n");
    assert!(
        found.contains("c.json: api_id: api_id a is also in "),
        "{found}"
    );
    let found = faults(&[("p.json", POLICY), ("q.json", POLICY)]).join("\n");
    assert!(
        found.contains("q.json: id: policy p is also in "),
        "{found}"
    );
    let inactive = other.replace("\"active\": true", "\"active\": false");
    assert_eq!(faults(&[("a.json", API), ("b.json", &inactive)]), [""; 0]);
}

#[test]
fn several_policies_stand_in_one_file_by_id_or_in_a_list() {
    let (map, list, yaml) = (
        r#"{"gold": {"name": "Gold", "access_rights": {"a": {}}}, "tin": {"access_rights": {}}}"#,
        r#"[{"id": "iron", "access_rights": {}}, {"_id": "5f0", "access_rights": {}}]"#,
        "copper:\n  access_rights: {a: {versions: [Default]}}\n",
    );
    let folder = folder(&[("m.json", map), ("l.json", list), ("y.yaml", yaml)]);
    let check = DefinitionsCheck::of(&[folder.path().to_owned()]);
    assert_eq!((check.faults, check.definitions), (vec![], 5));
    let wrong = [
        (
            "m.json",
            r#"{"gold": {"access_rights": {"a": {"versions": 5}}}, "tin": 7, "lead": {"access_rights": 1}}"#,
        ),
        (
            "n.json",
            r#"[{"access_rights": {}}, {"id": "p", "access_rights": {}, "partitions": {"acl": true}}]"#,
        ),
        ("o.json", r#"{"a": {}, "a": {"access_rights": {}}}"#),
        (
            "p.json",
            r#"{"p": {"access_rights": {}}, "silver": {"access_rights": {}}}"#,
        ),
        ("q.json", r#"[{"id": "silver", "access_rights": {}}]"#),
    ];
    let found = faults(&wrong);
    for place in [
        "m.json: gold.access_rights.a.versions: must be an array",
        "m.json: tin: must be a policy",
        "m.json: lead.access_rights: must be an object",
        "n.json: [0].id: a policy needs one",
        "n.json: [1].partitions.acl: policies that govern only a part",
        "o.json: a: this key stands twice",
        "q.json: [0].id: policy silver is also in ",
    ] {
        let named = |fault: &&String| fault.contains(place);
        assert_eq!(found.iter().filter(named).count(), 1, "{place}: {found:?}");
    }
    assert_eq!(found.len(), 7, "{found:?}");
    let renamed = r#"{"gold": {"id": "tin", "rate": 5, "access_rights": {}}}"#;
    let folder = self::folder(&[("m.json", renamed)]);
    let check = DefinitionsCheck::of(&[folder.path().to_owned()]);
    let warnings: Vec<_> = check
        .warnings
        .iter()
        .map(|warning| warning.text.as_str())
        .collect();
    let expected = [
        "gold.rate: the rate limit is kept and not enforced yet",
        "gold.id: has no effect, the key of the map is the policy's id",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn a_file_of_policies_may_be_larger_than_one_definition() {
    let name = "x".repeat(200_000);
    let policy = format!(r#"{{"name":"{name}","access_rights":{{}}}}"#);
    let members: Vec<String> = (0..8).map(|n| format!(r#""p{n}":{policy}"#)).collect();
    let set = format!("{{{}}}", members.join(","));
    assert!(set.len() > 1024 * 1024);
    assert_eq!(faults(&[("set.json", &set)]), Vec::<String>::new());
}

#[test]
fn a_file_that_grows_when_it_is_read_is_refused_and_not_read() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let below = format!("*a{}", level - 1);
        let row = [below.as_str(); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{row}]\n"));
    }
    assert_eq!(faults(&[("bomb.yaml", &bomb)]).len(), 1);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        faults(&[("deep.json", &deep), ("deep.yaml", &deep)]).len(),
        2
    );
    let large = " ".repeat(4 * 1024 * 1024 + 1);
    assert!(
        faults(&[("large.json", &large)])
            .join("")
            .contains("larger than")
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = folder(&[("a.conf", API)]);
    fs::create_dir(folder.path().join("dir.json")).unwrap();
    let missing = folder.path().join("missing.json");
    let check = DefinitionsCheck::of(&[
        missing,
        folder.path().join("a.conf"),
        folder.path().to_owned(),
    ]);
    let found: Vec<_> = check
        .faults
        .iter()
        .map(|fault| fault.text.as_str())
        .collect();
    let [missing, ending, folder] = found.as_slice() else {
        unreachable!("{found:?}")
    };
    assert!(missing.contains("No such file"), "{missing}");
    assert!(ending.contains(".json, .yaml or .yml"), "{ending}");
    assert!(folder.contains("not a regular file"), "{folder}");
}
