#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking where it went wrong"
)]

mod complaints;

use std::collections::BTreeSet;

use proptest::prelude::*;
use raftgate_model::oauth::error::ErrorStyle;
use raftgate_model::oauth::redirect::RedirectMatch;
use raftgate_model::path_pattern::PathMatching;
use raftgate_model::time::Ttl;

use super::key::DefaultValue;
use super::*;

const NO_VARIABLES: [(&str, &str); 0] = [];

fn resolved(text: &str, variables: &[(&str, &str)], flags: &Flags) -> Result<Settings, String> {
    let file = ConfigFile::from_text(Path::new("node.toml"), text);
    let environment = Environment::from_pairs(variables.iter().copied());
    resolve(Some(&file), &environment, flags).map_err(|errors| errors.to_string())
}

fn complaint(text: &str) -> String {
    match resolved(text, &NO_VARIABLES, &Flags::default()) {
        Ok(_) => panic!("accepted: {text}"),
        Err(complaint) => complaint,
    }
}

fn complaint_about(variable: &str, value: &str) -> String {
    match resolved("", &[(variable, value)], &Flags::default()) {
        Ok(_) => panic!("accepted: {variable}={value}"),
        Err(complaint) => complaint,
    }
}

#[test]
fn nothing_set_gives_the_documented_defaults() {
    let settings = resolved("", &NO_VARIABLES, &Flags::default()).unwrap();
    assert_eq!(settings.node.data_dir, Path::new("./raftgate-data"));
    assert!(settings.node.name.is_none());
    assert_eq!(
        settings.keyring_path(),
        Path::new("./raftgate-data/keyring")
    );
    assert_eq!(settings.gateway.listen.to_string(), "0.0.0.0:8080");
    assert!((1..=1024).contains(&settings.gateway.workers));
    assert!(settings.gateway.tls.is_none() && settings.gateway.trusted_proxies.is_empty());
    assert_eq!(settings.control.listen.to_string(), "127.0.0.1:8081");
    assert!(settings.control.secret.is_none());
    assert_eq!(settings.cluster.listen.to_string(), "127.0.0.1:8082");
    assert_eq!(settings.cluster.stable, Ttl::from_ms(3000));
    assert_eq!(settings.cluster.remove_dead_after, None);
    assert_eq!(settings.cluster.join_token_ttl, Ttl::from_s(86_400));
    assert_eq!(settings.cluster.index_wait, Ttl::from_ms(3000));
    assert_eq!(settings.cluster.write_timeout, Ttl::from_ms(5000));
    assert!(settings.definitions.dir.is_none() && settings.definitions.watch);
    assert_eq!(settings.oauth.access_token_ttl, Ttl::from_s(3600));
    assert_eq!(settings.oauth.refresh_token_ttl, Ttl::from_s(1_209_600));
    assert_eq!(settings.oauth.auth_code_ttl, Ttl::from_s(250));
    assert_eq!(settings.oauth.retry_window, Ttl::from_s(10));
    assert_eq!(settings.oauth.redirect_uri_separator, ";");
    assert_eq!(settings.oauth.redirect_match, RedirectMatch::Exact);
    assert_eq!(settings.oauth.error_style, ErrorStyle::Rfc);
    assert_eq!(settings.oauth.error_status_code, 403);
    assert!(!settings.oauth.allow_master_keys && !settings.oauth.allow_plain_pkce);
    assert!(!settings.oauth.hash_client_secrets);
    assert_eq!(settings.notifications.attempts, 3);
    assert_eq!(settings.notifications.backoff, [Ttl::from_s(10); 2]);
    assert_eq!(settings.notifications.timeout, Ttl::from_s(10));
    assert_eq!(settings.notifications.max_queued, 10_000);
    assert_eq!(settings.compat.path_matching, PathMatching::Anchored);
    assert!(!settings.compat.hash_keys);
    assert_eq!(settings.limits.request_headers, 96);
    assert_eq!(settings.log.filter, "info");
    assert_eq!(settings.log.format, log::LogFormat::Text);
    assert!(!settings.log.access);
}

