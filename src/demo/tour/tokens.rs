//! Tokens in use: calls to the API, refresh, client credentials, revocation, and what the sink hears of them.

use actix_web::http::StatusCode;

use super::{TokenPair, Tour, TourFailure};
use crate::demo::exchange::Answer;
use crate::demo::request::Request;
use crate::demo::scene::{APP, SERVICE};

/// What is called below the listen path.
const PATH: &str = "hello";

impl Tour<'_, '_> {
    pub(super) async fn call_without_token(&mut self) -> Result<(), TourFailure> {
        let request = Request::get(self.scene.api(PATH));
        let answer = self.step("Call the API without a token", &request).await?;
        self.status(&answer, StatusCode::UNAUTHORIZED)?;
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let asks = challenge.starts_with("Bearer realm=") && !challenge.contains("error=");
        self.confirm("it asks for a bearer token", asks)
    }

    /// Calls the API with a token that is good.
    pub(super) async fn call_with(&mut self, token: &str, title: &str) -> Result<(), TourFailure> {
        let request = Request::get(self.scene.api(PATH)).bearer(token);
        let answer = self.step(title, &request).await?;
        self.status(&answer, StatusCode::OK)?;
        let path = answer.member("path");
        let reached = path.as_deref() == Some("/hello");
        self.confirm(
            "the upstream was reached, the listen path stripped",
            reached,
        )
    }

    /// Calls the API with a token that is no longer good.
    pub(super) async fn refused(&mut self, token: &str, title: &str) -> Result<(), TourFailure> {
        let request = Request::get(self.scene.api(PATH)).bearer(token);
        let answer = self.step(title, &request).await?;
        self.status(&answer, StatusCode::UNAUTHORIZED)?;
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        self.confirm(
            "the token is invalid",
            challenge.contains("error=\"invalid_token\""),
        )
    }

    pub(super) async fn refresh(&mut self, pair: &TokenPair) -> Result<TokenPair, TourFailure> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", APP),
            ("refresh_token", pair.refresh.as_str()),
        ];
        let request = Request::post_form(self.scene.api("oauth/token"), &form);
        let answer = self
            .step("Refresh: a new pair replaces the old one", &request)
            .await?;
        let next = self.token_pair(&answer)?;
        let both_new = next.access != pair.access && next.refresh != pair.refresh;
        self.confirm("both tokens are new", both_new)?;
        Ok(next)
    }

    pub(super) async fn client_credentials(&mut self, secret: &str) -> Result<String, TourFailure> {
        let form = [("grant_type", "client_credentials")];
        let request =
            Request::post_form(self.scene.api("oauth/token"), &form).basic(SERVICE, secret);
        let answer = self
            .step("Get a token by client credentials", &request)
            .await?;
        self.status(&answer, StatusCode::OK)?;
        let access = self.member(&answer, "access_token")?;
        let alone = answer.member("refresh_token").is_none();
        self.confirm("an access token and no refresh token", alone)?;
        Ok(access)
    }

    pub(super) async fn revoke(&mut self, secret: &str, token: &str) -> Result<(), TourFailure> {
        let form = [("token", token)];
        let request =
            Request::post_form(self.scene.api("oauth/revoke"), &form).basic(SERVICE, secret);
        let answer = self.step("Revoke the token", &request).await?;
        self.status(&answer, StatusCode::OK)
    }

    /// The notification that tells of the tokens for a code.
    pub(super) async fn hear_of_new(
        &mut self,
        code: &str,
        pair: &TokenPair,
    ) -> Result<(), TourFailure> {
        let received = self.notification("new").await?;
        self.confirm("it names the code", received.member("auth_code") == code)?;
        let names = received.member("new_oauth_token") == pair.access
            && received.member("refresh_token") == pair.refresh;
        self.confirm("it names the tokens", names)
    }

    /// The notification that tells which refresh token was replaced.
    pub(super) async fn hear_of_refresh(
        &mut self,
        old: &TokenPair,
        new: &TokenPair,
    ) -> Result<(), TourFailure> {
        let received = self.notification("refresh").await?;
        let names_old = received.member("old_refresh_token") == old.refresh;
        self.confirm("it names the replaced refresh token", names_old)?;
        let names = received.member("new_oauth_token") == new.access
            && received.member("refresh_token") == new.refresh;
        self.confirm("it names the new tokens", names)
    }

    pub(super) fn token_pair(&mut self, answer: &Answer) -> Result<TokenPair, TourFailure> {
        self.status(answer, StatusCode::OK)?;
        let cache = answer.header("cache-control").unwrap_or_default();
        self.confirm("no cache may keep the answer", cache.contains("no-store"))?;
        Ok(TokenPair {
            access: self.member(answer, "access_token")?,
            refresh: self.member(answer, "refresh_token")?,
        })
    }
}
