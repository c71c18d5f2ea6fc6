//! What commands that speak to a running node share: finding it, trusting it, asking it.

mod pinned;
pub mod target;

use std::time::Duration;

use awc::error::{PayloadError, SendRequestError};
use awc::{Client, Connector};

use pinned::TrustError;
use target::Target;

/// How long a node may take to answer a question of a command.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read whole, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What a node answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The node's certificate cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Nothing listens there, it does not speak HTTP, or it is too slow.
    #[error("cannot ask {url}: {error}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What went wrong.
        error: SendRequestError,
    },
    /// The answer broke off or is too long.
    #[error("cannot read the answer of {url}: {error}")]
    Body {
        /// What was asked.
        url: String,
        /// What went wrong.
        error: PayloadError,
    },
}

/// An HTTP client that trusts a node as its configuration says; inside an actix runtime.
///
/// # Errors
/// The certificate in the configuration cannot be read.
pub fn http_client(target: &Target) -> Result<Client, TrustError> {
    let connector = Connector::new().timeout(ANSWER_TIMEOUT);
    let connector = match &target.tls {
        Some(tls) => connector.rustls_0_23(pinned::trusting(&tls.cert)?),
        None => connector,
    };
    let builder = Client::builder().timeout(ANSWER_TIMEOUT);
    Ok(builder.disable_redirects().connector(connector).finish())
}

/// Asks a node for a path, without a secret, on a runtime of its own.
///
/// # Errors
/// The node cannot be reached or trusted, or its answer cannot be read.
pub fn get(target: &Target, path: &str) -> Result<Answer, ClientError> {
    let url = target.url(path);
    actix_rt::System::new().block_on(async {
        let request = http_client(target)?.get(&url);
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(ClientError::Unreachable { url, error }),
        };
        let status = response.status().as_u16();
        match response.body().limit(ANSWER_BYTES_MAX).await {
            Ok(body) => Ok(Answer {
                status,
                body: body.to_vec(),
            }),
            Err(error) => Err(ClientError::Body { url, error }),
        }
    })
}
