//! Rules on the manifests: crate arrows, reasons beside versions, the domain crate's dependencies.

use std::collections::BTreeSet;
use std::process::Command;

use crate::files::root;
use crate::scan::Violation;

/// Each crate's manifest with the crates of this workspace that it may depend on.
pub(crate) const ARROWS: [(&str, &[&str]); 5] = [
    ("storage/model/Cargo.toml", &[]),
    ("storage/Cargo.toml", &["raftgate-model"]),
    (
        "cluster/Cargo.toml",
        &["raftgate-model", "raftgate-storage"],
    ),
    (
        "actors/Cargo.toml",
        &["raftgate-model", "raftgate-storage", "raftgate-cluster"],
    ),
    (
        "Cargo.toml",
        &[
            "raftgate-model",
            "raftgate-storage",
            "raftgate-cluster",
            "raftgate-actors",
        ],
    ),
];

/// Libraries with the manifests that alone may list them; each crate "must not know" the rest.
const KEPT_IN: [(&str, &[&str]); 7] = [
    ("bincode", &["storage/Cargo.toml"]),
    ("sled", &["storage/Cargo.toml"]),
    ("openraft", &["storage/Cargo.toml", "cluster/Cargo.toml"]),
    ("actix", &["actors/Cargo.toml", "Cargo.toml"]),
    ("actix-rt", &["actors/Cargo.toml", "Cargo.toml"]),
    ("actix-web", &["Cargo.toml"]),
    ("clap", &["Cargo.toml"]),
];

/// What the domain crate may depend on: data, text and cryptography, nothing that does I/O.
const MODEL_MAY: [&str; 19] = [
    "serde",
    "serde_json",
    "hmac",
    "sha2",
    "hkdf",
    "aes-gcm",
    "argon2",
    "subtle",
    "zeroize",
    "base64",
    "url",
    "thiserror",
    "form_urlencoded",
    "percent-encoding",
    "ahash",
    "strsim",
    "regex",
    "regex-syntax",
    "ipnet",
];

/// Arrows point downward only, and each library stays where it belongs.
pub(crate) fn arrows(path: &str, manifest: &toml::Table) -> Vec<Violation> {
    let allowed = ARROWS
        .iter()
        .find(|(known, _)| *known == path)
        .map(|(_, allowed)| *allowed);
    let Some(allowed) = allowed else {
        return vec![Violation::new(
            path,
            1,
            "a crate that the arrows do not know",
        )];
    };
    let mut found = Vec::new();
    for name in dependencies(manifest, "dependencies") {
        if name.starts_with("raftgate") && !allowed.contains(&name.as_str()) {
            found.push(Violation::new(
                path,
                1,
                format!("`{name}`: no arrow points there"),
            ));
        }
        let keeper = KEPT_IN.iter().find(|(library, _)| *library == name);
        if keeper.is_some_and(|(_, places)| !places.contains(&path)) {
            found.push(Violation::new(
                path,
                1,
                format!("`{name}` does not belong here"),
            ));
        }
        if path == "storage/model/Cargo.toml" && !MODEL_MAY.contains(&name.as_str()) {
            found.push(Violation::new(
                path,
                1,
                format!("`{name}` is not on the domain crate's list"),
            ));
        }
    }
    found
}

/// Members take their versions, lints and edition from the workspace.
pub(crate) fn inherits(path: &str, manifest: &toml::Table) -> Vec<Violation> {
    let mut found = Vec::new();
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else {
            continue;
        };
        let own = table.iter().filter(|(_, value)| !is_inherited(value));
        found.extend(own.map(|(name, _)| {
            Violation::new(
                path,
                1,
                format!("`{name}` in [{section}] does not say `workspace = true`"),
            )
        }));
    }
    if !manifest.get("lints").is_some_and(is_inherited) {
        found.push(Violation::new(
            path,
            1,
            "the workspace's lints are not inherited",
        ));
    }
    found
}

fn is_inherited(value: &toml::Value) -> bool {
    value.get("workspace").and_then(toml::Value::as_bool) == Some(true)
}

fn dependencies(manifest: &toml::Table, section: &str) -> Vec<String> {
    let table = manifest.get(section).and_then(toml::Value::as_table);
    table
        .into_iter()
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// Every version in the root manifest has its reason on the same line.
pub(crate) fn reasons(path: &str, text: &str) -> Vec<Violation> {
    let mut section = "";
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.starts_with('[') {
            section = line.trim();
        }
        let entry = line
            .split_once('=')
            .filter(|_| section == "[workspace.dependencies]");
        let Some((name, value)) = entry.filter(|(name, _)| !name.contains('#')) else {
            continue;
        };
        let own_crate = value.contains("path =");
        let reason = value
            .rsplit_once('#')
            .map_or("", |(_, reason)| reason.trim());
        if !own_crate && reason.len() < 8 {
            found.push(Violation::new(
                path,
                number,
                format!("`{}` has no reason beside it", name.trim()),
            ));
        }
    }
    found
}

/// Every dependency is named by the code that it is there for: `production` for what is built, `all` with tests and benches.
pub(crate) fn named_in_code(
    path: &str,
    manifest: &toml::Table,
    (production, all): (&str, &str),
) -> Vec<Violation> {
    let sections = [("dependencies", production), ("dev-dependencies", all)];
    let listed = sections.into_iter().flat_map(|(section, code)| {
        let names = dependencies(manifest, section);
        names.into_iter().map(move |name| (name, section, code))
    });
    let unnamed = listed.filter(|(name, _, code)| !names_crate(code, &name.replace('-', "_")));
    unnamed
        .map(|(name, section, _)| {
            let problem = format!("`{name}` in [{section}] is named by no source");
            Violation::new(path, 1, problem)
        })
        .collect()
}

/// Whether code has this word outside of comments.
fn names_crate(code: &str, word: &str) -> bool {
    let is_word_part = |character: char| character.is_alphanumeric() || character == '_';
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .any(|line| line.split(|c| !is_word_part(c)).any(|part| part == word))
}

/// The names of all crates that the domain crate is built with, sorted.
pub(crate) fn model_tree() -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "-p",
            "raftgate-model",
            "--edges",
            "normal,no-proc-macro",
        ])
        // One fixed target, so that the list is the same on every machine.
        .args([
            "--target",
            "x86_64-unknown-linux-gnu",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {said}");
    let listed = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    names.into_iter().map(|name| format!("{name}\n")).collect()
}
