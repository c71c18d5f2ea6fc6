#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use serde_json::json;

use super::*;

/// The settings, the paths warned of and the faults.
fn read(settings: Value) -> (Option<Cors>, Vec<String>, Vec<String>) {
    let mut faults = DocumentFaults::default();
    let mut warnings = Vec::new();
    let mut definition = Map::new();
    definition.insert("CORS".to_owned(), settings);
    let cors = Cors::read(&definition, &mut warnings, &mut faults);
    let faults = faults.all().iter().map(ToString::to_string).collect();
    let warnings = warnings.into_iter().map(|warning| warning.path).collect();
    (cors, warnings, faults)
}

fn cors(settings: Value) -> Cors {
    let (cors, warnings, faults) = read(settings);
    assert_eq!((warnings, faults), (vec![], vec![]));
    cors.unwrap()
}

#[test]
fn origins_are_compared_whole_and_without_case() {
    let own = cors(
        json!({"enable": true, "allowed_origins": ["https://App.example", "http://*.example:8080"]}),
    );
    for (origin, allowed) in [
        ("https://app.example", true),
        ("HTTPS://APP.EXAMPLE", true),
        ("https://app.example.evil", false),
        ("https://app.example:443", false),
        ("http://app.example", false),
        ("http://a.example:8080", true),
        ("http://a.b.example:8080", true),
        ("http://.example:8080", false),
        ("http://evil/.example:8080", false),
        ("http://a@b.example:8080", false),
        ("http://a.example:80801", false),
        ("null", false),
        ("", false),
    ] {
        let found = own.allow(origin.as_bytes());
        let expected = allowed.then_some(AllowedOrigin::This(origin.as_bytes()));
        assert_eq!(found, expected, "{origin}");
    }
}

#[test]
fn every_origin_is_a_star_and_never_the_one_that_asks() {
    for list in [
        json!(null),
        json!([]),
        json!(["*"]),
        json!(["https://a", "*"]),
    ] {
        let own = cors(json!({"enable": true, "allowed_origins": list}));
        assert_eq!(own.allow(b"https://any"), Some(AllowedOrigin::Any));
    }
}

#[test]
fn no_credentials_for_sites_that_nobody_listed() {
    for broad in [
        json!([]),
        json!(["*"]),
        json!(["https://*"]),
        json!(["https://*example.com"]),
        json!(["*://a.example"]),
        json!(["https://*."]),
        json!(["https://a.*"]),
        json!(["https://a", "null"]),
    ] {
        let settings = json!({"enable": true, "allowed_origins": broad, "allow_credentials": true});
        let (own, warnings, faults) = read(settings);
        assert!(!own.unwrap().credentials, "{broad}");
        assert_eq!(
            (warnings, faults),
            (vec!["CORS.allow_credentials".to_owned()], vec![])
        );
    }
    for narrow in [json!(["https://a.example"]), json!(["https://*.a.example"])] {
        let settings =
            json!({"enable": true, "allowed_origins": narrow, "allow_credentials": true});
        assert!(cors(settings).credentials, "{narrow}");
    }
}

#[test]
fn methods_and_fields_have_defaults() {
    let own = cors(json!({"enable": true}));
    assert!(own.allows_method(b"GET") && own.allows_method(b"OPTIONS"));
    assert!(!own.allows_method(b"DELETE"));
    assert!(own.allows_fields([b"content-type".as_slice(), b"Origin"].into_iter()));
    assert!(!own.allows_fields([b"accept".as_slice(), b"x-own"].into_iter()));
    assert_eq!((own.max_age_s, own.exposed), (0, None));
    let own = cors(json!({
        "enable": true, "allowed_methods": ["delete"], "allowed_headers": ["X-Own", "*"],
        "exposed_headers": ["X-A", "X-B"], "max_age": 60, "options_passthrough": true
    }));
    assert!(own.allows_method(b"DELETE") && !own.allows_method(b"GET"));
    assert!(own.allows_fields([b"anything".as_slice()].into_iter()));
    assert_eq!(own.exposed.as_deref(), Some("X-A, X-B"));
    assert!(own.max_age_s == 60 && own.options_passthrough);
}

#[test]
fn only_enabled_settings_count_and_malformed_ones_are_named() {
    assert_eq!(
        read(json!({"allowed_origins": [5]})),
        (None, vec![], vec![])
    );
    let (_, _, faults) = read(json!({
        "enable": true, "allowed_origins": ["a\r\nb", "*a*"], "allowed_methods": "GET",
        "exposed_headers": ["a, b"], "max_age": 604_801
    }));
    let paths: Vec<&str> = faults
        .iter()
        .filter_map(|fault| fault.split(':').next())
        .collect();
    assert_eq!(
        paths,
        [
            "CORS.allowed_origins[0]",
            "CORS.allowed_origins[1]",
            "CORS.allowed_methods",
            "CORS.exposed_headers[0]",
            "CORS.max_age",
        ]
    );
}
