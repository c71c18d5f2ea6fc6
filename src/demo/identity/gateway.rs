//! What the identity server asks the gateway's control listener: who a client is, and to issue a code.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web;
use awc::error::{PayloadError, SendRequestError};
use awc::{Client, ClientResponse};
use futures_util::Stream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use raftgate_model::secret::Secret;
use serde::Deserialize;

use super::request::LoginRequest;

/// How long the control listener may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The header for the control secret.
const SECRET_HEADER: &str = "X-Tyk-Authorization";
/// What stands between several redirect URIs of a client.
const REDIRECT_URI_SEPARATOR: char = ';';

/// The control listener, for the clients of one API.
pub(in crate::demo) struct ControlDoor {
    /// Where it listens.
    pub(in crate::demo) address: SocketAddr,
    /// What it asks for.
    pub(in crate::demo) secret: Secret,
    /// The API whose logins these are.
    pub(in crate::demo) api_id: &'static str,
}

/// A client as the person needs to know it.
pub(super) struct RegisteredClient {
    /// What it calls itself, else its id.
    pub(super) name: String,
    /// Where logins for it may end.
    pub(super) redirect_uris: Vec<String>,
}

/// Why the gateway did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum GatewayFailure {
    /// No answer.
    #[error("The gateway does not answer.")]
    Unreachable,
    /// An answer that cannot be read.
    #[error("The gateway answered something that is not understood.")]
    Unreadable,
    /// It refused; the words are its own.
    #[error("The gateway refused ({status}): {reason}")]
    Refused {
        /// The status.
        status: u16,
        /// Its description of the error.
        reason: String,
    },
}

#[derive(Deserialize)]
struct ClientAnswer {
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Approved {
    redirect_to: Secret,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
    message: String,
}

impl ControlDoor {
    /// The client of this id, if there is one.
    pub(super) async fn client(
        &self,
        id: &str,
    ) -> Result<Option<RegisteredClient>, GatewayFailure> {
        let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
        let url = format!(
            "http://{}/tyk/oauth/clients/{}/{id}",
            self.address, self.api_id
        );
        let asked = http_client()
            .get(url)
            .insert_header((SECRET_HEADER, self.secret.expose()));
        let (status, body) = read(asked.send().await).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => {
                let unreadable = |_| GatewayFailure::Unreadable;
                let answer: ClientAnswer = serde_json::from_slice(&body).map_err(unreadable)?;
                Ok(Some(answer.into()))
            }
            _ => Err(refusal(status, &body)),
        }
    }

    /// Tells the gateway that the person approved; the answer is where the browser goes, with the code in it.
    pub(super) async fn approve(&self, request: &LoginRequest) -> Result<Secret, GatewayFailure> {
        let url = format!("http://{}/tyk/oauth/authorize-client", self.address);
        let form: Vec<_> = request
            .parameters()
            .chain([("api_id", self.api_id)])
            .collect();
        let asked = http_client()
            .post(url)
            .insert_header((SECRET_HEADER, self.secret.expose()));
        let (status, body) = read(asked.send_form(&form).await).await?;
        if status != StatusCode::OK {
            return Err(refusal(status, &body));
        }
        let approved: Approved =
            serde_json::from_slice(&body).map_err(|_| GatewayFailure::Unreadable)?;
        Ok(approved.redirect_to)
    }
}

/// A client per request: a few requests an hour are not worth a pool.
fn http_client() -> Client {
    Client::builder()
        .disable_redirects()
        .timeout(TIMEOUT)
        .finish()
}

async fn read<S>(
    sent: Result<ClientResponse<S>, SendRequestError>,
) -> Result<(StatusCode, web::Bytes), GatewayFailure>
where
    S: Stream<Item = Result<web::Bytes, PayloadError>>,
{
    let mut answer = sent.map_err(|_| GatewayFailure::Unreachable)?;
    let status = answer.status();
    let body = answer.body().limit(ANSWER_BYTES_MAX).await;
    let body = body.map_err(|_| GatewayFailure::Unreadable)?;
    Ok((status, body))
}

fn refusal(status: StatusCode, body: &[u8]) -> GatewayFailure {
    let refused: Refused = serde_json::from_slice(body).unwrap_or_default();
    let words = [refused.error_description, refused.message, refused.error];
    let reason = words.into_iter().find(|words| !words.is_empty());
    GatewayFailure::Refused {
        status: status.as_u16(),
        reason: reason.unwrap_or_else(|| "no reason given".to_owned()),
    }
}

impl From<ClientAnswer> for RegisteredClient {
    fn from(answer: ClientAnswer) -> Self {
        let uris = answer.redirect_uri.split(REDIRECT_URI_SEPARATOR);
        let redirect_uris = uris.map(str::trim).filter(|uri| !uri.is_empty());
        Self {
            redirect_uris: redirect_uris.map(str::to_owned).collect(),
            name: Some(answer.description)
                .filter(|description| !description.is_empty())
                .unwrap_or(answer.client_id),
        }
    }
}