#[test]
fn every_key_of_the_table_is_read_and_no_other() {
    let layers = Layers::default();
    let mut reader = Reader::new(&layers, Vec::new());
    Settings::read(&mut reader);
    let table: BTreeSet<String> = table::ALL.iter().map(|key| key.path()).collect();
    assert_eq!(reader.read, table);
    assert_eq!(table.len(), table::ALL.len(), "a key stands twice");
    let variables: BTreeSet<String> = table::ALL.iter().map(|key| key.variable()).collect();
    assert_eq!(
        variables.len(),
        table::ALL.len(),
        "two keys share a variable"
    );
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let file = "[gateway]\nlisten = \"127.0.0.1:1\"\n";
    let variable = [("RAFTGATE_GATEWAY_LISTEN", "127.0.0.1:2")];
    let flag = |value| Flags::default().with("--gateway-listen", table::GATEWAY_LISTEN, value);
    let port = |text, variables: &[_], flags| {
        let settings = resolved(text, variables, &flags).unwrap();
        settings.gateway.listen.port()
    };
    assert_eq!(port("", &[], flag(None)), 8080);
    assert_eq!(port(file, &[], flag(None)), 1);
    assert_eq!(port(file, &variable, flag(None)), 2);
    assert_eq!(port(file, &variable, flag(Some("127.0.0.1:3"))), 3);
    assert_eq!(port("", &[], flag(Some("127.0.0.1:3"))), 3);
}

#[test]
fn variables_take_text_as_it_is_and_other_kinds_as_toml() {
    let variables = [
        ("RAFTGATE_NODE_NAME", "node-1"),
        ("RAFTGATE_CONTROL_SECRET", "\"quotes-belong-to-it\""),
        ("RAFTGATE_NOTIFICATIONS_BACKOFF_MS", "[200,300]"),
        ("RAFTGATE_GATEWAY_WORKERS", "7"),
        ("RAFTGATE_GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("RAFTGATE_CLUSTER_JOIN", "[\"a:1\", \"b:2\"]"),
        ("RAFTGATE_LOG_ACCESS", "true"),
        (
            "RAFTGATE_COMPAT_OVERRIDE_MESSAGES",
            "{\"oauth.key_not_found\" = {code = 401}}",
        ),
        ("RAFTGATE_KEYS_PASSPHRASE", "not a setting"),
        ("RAFTGATE_SERVICE_HOST", "10.0.0.1"),
        ("PATH", "/bin"),
    ];
    let settings = resolved("", &variables, &Flags::default()).unwrap();
    assert_eq!(settings.node.name.as_deref(), Some("node-1"));
    let secret = settings.control.secret.unwrap();
    assert_eq!(secret.expose(), "\"quotes-belong-to-it\"");
    assert_eq!(
        settings.notifications.backoff,
        [Ttl::from_ms(200), Ttl::from_ms(300)]
    );
    assert_eq!(settings.gateway.workers, 7);
    let proxies: Vec<String> = settings
        .gateway
        .trusted_proxies
        .iter()
        .map(|net| net.to_string())
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "::1/128"]);
    assert_eq!(settings.cluster.join.len(), 2);
    assert!(settings.log.access);
    let message = &settings.compat.override_messages["oauth.key_not_found"];
    assert_eq!((message.code, &message.message), (Some(401), &None));
}

#[test]
fn words_become_what_they_stand_for() {
    let text = "[oauth]\nerror_style = \"tyk\"\nerror_status_code = 418\nredirect_match = \"prefix\"\n\
                [cluster]\nremove_dead_after_s = 60\n[log]\nformat = \"json\"";
    let settings = resolved(text, &NO_VARIABLES, &Flags::default()).unwrap();
    assert_eq!(settings.oauth.error_style, ErrorStyle::Tyk { status: 418 });
    assert_eq!(settings.oauth.redirect_match, RedirectMatch::Prefix);
    assert_eq!(settings.cluster.remove_dead_after, Some(Ttl::from_s(60)));
    assert_eq!(settings.log.format, log::LogFormat::Json);
}

#[test]
fn messages_may_be_written_with_quotes_or_as_nested_tables() {
    let quoted =
        "[compat.override_messages]\n\"oauth.key_not_found\" = {code = 401, message = \"x\"}";
    let nested = "[compat.override_messages.oauth.key_not_found]\ncode = 401\nmessage = \"x\"";
    let read = |text| {
        resolved(text, &NO_VARIABLES, &Flags::default())
            .unwrap()
            .compat
    };
    assert_eq!(read(quoted), read(nested));
    assert_eq!(read(quoted).override_messages.len(), 1);
}

