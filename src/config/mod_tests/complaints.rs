//! What is said of settings that are wrong: where they stand, what is allowed, and nothing secret.

use super::*;

#[test]
fn complaints_about_the_file_name_line_key_value_and_what_is_allowed() {
    for (text, expected) in [
        (
            "\n[gateway]\nlistn = \"x\"",
            "node.toml:3: gateway.listn: unknown key; the nearest known key is gateway.listen",
        ),
        (
            "[gatewy]\nlisten = \"x\"",
            "node.toml:2: gatewy.listen: unknown key; the nearest known key is gateway.listen",
        ),
        (
            "[gatewy]",
            "node.toml:1: [gatewy]: unknown key; the nearest known key is the section [gateway]",
        ),
        (
            "[gateway]\nsecret = \"s3cret\"",
            "node.toml:2: gateway.secret: unknown key; the nearest known key is control.secret",
        ),
        (
            "secret = \"s3cret\"",
            "node.toml:1: secret: unknown key; the nearest known key is control.secret",
        ),
        (
            "gateway = 3",
            "node.toml:1: gateway: unknown key; the nearest known key is the section [gateway]",
        ),
        (
            "[gateway]\nlisten = \":8080\"",
            "node.toml:2: gateway.listen: \":8080\" is not allowed; expected IP:PORT, such as 127.0.0.1:8080 or [::]:8080; port 0 lets the system choose",
        ),
        (
            "[gateway]\nworkers = 0",
            "node.toml:2: gateway.workers: 0 is not allowed; expected a whole number from 1 to 1024",
        ),
        (
            "[gateway]\nworkers = \"4\"",
            "node.toml:2: gateway.workers: \"4\" is not allowed; expected a whole number from 1 to 1024",
        ),
        (
            "[gateway]\nworkers = 1.5",
            "node.toml:2: gateway.workers: a number with a fraction is not allowed; expected a whole number from 1 to 1024",
        ),
        (
            "[gateway]\nworkers = 99999999999999999999",
            "node.toml:2: gateway.workers: a number beyond 64 bits is not allowed; expected a whole number from 1 to 1024",
        ),
        (
            "[gateway]\ntrusted_proxies = [\"10.0.0.0/99\"]",
            "node.toml:2: gateway.trusted_proxies: [\"10.0.0.0/99\"] is not allowed; expected a list of IP addresses and networks, such as [\"10.0.0.0/8\", \"::1\"]",
        ),
        (
            "[gateway]\ntls_cert = \"c.pem\"",
            "node.toml:2: gateway.tls_cert: needs gateway.tls_key beside it",
        ),
        (
            "[compat]\ndisable_key_actions_by_username = true",
            "node.toml:2: compat.disable_key_actions_by_username: needs compat.hash_keys, else nothing would find a user",
        ),
        (
            "[control]\ntls_key = \"k.pem\"",
            "node.toml:2: control.tls_key: needs control.tls_cert beside it",
        ),
        (
            "[control]\nlisten = \"0.0.0.0:8080\"",
            "node.toml:2: control.listen: 0.0.0.0:8080 is also gateway.listen; give each its own",
        ),
        (
            "[control]\nsecret = \"\"",
            "node.toml:2: control.secret: the value (not shown) is not allowed; expected 1 to 512 visible ASCII characters without spaces",
        ),
        (
            "[definitions]\nwatch = \"yes\"",
            "node.toml:2: definitions.watch: \"yes\" is not allowed; expected true or false",
        ),
        (
            "[oauth]\nerror_style = \"RFC\"",
            "node.toml:2: oauth.error_style: \"RFC\" is not allowed; expected \"rfc\" or \"tyk\"",
        ),
        (
            "[oauth]\naccess_token_ttl_s = -1",
            "node.toml:2: oauth.access_token_ttl_s: -1 is not allowed; expected a whole number from 1 to 315360000",
        ),
        (
            "[limits]\nrequest_head_bytes = 65537",
            "node.toml:2: limits.request_head_bytes: 65537 is not allowed; expected a whole number from 1024 to 65536",
        ),
        (
            "[notifications]\nbackoff_ms = []",
            "node.toml:2: notifications.backoff_ms: [] is not allowed; expected a list of 1 to 100 whole numbers from 0 to 86400000",
        ),
        (
            "[node]\nname = \"-x\"",
            "node.toml:2: node.name: \"-x\" is not allowed; expected 1 to 63 letters, digits, '.', '_' or '-', beginning with a letter or digit",
        ),
        (
            "[node]\ndata_dir = \"\"",
            "node.toml:2: node.data_dir: \"\" is not allowed; expected a path",
        ),
        (
            "[cluster]\nadvertise = \"host\"",
            "node.toml:2: cluster.advertise: \"host\" is not allowed; expected HOST:PORT with a port from 1 to 65535",
        ),
        (
            "[log]\nlevel = \"verbose\"",
            "node.toml:2: log.level: \"verbose\" is not allowed; expected a level (off, error, warn, info, debug, trace), or levels by module such as \"info,raftgate::proxy=debug\"",
        ),
        (
            "[compat]\noverride_messages.oauth.key_not_fond.code = 401",
            "node.toml:2: compat.override_messages.oauth.key_not_fond: unknown key; the nearest known key is compat.override_messages.oauth.key_not_found",
        ),
        (
            "[compat]\noverride_messages.oauth.key_not_found.code = 200",
            "node.toml:2: compat.override_messages.oauth.key_not_found: this value is not allowed; expected a table of message ids, each with a code from 400 to 599, a message, or both",
        ),
    ] {
        assert_eq!(complaint(text), expected, "for {text}");
    }
}

