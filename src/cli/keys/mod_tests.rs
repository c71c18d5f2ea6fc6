#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking where it went wrong"
)]

use std::cell::RefCell;
use std::os::unix::fs::PermissionsExt as _;

use clap::Parser;
use raftgate_model::id::KeyId;
use raftgate_model::secret::SecretBytes;

use super::*;

const PASSPHRASE: (&str, &str) = ("RAFTGATE_KEYS_PASSPHRASE", "correct horse");

#[derive(Parser)]
struct Keys {
    #[command(flatten)]
    arguments: KeysArguments,
}

struct Said {
    exit: Exit,
    out: String,
    err: String,
}

struct Node(tempfile::TempDir);

impl Node {
    fn with_ring(ids: &[u16]) -> Self {
        let node = Self(tempfile::tempdir().unwrap());
        keyring_file::create(&node.ring_path(), &ring(ids)).unwrap();
        node
    }

    fn without_ring() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ring_path(&self) -> PathBuf {
        self.path("keyring")
    }

    fn ring_text(&self) -> String {
        keyring_file::load(&self.ring_path())
            .unwrap()
            .to_text()
            .expose()
            .to_owned()
    }

    /// Runs `keys`, with answers for the terminal; without them nobody is there to ask.
    fn run(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        (input, typed): (&str, &[&str]),
    ) -> Said {
        let data_dir = self.0.path().to_str().unwrap();
        let arguments = [&["keys"], arguments, &["--data-dir", data_dir]].concat();
        let keys = Keys::try_parse_from(arguments).unwrap_or_else(|error| panic!("{error}"));
        let answers = RefCell::new(typed.iter());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let surroundings = Surroundings {
            environment: &Environment::from_pairs(variables.iter().copied()),
            input: &mut input.as_bytes(),
            ask: &|_| match answers.borrow_mut().next() {
                Some(answer) => Ok((*answer).to_owned()),
                None => Err(io::Error::new(io::ErrorKind::NotFound, "no terminal")),
            },
            cost: PassphraseCost::new(8, 1, 1).unwrap(),
        };
        let exit = run_in(
            surroundings,
            &keys.arguments.action,
            &mut Terminal::new(&mut out, &mut err),
        );
        Said {
            exit,
            out: String::from_utf8(out).unwrap(),
            err: String::from_utf8(err).unwrap(),
        }
    }
}

