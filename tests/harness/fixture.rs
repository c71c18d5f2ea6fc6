//! APIs, policies, clients and tokens that many tests start from, made through the control listener.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answer::Answer;
use super::node::Node;

/// A Classic definition of a keyless API; the listen path is stripped.
pub(crate) fn keyless_api(id: &str, listen_path: &str, target_url: &str) -> Value {
    json!({
        "api_id": id,
        "name": id,
        "org_id": "default",
        "active": true,
        "use_keyless": true,
        "version_data": {"not_versioned": true, "versions": {"Default": {"name": "Default"}}},
        "proxy": {"listen_path": listen_path, "target_url": target_url, "strip_listen_path": true},
    })
}

/// A Classic definition of an OAuth API that allows every grant but the password.
pub(crate) fn oauth_api(id: &str, listen_path: &str, target_url: &str) -> Value {
    let mut definition = keyless_api(id, listen_path, target_url);
    let fields = json!({
        "use_keyless": false,
        "use_oauth2": true,
        "oauth_meta": {
            "allowed_access_types": ["authorization_code", "client_credentials", "refresh_token"],
            "allowed_authorize_types": ["code", "token"],
            "auth_login_redirect": "http://127.0.0.1/login",
        },
        "auth": {"auth_header_name": "Authorization"},
    });
    merge(&mut definition, fields);
    definition
}

/// A policy without limits that opens the given APIs.
pub(crate) fn policy(id: &str, api_ids: &[&str]) -> Value {
    let right = |api_id: &&str| {
        let right = json!({"api_id": api_id, "api_name": api_id, "versions": ["Default"]});
        ((*api_id).to_owned(), right)
    };
    let rights: serde_json::Map<String, Value> = api_ids.iter().map(right).collect();
    json!({"id": id, "name": id, "org_id": "default", "active": true, "quota_max": -1, "access_rights": rights})
}

/// Sets each field of `fields` in `target`.
pub(crate) fn merge(target: &mut Value, fields: Value) {
    let target = target.as_object_mut().unwrap();
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    target.extend(fields);
}

/// A client's id and secret.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Credentials {
    /// The value of an `Authorization` header.
    pub(crate) fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.id, self.secret))
        )
    }
}

impl Node {
    #[track_caller]
    pub(crate) fn create_api(&self, definition: &Value) {
        self.ask("POST", "/tyk/apis", definition).expect_status(200);
    }

    #[track_caller]
    pub(crate) fn create_policy(&self, policy: &Value) {
        self.ask("POST", "/tyk/policies", policy).expect_status(200);
    }

    /// Creates a client; what the body leaves out is generated.
    #[track_caller]
    pub(crate) fn create_client(&self, client: &Value) -> Credentials {
        let made = self
            .ask("POST", "/tyk/oauth/clients/create", client)
            .expect_status(200)
            .json();
        let text = |name: &str| {
            made.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Credentials {
            id: text("client_id"),
            secret: text("secret"),
        }
    }

    /// An OAuth API at `/{id}/` before `target_url`, with a policy and one client.
    #[track_caller]
    pub(crate) fn create_oauth_api(&self, id: &str, target_url: &str) -> Credentials {
        self.create_api(&oauth_api(id, &format!("/{id}/"), target_url));
        self.create_policy(&policy(&format!("{id}-policy"), &[id]));
        let redirect_uri = "http://127.0.0.1/back";
        self.create_client(&json!({"api_id": id, "policy_id": format!("{id}-policy"), "redirect_uri": redirect_uri}))
    }

    /// The answer of an API's token endpoint.
    #[track_caller]
    pub(crate) fn ask_token(
        &self,
        api_id: &str,
        client: &Credentials,
        form: &[(&str, &str)],
    ) -> Answer {
        let url = self.gateway_url(&format!("/{api_id}/oauth/token"));
        self.client()
            .post_form(&url, &[("authorization", &client.basic())], form)
    }

    /// An access token by client credentials.
    #[track_caller]
    pub(crate) fn access_token(&self, api_id: &str, client: &Credentials) -> String {
        let answer = self.ask_token(api_id, client, &[("grant_type", "client_credentials")]);
        let body = answer.expect_status(200).json();
        body.get("access_token")
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    }

    /// A proxied GET that carries an access token.
    #[track_caller]
    pub(crate) fn get_with_token(&self, path: &str, token: &str) -> Answer {
        self.client().get(
            &self.gateway_url(path),
            &[("authorization", &format!("Bearer {token}"))],
        )
    }
}
