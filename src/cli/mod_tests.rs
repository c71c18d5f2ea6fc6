#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking where it went wrong; a variable says that golden files are to be written"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread::JoinHandle;

use super::*;

struct Said {
    exit: Exit,
    out: String,
    err: String,
}

fn ran(arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = ["raftgate"].iter().chain(arguments).map(OsString::from);
    let environment = Environment::from_pairs(variables.iter().copied());
    let exit = run(
        arguments,
        &environment,
        &mut Terminal::new(&mut out, &mut err),
    );
    Said {
        exit,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

/// Compares with a file beside this one; `UPDATE_GOLDEN=1` writes it instead.
fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/cli/help")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text,
        golden,
        "{} differs; UPDATE_GOLDEN=1 writes it",
        path.display()
    );
}

#[test]
fn help_is_there_for_every_command_and_stays_as_it_is() {
    let mut covered = Vec::new();
    for (command, file) in [
        (&[][..], "raftgate.txt"),
        (&["check"], "check.txt"),
        (&["demo"], "demo.txt"),
        (&["health"], "health.txt"),
        (&["keys"], "keys.txt"),
        (&["keys", "export"], "keys-export.txt"),
        (&["keys", "import"], "keys-import.txt"),
        (&["serve"], "serve.txt"),
        (&["snapshot"], "snapshot.txt"),
        (&["snapshot", "save"], "snapshot-save.txt"),
        (&["snapshot", "inspect"], "snapshot-inspect.txt"),
        (&["snapshot", "restore"], "snapshot-restore.txt"),
    ] {
        let said = ran(&[command, &["--help"]].concat(), &[]);
        assert_eq!(
            (said.exit, said.err.as_str()),
            (Exit::Success, ""),
            "{command:?}"
        );
        assert_golden(file, &said.out);
        covered.push(command.first().copied().unwrap_or_default());
    }
    let known = <Arguments as clap::CommandFactory>::command();
    for command in known.get_subcommands() {
        assert!(
            covered.contains(&command.get_name()),
            "no golden help of {}",
            command.get_name()
        );
    }
}

#[test]
fn the_definition_of_the_command_line_is_sound() {
    <Arguments as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn the_version_is_told() {
    let said = ran(&["--version"], &[]);
    assert_eq!(said.exit, Exit::Success);
    assert_eq!(
        said.out,
        concat!("raftgate ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_wrong_command_line_is_explained_and_ends_with_2() {
    for (arguments, word) in [
        (&["chek"][..], "check"),
        (&["check", "--confg", "x"], "--config"),
        (&["health", "--control", "nowhere"], "HOST:PORT"),
        (&[], "Usage"),
    ] {
        let said = ran(arguments, &[]);
        assert_eq!(said.exit.code(), 2, "{arguments:?}");
        assert_eq!(said.out, "", "{arguments:?}");
        assert!(said.err.contains(word), "{}", said.err);
    }
}

#[test]
fn check_accepts_what_is_right_and_warns() {
    let said = ran(&["check"], &[]);
    assert_eq!(said.exit.code(), 0);
    assert_eq!(said.out, "the configuration is valid\n");
    assert!(said.err.starts_with("warning: keys.file: "), "{}", said.err);
}

#[test]
fn check_prints_every_mistake_on_a_line_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    std::fs::write(&file, "[gateway]\nworkers = 0\nlistn = 1\n").unwrap();
    let said = ran(
        &["check", "--config", file.to_str().unwrap()],
        &[("RAFTGATE_LOG_ACESS", "true")],
    );
    assert_eq!(said.exit.code(), 2);
    assert_eq!(said.out, "");
    assert_eq!(said.err.lines().count(), 3, "{}", said.err);
    assert!(
        said.err.lines().all(|line| line.starts_with("error: ")),
        "{}",
        said.err
    );
    assert!(said.err.contains("RAFTGATE_LOG_ACCESS"), "{}", said.err);
}

#[test]
fn check_loads_the_tls_files_and_ends_with_1_when_they_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    let pair = rcgen::generate_simple_self_signed(["gate.test".to_owned()]).unwrap();
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, "").unwrap();
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let variables = [
        ("RAFTGATE_GATEWAY_TLS_CERT", cert),
        ("RAFTGATE_GATEWAY_TLS_KEY", key),
    ];
    let said = ran(&["check"], &variables);
    assert_eq!((said.exit.code(), said.out.as_str()), (1, ""));
    let reason = format!("error: gateway.tls_cert, gateway.tls_key: {key}: holds no private key");
    assert!(said.err.contains(&reason), "{}", said.err);
    std::fs::write(key, pair.signing_key.serialize_pem()).unwrap();
    assert_eq!(ran(&["check"], &variables).exit.code(), 0);
}

/// A server that answers one request with these bytes, and hands back what it was asked.
fn answering(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.extend(byte);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (address, thread)
}

fn health_of(answer: &'static str) -> Said {
    let (address, server) = answering(answer);
    let said = ran(&["health", "--control", &address.to_string()], &[]);
    let asked = server.join().unwrap();
    assert!(asked.starts_with("GET /ready HTTP/1.1\r\n"), "{asked}");
    said
}

#[test]
fn health_is_the_nodes_own_answer() {
    let said = health_of("HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"status\":\"warn\"}");
    assert_eq!(
        (said.exit.code(), said.out.as_str(), said.err.as_str()),
        (0, "warn\n", "")
    );
    let said = health_of("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(said.exit.code(), 1);
    assert_eq!(
        said.err,
        "error: the node does not serve now: it answered 503\n"
    );
}

#[test]
fn health_does_not_take_a_stranger_for_a_node() {
    let said = health_of("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    assert_eq!(said.exit.code(), 1);
    assert!(
        said.err.contains("not a raftgate control listener"),
        "{}",
        said.err
    );
    let said = health_of("HTTP/1.1 302 Found\r\nlocation: /ok\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(said.exit.code(), 1);
}

#[test]
fn health_says_where_it_asked_when_nobody_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let said = ran(
        &["health"],
        &[("RAFTGATE_CONTROL_LISTEN", &address.to_string())],
    );
    assert_eq!(said.exit.code(), 1);
    let expected = format!("error: cannot ask http://{address}/ready: ");
    assert!(said.err.starts_with(&expected), "{}", said.err);
}

#[test]
fn health_with_a_wrong_configuration_ends_with_2() {
    let said = ran(&["health"], &[("RAFTGATE_CONTROL_LISTEN", "here")]);
    assert_eq!(said.exit.code(), 2);
}
