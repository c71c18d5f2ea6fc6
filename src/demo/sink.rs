//! The notification sink: takes what the gateway posts, and believes only what is signed and fresh.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use raftgate_model::clock::Clock;
use raftgate_model::secret::Secret;
use raftgate_model::time::Timestamp;
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::mpsc;

/// The path that notifications are posted to.
pub(super) const PATH: &str = "/notifications";
/// How old or how far ahead a message's timestamp may be, in seconds (Standard Webhooks).
const TOLERANCE_S: u64 = 300;

/// A notification as it arrived.
#[derive(Debug)]
pub(super) struct Received {
    /// `webhook-id`.
    pub(super) id: String,
    /// `webhook-signature`, as sent.
    pub(super) signature: String,
    /// The body as sent.
    pub(super) text: String,
    /// Why it cannot be believed, if so.
    pub(super) fault: Option<NotificationFault>,
}

impl Received {
    /// A member of the body that holds a text, else nothing.
    pub(super) fn member(&self, name: &str) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let member = body.get(name).and_then(Value::as_str);
        member.unwrap_or_default().to_owned()
    }
}

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotificationFault {
    /// `X-Tyk-Shared-Secret` is missing or another.
    #[error("X-Tyk-Shared-Secret is missing or wrong")]
    SharedSecret,
    /// A header of Standard Webhooks is missing or malformed.
    #[error("webhook-id, webhook-timestamp or webhook-signature is missing or malformed")]
    Headers,
    /// The timestamp is too far from now.
    #[error("webhook-timestamp is too far from now")]
    Timestamp,
    /// No signature is that of the body.
    #[error("webhook-signature is not that of the message")]
    Signature,
}

/// What the sink needs to judge and pass on what arrives.
pub(super) struct Sink {
    /// The secret that it shares with the gateway.
    pub(super) shared_secret: Secret,
    /// Tells how old a message is.
    pub(super) clock: Arc<dyn Clock>,
    /// Who is told; when its queue is full the message is answered and passed over.
    pub(super) received: mpsc::Sender<Received>,
}

/// The one address of the sink.
pub(super) fn routes(sink: web::Data<Sink>) -> impl Fn(&mut web::ServiceConfig) + Clone + Send {
    move |app| {
        app.app_data(sink.clone())
            .route(PATH, web::post().to(receive));
    }
}

async fn receive(sink: web::Data<Sink>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let fault = sink.judge(request.headers(), &body).err();
    let text = |name| {
        header(request.headers(), name)
            .unwrap_or_default()
            .to_owned()
    };
    let received = Received {
        id: text("webhook-id"),
        signature: text("webhook-signature"),
        text: String::from_utf8_lossy(&body).into_owned(),
        fault,
    };
    // Nobody may be reading, or not any more; the sender is answered all the same.
    let _ = sink.received.try_send(received);
    match fault {
        None => HttpResponse::NoContent().finish(),
        Some(fault) => HttpResponse::Unauthorized().body(fault.to_string()),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl Sink {
    fn judge(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), NotificationFault> {
        let shared = header(headers, "x-tyk-shared-secret");
        if !shared.is_some_and(|sent| self.shared_secret.ct_eq(sent)) {
            return Err(NotificationFault::SharedSecret);
        }
        let malformed = NotificationFault::Headers;
        let id = header(headers, "webhook-id").ok_or(malformed)?;
        let timestamp = header(headers, "webhook-timestamp").ok_or(malformed)?;
        let sent_at: u64 = timestamp.parse().map_err(|_| malformed)?;
        let signatures = header(headers, "webhook-signature").ok_or(malformed)?;
        if !is_near(sent_at, self.clock.now()) {
            return Err(NotificationFault::Timestamp);
        }
        let signed_prefix = format!("{id}.{timestamp}.");
        let is_ours = |signature: &str| self.is_signature(signature, &signed_prefix, body);
        // A sender that changes its secret signs with both for a while.
        if signatures.split(' ').any(is_ours) {
            Ok(())
        } else {
            Err(NotificationFault::Signature)
        }
    }

    fn is_signature(&self, signature: &str, prefix: &str, body: &[u8]) -> bool {
        let decoded = signature
            .strip_prefix("v1,")
            .and_then(|encoded| STANDARD.decode(encoded).ok());
        let mac = Hmac::<Sha256>::new_from_slice(self.shared_secret.expose().as_bytes()).ok();
        let (Some(decoded), Some(mut mac)) = (decoded, mac) else {
            return false;
        };
        mac.update(prefix.as_bytes());
        mac.update(body);
        mac.verify_slice(&decoded).is_ok()
    }
}

fn is_near(sent_at_s: u64, now: Timestamp) -> bool {
    sent_at_s.abs_diff(now.as_unix_s()) <= TOLERANCE_S
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
