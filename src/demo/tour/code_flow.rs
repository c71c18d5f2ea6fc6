//! The authorization code with PKCE, step by step as a browser goes: gateway, login, consent, client.

use actix_web::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use url::Url;

use super::{TokenPair, Tour, TourFailure};
use crate::demo::exchange::query_parameter;
use crate::demo::identity::{CONSENT_PATH, LOGIN_PATH};
use crate::demo::request::Request;
use crate::demo::scene::{APP, PASSWORD, PERSON, Scene};

/// One login of the app: what it keeps to itself until the code is back.
pub(in crate::demo) struct Login {
    state: String,
    verifier: String,
}

impl Login {
    pub(in crate::demo) fn new(scene: &Scene) -> Self {
        Self {
            state: scene.random_text(),
            verifier: scene.random_text(),
        }
    }

    /// What the app redeems the code with.
    pub(in crate::demo) fn verifier(&self) -> &str {
        &self.verifier
    }

    /// Where the app sends the browser.
    pub(in crate::demo) fn authorize_url(&self, scene: &Scene) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", APP)
            .append_pair("redirect_uri", &scene.redirect_uri())
            .append_pair("state", &self.state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        scene.api(&format!("oauth/authorize?{query}"))
    }
}

impl Tour<'_, '_> {
    /// Logs in and approves; the code that the client receives.
    pub(super) async fn approved(&mut self, login: &Login) -> Result<String, TourFailure> {
        let ticket = self.sign_in(login).await?;
        let title = "Approve; the gateway issues a code, and the browser takes it to the client";
        let location = self.decide(title, &ticket, "approve").await?;
        let state = query_parameter(&location, "state");
        self.confirm(
            "the state came back unchanged",
            state.as_deref() == Some(&login.state),
        )?;
        let code = query_parameter(&location, "code").unwrap_or_default();
        self.confirm("there is a code", !code.is_empty())?;
        let page = self
            .step("Arrive at the client", &Request::get(location))
            .await?;
        self.status(&page, StatusCode::OK)?;
        self.confirm("the client has the code", page.body.contains(&code))?;
        Ok(code)
    }

    /// Logs in and denies; the client learns that and gets no code.
    pub(super) async fn denied(&mut self, login: &Login) -> Result<(), TourFailure> {
        let ticket = self.sign_in(login).await?;
        let location = self.decide("Deny", &ticket, "deny").await?;
        let error = query_parameter(&location, "error");
        let state = query_parameter(&location, "state");
        self.confirm(
            "the error is access_denied",
            error.as_deref() == Some("access_denied"),
        )?;
        self.confirm(
            "the state came back unchanged",
            state.as_deref() == Some(&login.state),
        )?;
        self.confirm(
            "there is no code",
            query_parameter(&location, "code").is_none(),
        )?;
        let page = self
            .step("Arrive at the client", &Request::get(location))
            .await?;
        self.status(&page, StatusCode::OK)?;
        self.confirm(
            "the client shows the refusal",
            page.body.contains("access_denied"),
        )
    }

    /// From the gateway over the login page to the consent page; the ticket of the consent form.
    async fn sign_in(&mut self, login: &Login) -> Result<String, TourFailure> {
        let begin = Request::get(login.authorize_url(self.scene));
        let answer = self
            .step("Begin a login at the gateway, with PKCE", &begin)
            .await?;
        self.status(&answer, StatusCode::TEMPORARY_REDIRECT)?;
        let place = answer.location();
        let place = place.ok_or_else(|| self.failure("no Location".to_owned()))?;
        let leads = place.as_str().starts_with(&self.scene.login_url());
        self.confirm(
            "it leads to the login page, the request's parameters with it",
            leads,
        )?;

        let page = self
            .step("Open the login page", &Request::get(place))
            .await?;
        self.status(&page, StatusCode::OK)?;
        let secret = self.scene.control_secret.expose();
        self.confirm(
            "the page holds no secret of the gateway",
            !page.body.contains(secret),
        )?;
        let ticket = page.hidden_field("ticket");
        let ticket = ticket.ok_or_else(|| self.failure("the form has no ticket".to_owned()))?;

        let form = [
            ("ticket", ticket.as_str()),
            ("name", PERSON),
            ("password", PASSWORD),
        ];
        let submit = Request::post_form(self.identity_url(LOGIN_PATH), &form);
        let page = self.step("Sign in", &submit).await?;
        self.status(&page, StatusCode::OK)?;
        let ticket = page.hidden_field("ticket");
        ticket.ok_or_else(|| self.failure("the consent form has no ticket".to_owned()))
    }

    /// Sends the consent form; where the browser goes then, which must be the client.
    async fn decide(
        &mut self,
        title: &str,
        ticket: &str,
        decision: &str,
    ) -> Result<Url, TourFailure> {
        let form = [("ticket", ticket), ("decision", decision)];
        let submit = Request::post_form(self.identity_url(CONSENT_PATH), &form);
        let answer = self.step(title, &submit).await?;
        self.status(&answer, StatusCode::SEE_OTHER)?;
        let location = answer.location();
        let location = location.ok_or_else(|| self.failure("no Location".to_owned()))?;
        let leads = location.as_str().starts_with(&self.scene.redirect_uri());
        self.confirm("the browser is sent to the client's redirect URI", leads)?;
        Ok(location)
    }

    /// Exchanges the code for tokens, proving with the verifier that it is the same app.
    pub(super) async fn redeem(
        &mut self,
        login: &Login,
        code: &str,
    ) -> Result<TokenPair, TourFailure> {
        let redirect_uri = self.scene.redirect_uri();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", APP),
            ("code", code),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", login.verifier()),
        ];
        let request = Request::post_form(self.scene.api("oauth/token"), &form);
        let answer = self.step("Exchange the code for tokens", &request).await?;
        self.token_pair(&answer)
    }

    fn identity_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.scene.identity)
    }
}