#[test]
fn complaints_about_variables_and_flags_name_them() {
    assert_eq!(
        complaint_about("RAFTGATE_GATEWAY_LISTN", "x"),
        "environment variable RAFTGATE_GATEWAY_LISTN: unknown variable; the nearest known variable is RAFTGATE_GATEWAY_LISTEN"
    );
    assert_eq!(
        complaint_about("RAFTGATE_KEYS_PASSFRASE", "x"),
        "environment variable RAFTGATE_KEYS_PASSFRASE: unknown variable; the nearest known variable is RAFTGATE_KEYS_PASSPHRASE"
    );
    assert_eq!(
        complaint_about("RAFTGATE_DEFINITIONS_WATCH", "True"),
        "environment variable RAFTGATE_DEFINITIONS_WATCH: definitions.watch: \"True\" is not allowed; expected true or false"
    );
    let flags = Flags::default().with("--gateway-listen", table::GATEWAY_LISTEN, Some("8080"));
    let complaint = resolved("", &NO_VARIABLES, &flags).err().unwrap();
    assert!(
        complaint.starts_with("flag --gateway-listen: gateway.listen: \"8080\" is not allowed; "),
        "{complaint}"
    );
}

#[test]
fn a_variable_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let value = std::ffi::OsString::from_vec(vec![0xff]);
    let environment =
        Environment::from_pairs([(std::ffi::OsString::from("RAFTGATE_NODE_NAME"), value)]);
    let complaint = resolve(None, &environment, &Flags::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        complaint.contains("RAFTGATE_NODE_NAME: node.name: text that is not UTF-8"),
        "{complaint}"
    );
}

#[test]
fn broken_toml_is_placed_but_not_repeated() {
    let complaint = complaint("[control]\nsecret = \"hush-hush\n");
    assert!(complaint.starts_with("node.toml:2:"), "{complaint}");
    assert!(complaint.contains("not valid TOML"), "{complaint}");
    assert!(!complaint.contains("hush"), "{complaint}");
}

#[test]
fn no_complaint_shows_a_secret() {
    for text in [
        "[control]\nsecret = \"hush hush\"",
        "[control]\nsecret = [\"hush\"]",
        "[cluster]\njoin_token = \"hush\\u0000\"",
        "[control]\nsecrets = \"hush\"",
        "[control]\nsecret = \"hush\"\nsecret = \"hush\"",
    ] {
        assert!(!complaint(text).contains("hush"), "{}", complaint(text));
    }
    assert!(!complaint_about("RAFTGATE_CONTROL_SECRET", "hush hush").contains("hush"));
    assert!(!complaint_about("RAFTGATE_CONTROL_SECRETS", "hush").contains("hush"));
}

#[test]
fn all_complaints_come_at_once_and_their_number_is_bounded() {
    let two = complaint("[gateway]\nworkers = 0\nlistn = 1\n[log]\nformat = \"xml\"");
    assert_eq!(two.lines().count(), 3, "{two}");
    let many: String = (0..60).map(|index| format!("key{index} = 1\n")).collect();
    let complaint = complaint(&many);
    assert_eq!(complaint.lines().count(), 51);
    assert!(complaint.ends_with("and 10 more"), "{complaint}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| {
        load(Some(path), &Environment::default(), &Flags::default())
            .err()
            .unwrap()
            .to_string()
    };
    let missing = folder.path().join("missing.toml");
    let complaint = read(&missing);
    assert!(
        complaint.starts_with(&format!(
            "{}: cannot read the configuration file: ",
            missing.display()
        )),
        "{complaint}"
    );
    let long = folder.path().join("long.toml");
    std::fs::write(&long, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(
        read(&long).ends_with("it is longer than 1048576 bytes"),
        "{}",
        read(&long)
    );
    let binary = folder.path().join("binary.toml");
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    assert!(
        read(&binary).contains("cannot read the configuration file"),
        "{}",
        read(&binary)
    );
    assert!(read(folder.path()).contains("cannot read the configuration file"));
}
