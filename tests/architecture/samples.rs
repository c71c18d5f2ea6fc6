//! Every rule meets a small bad sample here, and a good one beside it: a rule that cannot fail holds nothing.

use crate::files::{TextFile, without_test_files};
use crate::scan::{Source, Violation};
use crate::{cases, manifests, rules, texts};

type Rule = fn(&Source) -> Vec<Violation>;

/// Lines on which `rule` finds a breach in `code`, standing at `path`.
fn breaches(rule: Rule, path: &str, code: &str) -> Vec<usize> {
    let source = Source::parse(path, code).unwrap();
    rule(&source)
        .iter()
        .map(|violation| violation.line)
        .collect()
}

const NOWHERE: [usize; 0] = [];

#[test]
fn a_long_file_is_found() {
    let lines = |count: usize| "//\n".repeat(count);
    assert_eq!(breaches(rules::sizes, "src/a.rs", &lines(401)), [1]);
    assert_eq!(breaches(rules::sizes, "src/a.rs", &lines(400)), NOWHERE);
}

#[test]
fn a_long_function_is_found_whatever_its_braces_hold() {
    let body = |count: usize| {
        format!(
            "\nimpl A {{\nfn f() {{\n{}}}\n}}\n",
            "s(\"}}\"); // }\n".repeat(count)
        )
    };
    assert_eq!(breaches(rules::sizes, "src/a.rs", &body(69)), [3]);
    assert_eq!(breaches(rules::sizes, "src/a.rs", &body(68)), NOWHERE);
}

#[test]
fn a_long_parameter_list_is_found() {
    let five = "impl A { fn f(&self, a: A, b: A, c: A, d: A, e: A) {} }";
    let six = "fn f(a: A, b: A, c: A, d: A, e: A, f: A) {}";
    assert_eq!(breaches(rules::sizes, "src/a.rs", five), NOWHERE);
    assert_eq!(breaches(rules::sizes, "src/a.rs", six), [1]);
    let as_tuple = "fn f(a: A, b: A, c: A, (d, e, f): &mut (A, A, A)) {}";
    assert_eq!(breaches(rules::sizes, "src/a.rs", as_tuple), [1]);
}

#[test]
fn a_missing_header_is_found() {
    assert_eq!(breaches(rules::header, "src/a.rs", "use a::b;\n"), [1]);
    assert_eq!(
        breaches(rules::header, "src/a.rs", "\n//! What it is.\nuse a::b;\n"),
        NOWHERE
    );
}

#[test]
fn a_vague_name_is_found() {
    assert_eq!(rules::file_name("src/utils.rs").len(), 1);
    assert_eq!(rules::file_name("src/common/token.rs").len(), 1);
    assert_eq!(rules::file_name("src/commons.rs").len(), 0);
}

#[test]
fn a_mailbox_in_the_data_plane_is_found() {
    for code in [
        "use actix::Addr;",
        "fn f(a: &Addr<B>) {}",
        "fn f() { sled::open(); }",
        "use openraft::Raft;",
    ] {
        assert_ne!(
            breaches(rules::data_plane, "src/proxy/forward.rs", code),
            NOWHERE,
            "{code}"
        );
        assert_eq!(
            breaches(rules::data_plane, "src/boot.rs", code),
            NOWHERE,
            "{code}"
        );
    }
    let harmless = "// actix::Addr\nuse std::net::SocketAddr;\nfn f() { g(\"sled\") }\n";
    assert_eq!(
        breaches(rules::data_plane, "src/proxy/forward.rs", harmless),
        NOWHERE
    );
}

#[test]
fn knowledge_in_the_wrong_crate_is_found() {
    let at = |path: &str, code: &str| breaches(rules::knowledge, path, code).len();
    assert_eq!(at("storage/src/wal.rs", "use bincode::Options;"), 1);
    assert_eq!(at("storage/src/codec.rs", "use bincode::Options;"), 0);
    assert_eq!(
        at("storage/model/src/state.rs", "fn f(a: sled::Tree) {}"),
        1
    );
    assert_eq!(at("storage/src/copy.rs", "fn f(a: sled::Tree) {}"), 0);
    let roots = "fn f() { webpki_roots::TLS_SERVER_ROOTS.to_vec(); }";
    assert_eq!(at("src/proxy/tls.rs", roots), 1);
    assert_eq!(at("actors/src/snapshot/upstream_tls.rs", roots), 0);
    assert_eq!(at("actors/src/registry.rs", "use openraft::Raft;"), 1);
    assert_eq!(at("cluster/src/node.rs", "use openraft::Raft;"), 0);
    assert_eq!(
        at(
            "cluster/src/node.rs",
            "fn f(a: OAuthClient) { g(\"oauth\") }"
        ),
        1
    );
}

