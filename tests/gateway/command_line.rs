//! The binary as an operator types it: exit statuses, and messages that name what is wrong and where.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::{Finished, PATIENCE, RecordingServer, Reply, eventually, run};

/// Runs the binary in an empty folder that holds `files`.
pub(crate) fn in_folder(
    arguments: &[&str],
    environment: &[(&str, &str)],
    files: &[(&str, &str)],
) -> Finished {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    run(arguments, environment, folder.path())
}

#[test]
fn the_version_is_printed() {
    let finished = in_folder(&["--version"], &[], &[]);
    assert_eq!(finished.code, Some(0));
    assert_eq!(
        finished.out,
        format!("raftgate {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn help_is_everywhere() {
    for command in [
        "",
        "check",
        "demo",
        "health",
        "keys",
        "keys export",
        "keys import",
        "serve",
        "snapshot",
        "snapshot inspect",
        "snapshot restore",
        "snapshot save",
    ] {
        let mut arguments: Vec<_> = command.split_whitespace().collect();
        arguments.push("--help");
        let finished = in_folder(&arguments, &[], &[]);
        assert_eq!(
            (finished.code, finished.err.as_str()),
            (Some(0), ""),
            "{command}"
        );
        let usage = format!("Usage: raftgate {command}");
        assert!(finished.out.contains(usage.trim_end()), "{}", finished.out);
    }
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let finished = in_folder(&["srve"], &[], &[]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.err.contains("srve"), "{}", finished.err);
    assert_eq!(finished.out, "");
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
    let file = ("node.toml", "[oauth]\naccess_token_ttl = 3\n");
    let finished = in_folder(&["check", "--config", "node.toml"], &[], &[file]);
    assert_eq!(finished.code, Some(2));
    for part in [
        "node.toml:2",
        "oauth.access_token_ttl",
        "oauth.access_token_ttl_s",
    ] {
        assert!(finished.err.contains(part), "{}", finished.err);
    }
}

#[test]
fn an_unknown_variable_is_named_with_the_nearest_known_one() {
    let finished = in_folder(&["check"], &[("RAFTGATE_OAUTH_ERROR_STYL", "tyk")], &[]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.err.contains("RAFTGATE_OAUTH_ERROR_STYLE"),
        "{}",
        finished.err
    );
}

#[test]
fn definitions_are_checked_offline() {
    let good = r#"{"api_id": "a", "name": "A", "active": true, "use_keyless": true,
        "proxy": {"listen_path": "/a/", "target_url": "http://up.test/"}}"#;
    let bad = good.replace("http://up.test/", "up");
    let check = |text: &str| in_folder(&["check", "api.json"], &[], &[("api.json", text)]);

    let finished = check(good);
    assert_eq!(finished.code, Some(0), "{}", finished.err);
    assert!(finished.out.contains("1 definitions"), "{}", finished.out);
    assert!(!finished.err.contains("api.json"), "{}", finished.err);
    let finished = check(&bad);
    assert_eq!(finished.code, Some(1));
    for part in ["api.json", "proxy.target_url"] {
        assert!(finished.err.contains(part), "{}", finished.err);
    }
    let finished = in_folder(&["check", "absent.json"], &[], &[]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.err.contains("absent.json"), "{}", finished.err);
}

#[test]
fn a_wrong_value_in_the_environment_counts_although_the_file_is_right() {
    let file = ("node.toml", "[oauth]\nerror_style = \"tyk\"\n");
    let arguments = ["check", "--config", "node.toml"];
    let with = |value: &str| {
        in_folder(
            &arguments,
            &[("RAFTGATE_OAUTH_ERROR_STYLE", value)],
            &[file],
        )
    };
    assert_eq!(with("rfc").code, Some(0));
    let finished = with("neither");
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.err.contains("RAFTGATE_OAUTH_ERROR_STYLE"),
        "{}",
        finished.err
    );
}

#[test]
fn health_is_the_exit_status() {
    let node = RecordingServer::replying(Reply::ok(r#"{"status": "pass"}"#));
    let control = node.address().to_string();
    let health = |control: &str| in_folder(&["health", "--control", control], &[], &[]);
    assert_eq!(health(&control).code, Some(0));
    assert_eq!(node.only().target, "/ready");
    node.set_script(|_| Reply::status(503, r#"{"status": "fail"}"#));
    assert_eq!(health(&control).code, Some(1));
    // Nobody listens on port 1.
    let finished = health("127.0.0.1:1");
    assert_eq!(finished.code, Some(1));
    assert!(finished.err.contains("127.0.0.1:1"), "{}", finished.err);
}

/// Standard error that takes no byte and is never read: the other end must be kept.
fn full_stream() -> (UnixStream, UnixStream) {
    let (mut stream, reader) = UnixStream::pair().unwrap();
    stream.set_nonblocking(true).unwrap();
    while stream.write(&[b'x'; 4096]).is_ok() {}
    stream.set_nonblocking(false).unwrap();
    (stream, reader)
}

#[test]
fn a_node_that_cannot_start_ends_although_nobody_reads_why() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (stream, _reader) = full_stream();
    let listen = taken.local_addr().unwrap().to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_raftgate"))
        .args(["serve", "--gateway-listen", &listen])
        .args(["--control-listen", "127.0.0.1:0"])
        .args(["--cluster-listen", "127.0.0.1:0"])
        .env_clear()
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(OwnedFd::from(stream))
        .spawn()
        .unwrap();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        eventually("the node ends", PATIENCE, || child.try_wait().unwrap())
    }));
    // Harmless for a child that has ended.
    let _ = child.kill();
    assert_eq!(ended.unwrap().code(), Some(1));
}
