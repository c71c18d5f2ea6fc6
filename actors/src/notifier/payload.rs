//! What a notification says on the wire: Tyk's body and header, and a Standard Webhooks signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use raftgate_model::api::{NoSigningKey, NotificationSpec};
use raftgate_model::id::NotificationId;
use raftgate_model::keyring::{KeyRing, UnknownKey};
use raftgate_model::secret::Secret;
use raftgate_model::state::record::{Notification, NotificationKind};
use raftgate_model::time::Timestamp;
use serde::Serialize;
use sha2::Sha256;

/// One message, ready to be posted.
pub struct Payload {
    /// `webhook-id`: the same for every attempt.
    pub id: String,
    /// `webhook-timestamp`: when this attempt was made, in unix seconds.
    pub timestamp: u64,
    /// `webhook-signature`; none when the receiver's secret is empty.
    pub signature: Option<String>,
    /// The body, which carries tokens in clear as Tyk's receivers expect.
    pub body: Secret,
}

/// Why a message cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// This node's key ring lacks the key of one of the tokens.
    #[error(transparent)]
    UnknownKey(#[from] UnknownKey),
    /// The receiver expects a signature that cannot be made.
    #[error("the shared secret: {0}")]
    SharedSecret(#[from] NoSigningKey),
}

/// Tyk's five fields, always all of them, in this order.
#[derive(Serialize)]
struct Body<'a> {
    auth_code: &'a str,
    new_oauth_token: &'a str,
    refresh_token: &'a str,
    old_refresh_token: &'a str,
    notification_type: &'a str,
}

/// Writes and signs a message; its tokens are derived anew from what the state holds.
///
/// # Errors
/// This node's key ring lacks the key of one of the tokens, or the receiver's secret makes no signing key.
pub fn payload(
    message: &Notification,
    keys: &KeyRing,
    receiver: &NotificationSpec,
    now: Timestamp,
) -> Result<Payload, Unwritable> {
    let code = message
        .code
        .as_ref()
        .map(|code| keys.mint_code(code))
        .transpose()?;
    let access = message
        .access
        .as_ref()
        .map(|token| keys.mint_access(token))
        .transpose()?;
    let refresh = message
        .refresh
        .as_ref()
        .map(|token| keys.mint_refresh(token))
        .transpose()?;
    let old_refresh = message
        .old_refresh
        .as_ref()
        .map(|token| keys.mint_refresh(token))
        .transpose()?;
    let body = Body {
        auth_code: text(code.as_ref()),
        new_oauth_token: text(access.as_ref()),
        refresh_token: text(refresh.as_ref()),
        old_refresh_token: text(old_refresh.as_ref()),
        notification_type: type_name(message.kind),
    };
    // Five strings always have a JSON form; an empty body would fail at the receiver and be seen.
    let body = Secret::new(serde_json::to_string(&body).unwrap_or_default());
    let id = webhook_id(message.id);
    let timestamp = now.as_unix_s();
    let key = receiver.signing_key()?;
    let signature = key.and_then(|key| signature(&key, &id, timestamp, body.expose()));
    Ok(Payload {
        id,
        timestamp,
        signature,
        body,
    })
}

/// The `webhook-id` of a message.
#[must_use]
pub fn webhook_id(id: NotificationId) -> String {
    format!("msg_{id}")
}

/// The id in a `webhook-id`, if it is one.
#[must_use]
pub fn parse_webhook_id(text: &str) -> Option<NotificationId> {
    let hex = text.strip_prefix("msg_").filter(|hex| hex.len() == 32)?;
    let number = u128::from_str_radix(hex, 16).ok()?;
    let id = NotificationId::from_bytes(number.to_be_bytes());
    (webhook_id(id) == text).then_some(id)
}

/// `notification_type` on the wire; `revoked` is ours, sent when a used code or refresh token came again, or came from another client.
#[must_use]
pub fn type_name(kind: NotificationKind) -> &'static str {
    match kind {
        NotificationKind::New => "new",
        NotificationKind::Refresh => "refresh",
        NotificationKind::Revoked => "revoked",
    }
}

fn text(secret: Option<&Secret>) -> &str {
    secret.map_or("", Secret::expose)
}

/// `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; a key of any length will do, so there always is one.
fn signature(key: &[u8], id: &str, timestamp: u64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body.as_bytes());
    Some(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
