//! One attempt: a POST that follows no redirect and waits no longer than it may.

use std::time::Duration;

use awc::Client;
use awc::error::SendRequestError;
use raftgate_model::state::record::AttemptFailure;

use super::payload::Payload;

/// Posts a message; any 2xx is a success, a redirect is a failure (what follows it is not known to be the receiver).
///
/// # Errors
/// What was met instead, without a word of the URL or the message.
pub(super) async fn post(
    client: &Client,
    url: &str,
    shared_secret: &str,
    payload: Payload,
    timeout: Duration,
) -> Result<(), AttemptFailure> {
    let mut request = client
        .post(url)
        .insert_header(("content-type", "application/json"))
        .insert_header((
            "user-agent",
            concat!("raftgate/", env!("CARGO_PKG_VERSION")),
        ))
        .insert_header(("x-tyk-shared-secret", shared_secret))
        .insert_header(("webhook-id", payload.id))
        .insert_header(("webhook-timestamp", payload.timestamp.to_string()));
    if let Some(signature) = payload.signature {
        request = request.insert_header(("webhook-signature", signature));
    }
    let body = payload.body.expose().to_owned();
    let answer = tokio::time::timeout(timeout, request.send_body(body)).await;
    match answer {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
        Ok(Ok(answer)) => Err(AttemptFailure::Status(answer.status().as_u16())),
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => Err(AttemptFailure::Timeout),
    }
}

fn failure(error: &SendRequestError) -> AttemptFailure {
    match error {
        SendRequestError::Timeout => AttemptFailure::Timeout,
        SendRequestError::Connect(awc::error::ConnectError::Timeout) => AttemptFailure::Timeout,
        SendRequestError::Url(_) | SendRequestError::Http(_) => AttemptFailure::Unsendable,
        _ => AttemptFailure::Connection,
    }
}