#[test]
fn an_impure_domain_is_found() {
    for code in [
        "use std::collections::HashMap;",
        "fn f() { std::fs::read(a); }",
        "async fn f() {}",
    ] {
        assert_eq!(
            breaches(rules::pure_domain, "storage/model/src/a.rs", code),
            [1],
            "{code}"
        );
        assert_eq!(
            breaches(rules::pure_domain, "storage/src/a.rs", code),
            NOWHERE,
            "{code}"
        );
    }
    let ordered = "use std::collections::BTreeMap;";
    assert_eq!(
        breaches(rules::pure_domain, "storage/model/src/a.rs", ordered),
        NOWHERE
    );
}

#[test]
fn an_unbounded_queue_is_found() {
    let bad = [
        "fn f() { address.do_send(A); }",
        "fn f() { let (a, b) = tokio::sync::mpsc::unbounded_channel::<A>(); }",
        "fn f() { let (a, b) = std::sync::mpsc::channel(); }",
        "fn f() { let (a, b) = mpsc::channel::<Vec<A>>(); }",
        "use std::sync::mpsc::channel;",
    ];
    for code in bad {
        assert_eq!(
            breaches(rules::bounded_queues, "src/a.rs", code),
            [1],
            "{code}"
        );
    }
    let good = [
        "fn f() { let (a, b) = mpsc::channel(16); }",
        "fn f() { let (a, b) = mpsc::channel::<Vec<A>>(QUEUE); }",
        "fn f() { let (a, b) = oneshot::channel(); }",
        "fn f() { let (a, b) = std::sync::mpsc::sync_channel(1); }",
        "/// Never `do_send`.\nfn f() {}",
    ];
    for code in good {
        assert_eq!(
            breaches(rules::bounded_queues, "src/a.rs", code),
            NOWHERE,
            "{code}"
        );
    }
}

#[test]
fn a_second_clock_is_found() {
    let bad = [
        "fn f() { SystemTime::now(); }",
        "fn f() { std::time::Instant::now(); }",
        "fn f() { g(Instant::now); }",
        "fn f() { rand::rng(); }",
        "use rand::rngs::SysRng;",
    ];
    for code in bad {
        assert_eq!(
            breaches(rules::clock_and_randomness, "src/a.rs", code),
            [1],
            "{code}"
        );
        assert_eq!(
            breaches(rules::clock_and_randomness, "src/clock.rs", code),
            NOWHERE,
            "{code}"
        );
    }
    let timer = "fn f() { tokio::time::Instant::now(); }";
    assert_eq!(
        breaches(rules::clock_and_randomness, "src/a.rs", timer),
        NOWHERE
    );
}

#[test]
fn test_modules_are_not_production_code() {
    let code = "fn a() { SystemTime::now(); }\n#[cfg(test)]\nmod tests {\n fn b() { SystemTime::now(); }\n}\n\
                #[cfg(not(test))]\nfn c() { SystemTime::now(); }\n";
    assert_eq!(
        breaches(rules::clock_and_randomness, "src/a.rs", code),
        [1, 7]
    );
}

#[test]
fn files_that_only_tests_declare_are_not_production_code() {
    let declaring =
        "#[cfg(test)]\nmod fixture;\n#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;\nmod c;\n";
    let of_tests = "#[cfg(test)]\nmod tests;\n";
    let files = [
        ("src/lib.rs", ""),
        ("src/a/mod.rs", declaring),
        ("src/a/fixture.rs", ""),
        ("src/a/b_tests.rs", ""),
        ("src/a/c.rs", of_tests),
        ("src/a/c/tests/mod.rs", ""),
        ("src/a/c/tests/deep.rs", ""),
        ("src/a/c/tested.rs", ""),
    ];
    let sources = files
        .iter()
        .map(|(path, code)| Source::parse(path, code).unwrap());
    let kept = without_test_files(sources.collect());
    let paths: Vec<&str> = kept.iter().map(|source| source.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "src/lib.rs",
            "src/a/mod.rs",
            "src/a/c.rs",
            "src/a/c/tested.rs"
        ]
    );
}

#[test]
fn unfinished_code_is_found() {
    assert_eq!(
        breaches(rules::finished, "src/a.rs", "fn f() { todo!() }"),
        [1]
    );
    let allowed = "#![allow(clippy::unwrap_used, reason = \"none\")]\nfn f() {}\n";
    assert_eq!(breaches(rules::finished, "src/a.rs", allowed), [1]);
    let in_tests = "#[cfg(test)]\nmod tests {\n #![allow(clippy::unwrap_used)]\n}\n";
    assert_eq!(breaches(rules::finished, "src/a.rs", in_tests), NOWHERE);
}

