#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking where it went wrong"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Both {
    #[command(flatten)]
    target: TargetArguments,
    #[command(flatten)]
    secret: SecretArguments,
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn parsed(arguments: &[&str]) -> Both {
    Both::try_parse_from([&["raftgate"], arguments].concat())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn url(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let environment = Environment::from_pairs(variables.iter().copied());
    match parsed(arguments).target.resolve(&environment) {
        Ok(target) => target.url("/ready"),
        Err(error) => error.to_string(),
    }
}

fn secret(arguments: &[&str], variables: &[(&str, &str)]) -> Result<String, String> {
    warned_secret(arguments, variables).0
}

/// What was found, and what was said on standard error.
fn warned_secret(
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Result<String, String>, String) {
    let both = parsed(arguments);
    let environment = Environment::from_pairs(variables.iter().copied());
    let target = both.target.resolve(&environment).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let secret = both
        .secret
        .resolve(&target, &mut Terminal::new(&mut out, &mut err));
    let secret = secret
        .map(|secret| secret.expose().to_owned())
        .map_err(|error| error.to_string());
    (secret, String::from_utf8(err).unwrap())
}

#[test]
fn the_flag_beats_the_environment_beats_the_file_beats_the_data_directory() {
    let folder = Folder::new();
    let data_dir = folder.path().to_str().unwrap();
    control_address::publish(folder.path(), "127.0.0.1:4".parse().unwrap()).unwrap();
    let config = folder.write("node.toml", "[control]\nlisten = \"127.0.0.1:3\"");
    let config = ["--config", config.as_str(), "--data-dir", data_dir];
    let flag = [&config[..], &["--control", "node-1:1"]].concat();
    let variable = [("RAFTGATE_CONTROL_LISTEN", "127.0.0.1:2")];
    assert_eq!(url(&flag, &variable), "http://node-1:1/ready");
    assert_eq!(url(&config, &variable), "http://127.0.0.1:2/ready");
    assert_eq!(url(&config, &[]), "http://127.0.0.1:3/ready");
    assert_eq!(
        url(&["--data-dir", data_dir], &[]),
        "http://127.0.0.1:4/ready"
    );
    let elsewhere = folder.path().join("none");
    let elsewhere = ["--data-dir", elsewhere.to_str().unwrap()];
    assert_eq!(url(&elsewhere, &[]), "http://127.0.0.1:8081/ready");
}

#[test]
fn a_port_that_the_system_chose_is_looked_up() {
    let folder = Folder::new();
    let data_dir = ["--data-dir", folder.path().to_str().unwrap()];
    let variable = [("RAFTGATE_CONTROL_LISTEN", "0.0.0.0:0")];
    let said = url(&data_dir, &variable);
    assert!(
        said.starts_with("control.listen leaves the port to the system"),
        "{said}"
    );
    assert!(said.contains(data_dir[1]), "{said}");
    control_address::publish(folder.path(), "0.0.0.0:41".parse().unwrap()).unwrap();
    assert_eq!(url(&data_dir, &variable), "http://127.0.0.1:41/ready");
}

#[test]
fn tls_in_the_configuration_makes_the_address_https() {
    let folder = Folder::new();
    let config = folder.write("node.toml", "[control]\ntls_cert = \"c\"\ntls_key = \"k\"");
    let arguments = ["--config", config.as_str(), "--control", "[::1]:1"];
    assert_eq!(url(&arguments, &[]), "https://[::1]:1/ready");
}

#[test]
fn the_secret_is_found_in_order() {
    let folder = Folder::new();
    let data_dir = folder.path().to_str().unwrap();
    folder.write("control.secret", "from-data-dir\n");
    let file = folder.write("given", "from-file\r\n");
    let config = folder.write("node.toml", "[control]\nsecret = \"from-config\"");
    let all = [
        "--data-dir",
        data_dir,
        "--config",
        &config,
        "--control-secret-file",
        &file,
    ];
    let variable = [("RAFTGATE_CONTROL_SECRET", "from-variable")];
    let found = |arguments: &[&str], variables: &[_]| secret(arguments, variables).unwrap();
    assert_eq!(found(&all, &variable), "from-file");
    assert_eq!(found(&all[..4], &variable), "from-variable");
    assert_eq!(found(&all[..4], &[]), "from-config");
    assert_eq!(found(&all[..2], &[]), "from-data-dir");
}

#[test]
fn a_missing_or_wrong_secret_is_explained_without_showing_it() {
    let folder = Folder::new();
    let arguments = ["--data-dir", folder.path().to_str().unwrap()];
    let said = secret(&arguments, &[]).unwrap_err();
    let path = folder.path().join("control.secret");
    assert!(
        said.starts_with(&format!(
            "cannot read the control secret from {}",
            path.display()
        )),
        "{said}"
    );
    for wrong in ["", "\n", "two words", "two\nlines"] {
        folder.write("control.secret", wrong);
        let said = secret(&arguments, &[]).unwrap_err();
        assert!(said.contains("does not hold a control secret"), "{said}");
        assert!(!said.contains("two"), "{said}");
    }
}

#[test]
fn sending_the_secret_in_clear_is_warned_of() {
    let folder = Folder::new();
    let tls = folder.write("node.toml", "[control]\ntls_cert = \"c\"\ntls_key = \"k\"");
    let variable = [("RAFTGATE_CONTROL_SECRET", "s3cret")];
    let warnings = |control: &str, more: &[&str]| {
        let arguments = [&["--control", control], more].concat();
        let (secret, warnings) = warned_secret(&arguments, &variable);
        assert_eq!(secret.as_deref(), Ok("s3cret"));
        warnings
    };
    let said = warnings("10.0.0.1:8081", &[]);
    assert!(
        said.starts_with("warning: 10.0.0.1:8081 is not this machine"),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
    assert!(!warnings("node-1:8081", &[]).is_empty());
    assert_eq!(warnings("127.0.0.1:8081", &[]), "");
    assert_eq!(warnings("10.0.0.1:8081", &["--config", &tls]), "");
}

#[test]
fn a_secret_file_that_others_may_read_is_warned_of() {
    let folder = Folder::new();
    let file = folder.write("given", "from-file\n");
    let path = folder.path().join("given");
    let warnings = |mode| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let (secret, warnings) = warned_secret(&["--control-secret-file", &file], &[]);
        assert_eq!(secret.as_deref(), Ok("from-file"));
        warnings
    };
    assert!(warnings(0o644).contains("is open to others (mode 0644)"));
    assert_eq!(warnings(0o600), "");
}

#[test]
fn the_secret_is_never_an_argument() {
    let refused = Both::try_parse_from(["raftgate", "--control-secret", "hush"]);
    assert!(refused.is_err());
}
