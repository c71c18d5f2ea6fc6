#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use serde_json::json;

use super::*;

fn read_all(definition: &Value) -> (Versions, Option<VersionApis>, Vec<String>) {
    let mut faults = DocumentFaults::default();
    let read = read(
        definition.as_object().unwrap(),
        &mut Vec::new(),
        &mut faults,
    );
    let faults = faults
        .all()
        .iter()
        .map(|fault| fault.path.clone())
        .collect();
    (read.versions, read.apis, faults)
}

/// Two versions, named as `definition` says.
fn versioned(definition: Value) -> Value {
    json!({
        "definition": definition,
        "version_data": {"default_version": "v1", "versions": {
            "v1": {"name": "v1", "expires": "2030-01-02 03:04"},
            "v2": {"name": "v2", "override_target": "http://other/x"}
        }}
    })
}

fn named(definition: Value) -> NamedVersions {
    let (versions, apis, faults) = read_all(&versioned(definition));
    assert_eq!((apis, faults), (None, vec![]));
    match versions {
        Versions::Named(named) => named,
        Versions::Single(_) => panic!("it has versions"),
    }
}

#[test]
fn versions_are_named_in_one_of_three_places() {
    let place = |definition: Value| named(definition).selector.place;
    assert_eq!(
        place(json!({"location": "header", "key": "X-V"})),
        VersionPlace::Header("X-V".into())
    );
    assert_eq!(
        place(json!({"location": "header"})),
        VersionPlace::Header("x-api-version".into())
    );
    assert_eq!(
        place(json!({"location": "url-param", "key": "v"})),
        VersionPlace::Query("v".into())
    );
    assert_eq!(place(json!({"location": "url"})), VersionPlace::Path(None));
    let pattern = place(json!({"location": "url", "url_versioning_pattern": "^v[0-9]+$"}));
    let VersionPlace::Path(Some(pattern)) = pattern else {
        panic!("it has a pattern")
    };
    assert!(pattern.is_match("v12") && !pattern.is_match("v12a"));
    assert_eq!(place(json!({})), VersionPlace::Nowhere);
}

#[test]
fn each_version_has_what_its_own_object_says() {
    let read = named(json!({"location": "url", "strip_path": true, "fallback_to_default": true}));
    assert_eq!(read.selector.forwarding, NameForwarding::Stripped);
    assert_eq!(read.selector.unknown, UnknownVersion::Default);
    assert_eq!(read.selector.default.as_deref(), Some("v1"));
    let version = |name: &str| read.versions.get(name).unwrap();
    assert!(version("v1").expires.is_some() && version("v1").target.is_none());
    assert_eq!(
        version("v2").target.as_ref().unwrap().host_header(),
        "other"
    );
}

#[test]
fn versions_may_be_apis_of_their_own() {
    let (versions, apis, faults) = read_all(&json!({
        "version_data": {"not_versioned": true, "versions": {"Default": {}}},
        "definition": {
            "enabled": true, "name": "v1", "default": "v1", "location": "url-param", "key": "version",
            "versions": {"v2": "api-2"}
        }
    }));
    assert_eq!(faults, Vec::<String>::new());
    assert!(matches!(versions, Versions::Single(_)));
    let apis = apis.unwrap();
    assert!(apis.is_own("v1") && apis.is_own("self") && !apis.is_own("v2"));
    assert_eq!(apis.versions.get("v2").unwrap().as_str(), "api-2");
}

#[test]
fn what_no_request_could_name_is_a_fault() {
    for (definition, path) in [
        (
            versioned(json!({"location": "cookie"})),
            "definition.location",
        ),
        (
            versioned(json!({"location": "header", "key": "a b"})),
            "definition.key",
        ),
        (
            versioned(json!({"location": "url", "url_versioning_pattern": "("})),
            "definition.url_versioning_pattern",
        ),
        (
            versioned(json!({"location": "url", "enabled": true})),
            "version_data.not_versioned",
        ),
        (
            json!({"version_data": {"versions": {"v1": {}}}}),
            "definition.location",
        ),
        (
            json!({"version_data": {"default_version": "v9", "versions": {"v1": {}}}}),
            "version_data.default_version",
        ),
        (
            json!({"definition": {"enabled": true, "location": "url", "default": "v9"}}),
            "definition.default",
        ),
        (
            json!({"definition": {"enabled": true, "location": "url", "versions": {"v2": ""}}}),
            "definition.versions.v2",
        ),
    ] {
        let (_, _, faults) = read_all(&definition);
        assert_eq!(faults, [path], "{definition}");
    }
}