#[test]
fn warnings_speak_of_the_key_ring_open_control_and_weak_secrets() {
    let quiet =
        "[keys]\nfile = \"/etc/raftgate/keyring\"\n[control]\nsecret = \"0123456789abcdef\"";
    let warnings = |text| {
        resolved(text, &NO_VARIABLES, &Flags::default())
            .unwrap()
            .warnings()
    };
    assert_eq!(warnings(quiet), Vec::<String>::new());
    assert!(warnings("")[0].starts_with("keys.file: "));
    assert!(warnings("[control]\nlisten = \"0.0.0.0:1\"")[1].starts_with("control.listen: "));
    assert!(warnings("[control]\nsecret = \"short\"")[1].starts_with("control.secret: "));
}

#[test]
fn a_key_that_is_set_without_effect_is_named_with_its_place() {
    let text = "keys.file = \"/etc/raftgate/keyring\"
[cluster]
join_token = \"t0ken\"
join_token_ttl_s = 60
stable_ms = 1
remove_dead_after_s = 5";
    let warnings = resolved(text, &NO_VARIABLES, &Flags::default())
        .unwrap_or_else(|error| panic!("{error}"))
        .warnings();
    let named: Vec<_> = warnings
        .iter()
        .map(|warning| warning.split_once(" without effect: ").unwrap().0)
        .collect();
    let expected = [
        "cluster.join_token: set by node.toml:3",
        "cluster.join_token_ttl_s: set by node.toml:4",
        "cluster.stable_ms: set by node.toml:5",
        "cluster.remove_dead_after_s: set by node.toml:6",
    ];
    assert_eq!(named, expected);
    // Every key of `[compat]` has its effect.
    let text = "keys.file = \"/etc/raftgate/keyring\"\n[compat]\nhash_keys = true\nunanchored_paths = true";
    let settings =
        resolved(text, &NO_VARIABLES, &Flags::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(settings.warnings(), Vec::<String>::new());
}

#[test]
fn the_reference_file_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/raftgate.example.toml");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference::reference_file(),
        "deploy/raftgate.example.toml differs from the table; replace it by this:\n{}",
        reference::reference_file()
    );
}

#[test]
fn the_reference_file_is_accepted_as_it_is_and_with_every_key_set() {
    let text = reference::reference_file();
    resolved(&text, &NO_VARIABLES, &Flags::default())
        .map_err(|error| panic!("{error}"))
        .ok();
    let all_set: Vec<&str> = text
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| !rest.starts_with(' '))
                .unwrap_or(line)
        })
        .collect();
    let layers = {
        let mut layers = Layers::default();
        let mut errors = Vec::new();
        let file = ConfigFile::from_text(Path::new("all.toml"), &all_set.join("\n"));
        file.lay_over(&mut layers, &mut errors);
        assert_eq!(errors, []);
        layers
    };
    for key in table::ALL {
        assert_ne!(
            layers.origin(key),
            origin::Origin::Default,
            "{} is missing",
            key.path()
        );
    }
    resolved(&all_set.join("\n"), &NO_VARIABLES, &Flags::default())
        .map_err(|error| panic!("{error}"))
        .ok();
}

#[test]
fn defaults_are_named_where_nothing_applies() {
    for key in table::ALL {
        assert!(key.doc.ends_with('.'), "{}", key.path());
        if let DefaultValue::Unset(otherwise) = key.default {
            assert!(
                !otherwise.ends_with('.') && !otherwise.is_empty(),
                "{}",
                key.path()
            );
        }
    }
}

fn line_of_a_file() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(table::ALL);
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        ".{0,20}".prop_map(|text| format!("{text:?}")),
        Just("[1, \"x\", {a = 1.5}]".to_owned()),
        Just("{a.b.c = 1979-05-27}".to_owned()),
        ".{0,20}",
    ];
    prop_oneof![
        (known, value).prop_map(|(key, value)| format!("{} = {value}", key.path())),
        ".{0,40}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_configuration_panic(lines in proptest::collection::vec(line_of_a_file(), 0..8)) {
        let _ = resolved(&lines.join("\n"), &NO_VARIABLES, &Flags::default()).map(|settings| settings.warnings());
    }

    #[test]
    fn no_variable_makes_configuration_panic(key in proptest::sample::select(table::ALL), name in "[A-Z_0-9]{0,20}", value in ".{0,40}") {
        let name = format!("RAFTGATE_{name}");
        let variable = key.variable();
        let _ = resolved("", &[(name.as_str(), value.as_str()), (variable.as_str(), value.as_str())], &Flags::default());
    }
}
