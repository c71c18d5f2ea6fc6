//! `raftgate check` on definitions: the same reader as a node's, offline, every file and every fault in one run.

use serde_json::{Value, json};

use crate::command_line::in_folder;
use crate::definitions_kept::yaml_of;
use crate::documented::oas_with_placeholder;
use crate::harness::{Finished, RecordingServer, Reply, keyless_api, merge, policy};
use crate::oas::oas_document;

const TARGET: &str = "http://127.0.0.1:9/";

/// Checks the files of a folder, in one run.
fn check(files: &[(&str, String)]) -> Finished {
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    in_folder(&[&["check"], &names[..]].concat(), &[], &files)
}

fn classic(id: &str) -> Value {
    keyless_api(id, &format!("/{id}/"), TARGET)
}

#[test]
fn every_kind_of_file_is_read() {
    let files = [
        ("a.json", classic("a").to_string()),
        ("b.yaml", yaml_of(&classic("b"))),
        ("c.json", oas_document("c", TARGET).to_string()),
        ("d.yml", yaml_of(&oas_document("d", TARGET))),
        ("one.json", policy("one", &["a"]).to_string()),
        ("two.yaml", yaml_of(&policy("two", &["c"]))),
        (
            "map.json",
            json!({"three": policy("three", &["a"])}).to_string(),
        ),
        (
            "list.yaml",
            yaml_of(&json!([policy("four", &[]), policy("five", &["b"])])),
        ),
    ];
    let finished = check(&files);
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    assert_eq!(
        finished.out,
        "9 definitions are valid\nthe configuration is valid\n"
    );
    for (name, _) in &files {
        assert!(!finished.err.contains(name), "{}", finished.err);
    }
    // Each of them is looked at: one that is spoilt fails the run, and it alone is named.
    for (spoilt, text) in &files {
        let wrong = text.replacen("true", "7", 1);
        let changed = files.clone().map(|(name, text)| {
            let text = if name == *spoilt { wrong.clone() } else { text };
            (name, text)
        });
        let finished = check(&changed);
        assert_eq!(finished.code, Some(1), "{spoilt}: {}", finished.err);
        assert_eq!(finished.out, "", "{spoilt}");
        for (name, _) in &files {
            let named = finished.err.contains(&format!("error: {name}: "));
            assert_eq!(named, name == spoilt, "{spoilt}: {}", finished.err);
        }
    }
}

#[test]
fn every_fault_of_every_file_is_told_in_one_run() {
    let mut wrong = classic("a");
    wrong["proxy"] = json!({"target_url": "nowhere"});
    merge(&mut wrong, json!({"allowed_ips": ["bob"], "active": "yes"}));
    let mut document = oas_document("c", "nowhere");
    merge(&mut document, json!({"security": [{"nobody": []}]}));
    document["x-tyk-api-gateway"]["server"]["listenPath"]["value"] = json!("");
    let mut weak = classic("weak");
    merge(
        &mut weak,
        json!({"enable_jwt": true, "cache_options": {"enable_cache": true}}),
    );
    let mut odd = policy("odd", &["a"]);
    merge(
        &mut odd,
        json!({"tags": 5, "access_rights": {"a": {"versions": "Default"}}}),
    );
    let set = json!({"fine": policy("fine", &["a"]), "seven": 7});
    let finished = check(&[
        ("a.yaml", yaml_of(&wrong)),
        ("c.json", document.to_string()),
        ("fine.json", classic("fine").to_string()),
        ("odd.json", odd.to_string()),
        (
            "rival.json",
            keyless_api("rival", "/fine", TARGET).to_string(),
        ),
        ("set.yaml", yaml_of(&set)),
        ("syntax.yaml", "proxy: {}\n  a: b\n".to_owned()),
        ("weak.json", weak.to_string()),
        ("words.json", "{\"proxy\": oops}".to_owned()),
    ]);
    assert_eq!((finished.code, finished.out.as_str()), (Some(1), ""));
    let mut told: Vec<&str> = finished.err.lines().collect();
    told.sort_unstable();
    let expected = [
        "error: a.yaml: active: must be true or false, not a string",
        "error: a.yaml: allowed_ips[0]: invalid IP/CIDR \"bob\"",
        "error: a.yaml: proxy.listen_path: is missing",
        "error: a.yaml: proxy.target_url: must be an absolute URL such as http://upstream:8080/base",
        "error: c.json: security[0].nobody: unknown security scheme: components.securitySchemes has none of this name",
        "error: c.json: x-tyk-api-gateway.server.listenPath.value: must not be blank",
        "error: c.json: x-tyk-api-gateway.upstream.url: must be an absolute URL such as http://upstream:8080/base",
        "error: odd.json: access_rights.a.versions: must be an array, not a string",
        "error: odd.json: tags: must be an array, not a number",
        "error: rival.json: proxy.listen_path: listen path /fine is also in fine.json",
        "error: set.yaml: seven: must be a policy",
        "error: syntax.yaml: ",
        "error: weak.json: enable_jwt: this way of authentication is not supported yet",
        "error: words.json: ",
    ];
    let told: Vec<&str> = told
        .into_iter()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(told.len(), expected.len(), "{}", finished.err);
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
}

#[test]
fn what_only_has_no_effect_is_a_warning_and_no_failure() {
    let sink = RecordingServer::replying(Reply::ok(""));
    let mut document = oas_with_placeholder(&sink, &sink);
    document["x-tyk-api-gateway"]["middleware"] = json!({"global": {"cache": {"enabled": true}}});
    let mut definition = classic("cached");
    merge(
        &mut definition,
        json!({"cache_options": {"enable_cache": true}}),
    );
    let finished = check(&[
        ("cached.json", definition.to_string()),
        ("documented.json", document.to_string()),
    ]);
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    for line in [
        "warning: cached.json: cache_options.enable_cache: answers are not cached",
        "warning: documented.json: x-tyk-api-gateway.info.id: none is given, and the node makes one up",
        "warning: documented.json: x-tyk-api-gateway.middleware.global.cache.enabled: answers are not cached",
        "warning: documented.json: x-tyk-api-gateway.server.authentication.securitySchemes.oauth.authLoginRedirect: its host is a placeholder",
    ] {
        let told = finished.err.lines().filter(|told| told.starts_with(line));
        assert_eq!(told.count(), 1, "{line}\n{}", finished.err);
    }
    assert!(!finished.err.contains("error: "), "{}", finished.err);
    assert_eq!(sink.connections(), 0, "nothing is asked over the network");
}

#[test]
fn a_right_configuration_does_not_hide_a_wrong_definition() {
    let bad = classic("a").to_string().replace(TARGET, "nowhere");
    let files = [
        ("node.toml", "[definitions]\ndir = \".\"\n"),
        ("a.json", bad.as_str()),
    ];
    // The folder that the configuration names is read where no file is.
    let finished = in_folder(&["check", "--config", "node.toml"], &[], &files);
    assert_eq!(finished.code, Some(1), "{}", finished.err);
    assert!(
        finished.err.contains("a.json: proxy.target_url: "),
        "{}",
        finished.err
    );
    let files = [files[0], ("a.json", &classic("a").to_string())];
    let finished = in_folder(&["check", "--config", "node.toml"], &[], &files);
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    assert!(
        finished.out.starts_with("1 definitions are valid\n"),
        "{}",
        finished.out
    );
}
