//! The scene of the tour: who listens where, and the names and secrets that the demo itself made up.

use std::net::SocketAddr;
use std::sync::Arc;

use raftgate_model::clock::Entropy;
use raftgate_model::oauth::client::generated_secret;
use raftgate_model::secret::Secret;

use super::{callback, identity, sink};

/// The API of the demo.
pub(super) const API_ID: &str = "demo";
/// Its listen path.
pub(super) const LISTEN_PATH: &str = "/demo/";
/// The policy that gives access to it.
pub(super) const POLICY_ID: &str = "demo-policy";
/// The client with a secret, as a program on a server has it.
pub(super) const SERVICE: &str = "demo-service";
/// The client without a secret, as an app in a browser or on a phone.
pub(super) const APP: &str = "demo-app";
/// The person who can sign in.
pub(super) const PERSON: &str = "alice";
/// Her password; the demo listens on loopback alone and forgets everything at its end.
pub(super) const PASSWORD: &str = "wonderland";

/// Who listens where, and what the demo shares with whom.
pub(super) struct Scene {
    /// The gateway listener.
    pub(super) gateway: SocketAddr,
    /// The control listener.
    pub(super) control: SocketAddr,
    /// The secret of the control listener.
    pub(super) control_secret: Secret,
    /// The upstream behind the API.
    pub(super) upstream: SocketAddr,
    /// The identity server.
    pub(super) identity: SocketAddr,
    /// The notification sink.
    pub(super) sink: SocketAddr,
    /// The secret that gateway and sink share.
    pub(super) sink_secret: Secret,
    /// The client's callback page.
    pub(super) client: SocketAddr,
    /// Makes states and verifiers.
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Scene {
    /// A URL below the API's listen path.
    pub(super) fn api(&self, path: &str) -> String {
        format!("http://{}{LISTEN_PATH}{path}", self.gateway)
    }

    /// A URL of the control listener.
    pub(super) fn control(&self, path: &str) -> String {
        format!("http://{}{path}", self.control)
    }

    /// The upstream's root.
    pub(super) fn upstream_url(&self) -> String {
        format!("http://{}/", self.upstream)
    }

    /// Where the identity server's login page is.
    pub(super) fn login_url(&self) -> String {
        identity::login_url(self.identity)
    }

    /// Where notifications go.
    pub(super) fn sink_url(&self) -> String {
        format!("http://{}{}", self.sink, sink::PATH)
    }

    /// Where logins end.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://{}{}", self.client, callback::PATH)
    }

    /// A random text of 43 characters of `A-Z a-z 0-9 - _`.
    pub(super) fn random_text(&self) -> String {
        generated_secret(&self.entropy.bytes32())
            .expose()
            .to_owned()
    }
}