fn ring(ids: &[u16]) -> KeyRing {
    let key = |id: u16| SecretBytes::new([u8::try_from(id).unwrap(); 32]);
    let mut ids = ids.iter().copied();
    let first = ids.next().unwrap();
    let founded = KeyRing::new(KeyId(first), key(first), key(200));
    ids.fold(founded, |ring, id| {
        ring.with_key(KeyId(id), key(id)).unwrap()
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_one_node_exports_another_imports() {
    let node = Node::with_ring(&[1, 2]);
    let export = node.path("sealed");
    let said = node.run(&["export", text(&export)], &[PASSPHRASE], ("", &[]));
    assert_eq!((said.exit, said.err.as_str()), (Exit::Success, ""));
    assert_eq!(
        said.out,
        format!("the sealed key ring is in {}\n", export.display())
    );
    assert_eq!(
        fs::metadata(&export).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let other = Node::without_ring();
    let said = other.run(&["import", text(&export)], &[PASSPHRASE], ("", &[]));
    assert_eq!((said.exit, said.err.as_str()), (Exit::Success, ""));
    assert_eq!(other.ring_text(), node.ring_text());
    assert_eq!(
        fs::metadata(other.ring_path())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[test]
fn the_standard_streams_serve_as_files() {
    let node = Node::with_ring(&[1]);
    for dash in [&["export"][..], &["export", "-"]] {
        let said = node.run(dash, &[PASSPHRASE], ("", &[]));
        assert_eq!((said.exit, said.err.as_str()), (Exit::Success, ""));
        let other = Node::without_ring();
        let imported = other.run(&["import"], &[PASSPHRASE], (&said.out, &[]));
        assert_eq!((imported.exit, imported.err.as_str()), (Exit::Success, ""));
        assert_eq!(other.ring_text(), node.ring_text());
    }
}

#[test]
fn an_export_overwrites_nothing_and_asks_nothing_before_it_knows() {
    let node = Node::with_ring(&[1]);
    let export = node.path("sealed");
    fs::write(&export, "mine").unwrap();
    let said = node.run(&["export", text(&export)], &[], ("", &[]));
    assert_eq!(said.exit, Exit::Failure);
    assert_eq!(
        said.err,
        format!(
            "error: {} exists already and is not overwritten\n",
            export.display()
        )
    );
    assert_eq!(fs::read_to_string(&export).unwrap(), "mine");
}

#[test]
fn an_import_loses_no_key_of_the_ring_that_is_there() {
    let old = Node::with_ring(&[1]);
    let sealed = old.run(&["export"], &[PASSPHRASE], ("", &[])).out;
    let newer = Node::with_ring(&[1, 2]);
    let before = newer.ring_text();
    let said = newer.run(&["import"], &[PASSPHRASE], (&sealed, &[]));
    assert_eq!(said.exit, Exit::Failure);
    assert!(said.err.contains("a key would be lost"), "{}", said.err);
    assert_eq!(newer.ring_text(), before);
    let sealed = newer.run(&["export"], &[PASSPHRASE], ("", &[])).out;
    assert_eq!(
        old.run(&["import"], &[PASSPHRASE], (&sealed, &[])).exit,
        Exit::Success
    );
    assert_eq!(old.ring_text(), before);
}

#[test]
fn the_passphrase_comes_from_the_file_the_environment_or_the_terminal() {
    let node = Node::with_ring(&[1]);
    let file = node.path("passphrase");
    fs::write(&file, "from the file\r\n").unwrap();
    let by_file = ["--passphrase-file", text(&file)];
    let opens = |sealed: &str, passphrase: &str| {
        let other = Node::without_ring();
        let variables = [(PASSPHRASE.0, passphrase)];
        other.run(&["import"], &variables, (sealed, &[])).exit == Exit::Success
    };
    let sealed = node
        .run(
            &[&["export"], &by_file[..]].concat(),
            &[PASSPHRASE],
            ("", &[]),
        )
        .out;
    assert!(opens(&sealed, "from the file"));
    let typed = ["typed by hand", "typed by hand"];
    let sealed = node.run(&["export"], &[], ("", &typed)).out;
    assert!(opens(&sealed, "typed by hand"));
    let other = Node::without_ring();
    assert_eq!(
        other.run(&["import"], &[], (&sealed, &typed[..1])).exit,
        Exit::Success
    );
}

#[test]
fn a_passphrase_that_is_missing_mistyped_short_or_wrong_is_explained() {
    let node = Node::with_ring(&[1]);
    let sealed = node.run(&["export"], &[PASSPHRASE], ("", &[])).out;
    let empty = node.path("empty");
    fs::write(&empty, "\n").unwrap();
    let missing = node.path("missing");
    for (arguments, variables, typed, expected) in [
        (
            &["export"][..],
            &[][..],
            &[][..],
            "cannot ask for the passphrase: no terminal; set RAFTGATE_KEYS_PASSPHRASE or --passphrase-file",
        ),
        (
            &["export"],
            &[],
            &["one passphrase", "another one"],
            "the two passphrases differ",
        ),
        (
            &["export"],
            &[(PASSPHRASE.0, "short")],
            &[],
            "the passphrase is too short",
        ),
        (
            &["export"],
            &[(PASSPHRASE.0, "")],
            &[],
            "RAFTGATE_KEYS_PASSPHRASE does not hold a passphrase",
        ),
        (
            &["export", "--passphrase-file", text(&empty)],
            &[],
            &[],
            "does not hold a passphrase",
        ),
        (
            &["export", "--passphrase-file", text(&missing)],
            &[],
            &[],
            "cannot read the passphrase from",
        ),
        (
            &["import"],
            &[(PASSPHRASE.0, "incorrect horse")],
            &[],
            "the passphrase is wrong",
        ),
    ] {
        let said = node.run(arguments, variables, (&sealed, typed));
        assert_eq!(said.exit, Exit::Failure, "{arguments:?}");
        assert!(said.err.contains(expected), "{arguments:?}: {}", said.err);
        assert_eq!(said.out, "", "{arguments:?}");
        for secret in ["short", "another one", "horse"] {
            assert!(!said.err.contains(&format!("{secret}\"")), "{}", said.err);
        }
    }
}

#[test]
fn what_is_no_export_is_refused_and_nothing_is_written() {
    let node = Node::without_ring();
    let long = "x".repeat(ENVELOPE_BYTES_MAX + 1);
    for (input, expected) in [
        ("", "not valid"),
        ("{}", "not valid"),
        (long.as_str(), "longer than"),
    ] {
        let said = node.run(&["import"], &[PASSPHRASE], (input, &[]));
        assert_eq!(said.exit, Exit::Failure);
        assert!(said.err.contains(expected), "{}", said.err);
        assert!(!node.ring_path().exists());
    }
    let said = node.run(
        &["import", text(&node.path("none"))],
        &[PASSPHRASE],
        ("", &[]),
    );
    assert!(said.err.starts_with("error: cannot read "), "{}", said.err);
    let said = node.run(&["export"], &[PASSPHRASE], ("", &[]));
    assert!(said.err.contains("there is no key ring at"), "{}", said.err);
}

#[test]
fn a_wrong_configuration_ends_with_2() {
    let node = Node::without_ring();
    let said = node.run(&["export"], &[("RAFTGATE_KEYS_FIL", "x")], ("", &[]));
    assert_eq!(said.exit, Exit::Usage);
    assert!(said.err.contains("RAFTGATE_KEYS_FILE"), "{}", said.err);
}
