//! The first steps: an API, a policy and two clients, by the control API.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::{Tour, TourFailure};
use crate::demo::exchange::Answer;
use crate::demo::request::Request;
use crate::demo::scene::{API_ID, APP, LISTEN_PATH, POLICY_ID, SERVICE};

impl Tour<'_, '_> {
    pub(super) async fn create_api(&mut self) -> Result<(), TourFailure> {
        let document = json!({
            "api_id": API_ID,
            "name": "Demo API",
            "org_id": "default",
            "active": true,
            "use_keyless": false,
            "use_oauth2": true,
            "oauth_meta": {
                "allowed_access_types": ["authorization_code", "refresh_token", "client_credentials"],
                "allowed_authorize_types": ["code"],
                "auth_login_redirect": self.scene.login_url(),
            },
            "notifications": {
                "shared_secret": self.scene.sink_secret.expose(),
                "oauth_on_keychange_url": self.scene.sink_url(),
            },
            "version_data": {
                "not_versioned": true,
                "versions": {"Default": {"name": "Default"}},
            },
            "proxy": {
                "listen_path": LISTEN_PATH,
                "target_url": self.scene.upstream_url(),
                "strip_listen_path": true,
            },
        });
        let title = "Create an API that OAuth protects";
        let answer = self.ask_control(title, "/tyk/apis", &document).await?;
        self.status(&answer, StatusCode::OK)?;
        let key = answer.member("key");
        self.confirm("the answer names the API", key.as_deref() == Some(API_ID))
    }

    pub(super) async fn create_policy(&mut self) -> Result<(), TourFailure> {
        let document = json!({
            "id": POLICY_ID,
            "name": "Demo policy",
            "org_id": "default",
            "active": true,
            "access_rights": {
                API_ID: {"api_id": API_ID, "api_name": "Demo API", "versions": ["Default"]},
            },
        });
        let title = "Create a policy that gives access to it";
        let answer = self.ask_control(title, "/tyk/policies", &document).await?;
        self.status(&answer, StatusCode::OK)?;
        let key = answer.member("key");
        self.confirm(
            "the answer names the policy",
            key.as_deref() == Some(POLICY_ID),
        )
    }

    /// Registers the client that has a secret, which the gateway makes up.
    pub(super) async fn register_service(&mut self) -> Result<String, TourFailure> {
        let document = self.client(SERVICE, "Demo service", false);
        let title = "Register a client with a secret, as a service has it";
        let answer = self
            .ask_control(title, "/tyk/oauth/clients/create", &document)
            .await?;
        self.status(&answer, StatusCode::OK)?;
        let secret = self.member(&answer, "secret")?;
        self.confirm("the gateway made a secret for it", secret.len() >= 32)?;
        Ok(secret)
    }

    /// Registers the client that has none.
    pub(super) async fn register_app(&mut self) -> Result<(), TourFailure> {
        let document = self.client(APP, "Demo app", true);
        let title = "Register a public client, as an app has it";
        let answer = self
            .ask_control(title, "/tyk/oauth/clients/create", &document)
            .await?;
        self.status(&answer, StatusCode::OK)?;
        let secret = answer.member("secret").unwrap_or_default();
        self.confirm("it has no secret", secret.is_empty())
    }

    fn client(&self, id: &str, description: &str, public: bool) -> Value {
        let mut document = json!({
            "client_id": id,
            "api_id": API_ID,
            "policy_id": POLICY_ID,
            "redirect_uri": self.scene.redirect_uri(),
            "description": description,
        });
        if public && let Some(members) = document.as_object_mut() {
            members.insert("public".to_owned(), Value::Bool(true));
        }
        document
    }

    async fn ask_control(
        &mut self,
        title: &str,
        path: &str,
        document: &Value,
    ) -> Result<Answer, TourFailure> {
        let secret = self.scene.control_secret.expose();
        let request = Request::post_json(self.scene.control(path), document)
            .header("X-Tyk-Authorization", secret);
        self.step(title, &request).await
    }
}
