//! Definitions that the tests of this module read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use serde_json::{Value, json};

use super::{ApiSpec, Auth, OAuthSpec};

/// The fixture of Tyk's own OAuth tests, reference section 8.0.
pub(super) fn oauth_definition() -> Value {
    json!({
        "name": "OAuth Test API", "api_id": "999999", "org_id": "default", "active": true,
        "use_keyless": false, "use_oauth2": true,
        "oauth_meta": {
            "allowed_access_types": ["authorization_code", "refresh_token", "client_credentials"],
            "allowed_authorize_types": ["code"],
            "auth_login_redirect": "http://idp.example/login?tenant=a"
        },
        "notifications": {
            "shared_secret": "9878767657654343123434556564444",
            "oauth_on_keychange_url": "http://hook.example/oauth"
        },
        "version_data": {"not_versioned": true, "versions": {"v1": {"name": "v1", "expires": ""}}},
        "proxy": {"listen_path": "/APIID/", "target_url": "http://up.example:8080/base", "strip_listen_path": true},
        "allowed_ips": [], "custom_middleware": {"pre": null, "driver": ""},
        "x_unknown": {"kept": [1, 2.5, "three"]}
    })
}

pub(super) fn keyless_definition() -> Value {
    json!({
        "api_id": "k", "active": true, "use_keyless": true,
        "proxy": {"listen_path": "/k", "target_url": "http://up"}
    })
}

pub(super) fn with(mut definition: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = definition
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    parent.insert(key.to_owned(), value);
    definition
}

pub(super) fn spec_of(definition: &Value) -> ApiSpec {
    ApiSpec::from_classic(&definition.to_string()).unwrap().0
}

pub(super) fn faults_of(definition: &Value) -> Vec<String> {
    let faults = ApiSpec::from_classic(&definition.to_string()).unwrap_err();
    faults.all().iter().map(ToString::to_string).collect()
}

pub(super) fn oauth_of(definition: &Value) -> OAuthSpec {
    match spec_of(definition).auth {
        Auth::OAuth(oauth) => oauth,
        _ => panic!("not an OAuth API"),
    }
}
