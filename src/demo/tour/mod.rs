//! The tour: every request goes over the network, every answer is checked, and the first surprise ends it.

mod code_flow;
mod registration;
mod tokens;

use std::time::Duration;

use actix_web::http::StatusCode;
use tokio::sync::mpsc;

use super::exchange::{Answer, Exchange};
use super::narrator::Narrator;
use super::request::Request;
use super::scene::Scene;
use super::sink::Received;
use crate::cli::terminal::Terminal;

pub(super) use self::code_flow::Login;

/// How long a notification may be on its way.
const NOTIFICATION_WAIT: Duration = Duration::from_secs(20);

/// Where the tour went wrong, and how.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub(super) struct TourFailure {
    place: String,
    reason: String,
}

/// The tour under way.
pub(super) struct Tour<'a, 's> {
    narrator: Narrator<'a, 's>,
    exchange: Exchange,
    scene: &'a Scene,
    received: &'a mut mpsc::Receiver<Received>,
}

/// The access and refresh token of an answer.
struct TokenPair {
    access: String,
    refresh: String,
}

impl<'a, 's> Tour<'a, 's> {
    pub(super) fn new(
        terminal: &'a mut Terminal<'s>,
        scene: &'a Scene,
        received: &'a mut mpsc::Receiver<Received>,
    ) -> Self {
        Self {
            narrator: Narrator::new(terminal),
            exchange: Exchange::new(),
            scene,
            received,
        }
    }

    /// Goes through all steps and tells how many there were.
    pub(super) async fn run(mut self) -> Result<usize, TourFailure> {
        self.create_api().await?;
        self.create_policy().await?;
        let service_secret = self.register_service().await?;
        self.register_app().await?;
        self.call_without_token().await?;

        let login = Login::new(self.scene);
        let code = self.approved(&login).await?;
        let first = self.redeem(&login, &code).await?;
        self.call_with(&first.access, "Call the API with the token")
            .await?;
        self.hear_of_new(&code, &first).await?;
        let second = self.refresh(&first).await?;
        self.refused(&first.access, "Call the API with the replaced token")
            .await?;
        self.call_with(&second.access, "Call the API with the new token")
            .await?;
        self.hear_of_refresh(&first, &second).await?;

        let token = self.client_credentials(&service_secret).await?;
        self.call_with(&token, "Call the API as the service")
            .await?;
        self.revoke(&service_secret, &token).await?;
        self.refused(&token, "Call the API with the revoked token")
            .await?;

        self.denied(&Login::new(self.scene)).await?;
        Ok(self.narrator.steps())
    }

    /// One step with one request: told, sent, told.
    async fn step(&mut self, title: &str, request: &Request) -> Result<Answer, TourFailure> {
        self.narrator.step(title);
        self.narrator.request(request);
        let answer = self.exchange.send(request).await;
        let answer = answer.map_err(|error| self.failure(error.to_string()))?;
        self.narrator.answer(&answer);
        Ok(answer)
    }

    fn status(&mut self, answer: &Answer, expected: StatusCode) -> Result<(), TourFailure> {
        if answer.status != expected {
            let got = answer.status;
            return Err(self.failure(format!("expected {expected}, got {got}")));
        }
        let what = format!("status {}", expected.as_u16());
        self.narrator.confirmed(&what);
        Ok(())
    }

    /// Goes on only if something is as it should be.
    fn confirm(&mut self, what: &str, holds: bool) -> Result<(), TourFailure> {
        if !holds {
            return Err(self.failure(format!("not so: {what}")));
        }
        self.narrator.confirmed(what);
        Ok(())
    }

    fn member(&self, answer: &Answer, name: &str) -> Result<String, TourFailure> {
        let member = answer.member(name);
        member.ok_or_else(|| self.failure(format!("the answer has no text `{name}`")))
    }

    /// Waits for the next notification of this kind and checks that the sink believed it.
    async fn notification(&mut self, kind: &str) -> Result<Received, TourFailure> {
        self.narrator.step(&format!(
            "See the gateway tell of it: a notification of type {kind}"
        ));
        let arrived = tokio::time::timeout(NOTIFICATION_WAIT, self.received.recv()).await;
        let Ok(Some(received)) = arrived else {
            let waited = NOTIFICATION_WAIT.as_secs();
            return Err(self.failure(format!("nothing arrived within {waited} s")));
        };
        self.narrator.aside(&format!(
            "POST {}\nwebhook-id: {}\nwebhook-signature: {}\n\n{}",
            self.scene.sink_url(),
            received.id,
            received.signature,
            received.text
        ));
        if let Some(fault) = received.fault {
            return Err(self.failure(format!("the sink does not believe it: {fault}")));
        }
        self.narrator
            .confirmed("shared secret, timestamp and signature are right");
        let what = format!("notification_type is {kind}");
        self.confirm(&what, received.member("notification_type") == kind)?;
        Ok(received)
    }

    fn failure(&self, reason: String) -> TourFailure {
        TourFailure {
            place: self.narrator.current(),
            reason,
        }
    }
}