#[test]
fn unclean_texts_are_found() {
    let found = |text: &str| {
        let (path, text) = ("README.md".to_owned(), text.to_owned());
        texts::clean_text(&TextFile { path, text }).len()
    };
    for bad in [
        "// TODO: later",
        "see /home/somebody/notes",
        "path = \"/work/raftgate\"",
        "from crates.io",
    ] {
        assert_eq!(found(bad), 1, "{bad}");
    }
    for good in [
        "mastodon",
        "TODOS_DONE",
        "a/work/b",
        "$DIR/work/b",
        "{base}/root/x",
        "/workers/3",
        "the /home page",
    ] {
        assert_eq!(found(good), 0, "{good}");
    }
}

#[test]
fn an_ignored_test_is_found() {
    let path = "src/a.rs".to_owned();
    let text = "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n".to_owned();
    assert_eq!(texts::ignored_tests(&TextFile { path, text }).len(), 1);
}

#[test]
fn a_wrong_arrow_is_found() {
    let found = |path: &str, text: &str| manifests::arrows(path, &text.parse().unwrap()).len();
    assert_eq!(
        found(
            "storage/Cargo.toml",
            "[dependencies]\nraftgate-cluster.workspace = true"
        ),
        1
    );
    assert_eq!(
        found(
            "cluster/Cargo.toml",
            "[dependencies]\nsled.workspace = true"
        ),
        1
    );
    assert_eq!(
        found(
            "storage/model/Cargo.toml",
            "[dependencies]\ntokio.workspace = true"
        ),
        1
    );
    assert_eq!(found("extra/Cargo.toml", ""), 1);
    assert_eq!(
        found(
            "cluster/Cargo.toml",
            "[dependencies]\nraftgate-storage.workspace = true"
        ),
        0
    );
}

#[test]
fn a_version_outside_the_workspace_is_found() {
    let found =
        |text: &str| manifests::inherits("storage/Cargo.toml", &text.parse().unwrap()).len();
    let lints = "[lints]\nworkspace = true\n";
    assert_eq!(found(&format!("{lints}[dependencies]\nserde = \"1\"")), 1);
    assert_eq!(
        found(&format!("{lints}[dependencies]\nserde.workspace = true")),
        0
    );
    assert_eq!(found("[dependencies]\nserde.workspace = true"), 1);
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let found = |line: &str| {
        manifests::reasons("Cargo.toml", &format!("[workspace.dependencies]\n{line}\n")).len()
    };
    assert_eq!(found("serde = \"1\""), 1);
    assert_eq!(found("serde = \"1\" #"), 1);
    assert_eq!(found("serde = \"1\" # records and definitions"), 0);
    assert_eq!(found("raftgate-model = { path = \"storage/model\" }"), 0);
}

#[test]
fn a_dependency_that_no_code_names_is_found() {
    let text = "[dependencies]\nused-crate = 1\nunused = 1\n[dev-dependencies]\ntested = 1\n";
    let table = text.parse().unwrap();
    let production = "// unused\nuse used_crate::A;\nfn f() { unused_too() }\n";
    let all = format!("{production}use tested::B;\n");
    let found = manifests::named_in_code("Cargo.toml", &table, (production, &all));
    assert_eq!(found.len(), 1);
    assert!(
        found
            .iter()
            .all(|breach| breach.to_string().contains("`unused`"))
    );
    let untested = manifests::named_in_code("Cargo.toml", &table, (production, production));
    assert_eq!(untested.len(), 2);
}

fn file(path: &str, text: &str) -> TextFile {
    TextFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn a_case_without_its_test_is_found() {
    let files = [file(
        "tests/gateway/a.rs",
        "#[test]\nfn is_there() {}\nfn helps() {}\n",
    )];
    let found = |line: &str| cases::absent_tests(&file("t.md", line), &files).len();
    assert_eq!(found("| x | `a::is_there`, `code`, a::b |"), 0);
    assert_eq!(found("| x | `a::*` |"), 0);
    assert_eq!(found("| x | `b::*` |"), 1);
    for bad in ["`a::is_gone`", "`b::is_there`", "`a::helps`", "`a::is`"] {
        assert_eq!(found(bad), 1, "{bad}");
    }
}

#[test]
fn a_test_without_its_case_is_found() {
    let files = [
        file(
            "tests/gateway/a.rs",
            "#[test]\nfn one() {}\n\n#[test]\nfn two() {}\nfn helps() {}\n",
        ),
        file("tests/crash/b.rs", "#[test]\nfn elsewhere() {}\n"),
    ];
    let found = |line: &str| {
        let found = cases::unnamed_tests(&file("t.md", line), &files);
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(found("| x | `a::one`, `a::two` |").is_empty());
    assert!(found("| x | `a::*` |").is_empty());
    let unnamed = found("| x | `a::one`, `b::*`, `a::tw` |").concat();
    assert!(unnamed.ends_with("a::two"), "{unnamed}");
}
