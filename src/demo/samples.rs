//! The servers around the node, started and ended together.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web;
use raftgate_model::clock::{Clock, Entropy};
use raftgate_model::oauth::client::generated_secret;
use raftgate_model::secret::Secret;
use tokio::sync::mpsc;

use super::identity::{ControlDoor, IdentityServer, Person};
use super::sample_server::SampleServer;
use super::scene::{API_ID, PASSWORD, PERSON, Scene};
use super::sink::{Received, Sink};
use super::{callback, identity, sink, upstream};

/// How many notifications wait to be told; more are answered and passed over.
const UNTOLD_MAX: usize = 64;

/// The two listeners of a node, and the secret for one of them.
pub struct NodeDoors {
    /// The gateway listener.
    pub gateway: SocketAddr,
    /// The control listener.
    pub control: SocketAddr,
    /// The secret of the control listener.
    pub control_secret: Secret,
}

/// The running samples.
pub(super) struct Samples {
    upstream: SampleServer,
    identity: SampleServer,
    sink: SampleServer,
    client: SampleServer,
}

impl Samples {
    /// Starts all of them around a node; what arrives at the sink comes out of the receiver.
    ///
    /// # Errors
    /// No port of the loopback interface can be listened on.
    pub(super) fn start(
        node: NodeDoors,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> io::Result<(Self, Scene, mpsc::Receiver<Received>)> {
        let (sender, received) = mpsc::channel(UNTOLD_MAX);
        let sink_secret = generated_secret(&entropy.bytes32());
        let sink = web::Data::new(Sink {
            shared_secret: sink_secret.duplicate(),
            clock,
            received: sender,
        });
        let control = ControlDoor {
            address: node.control,
            secret: node.control_secret.duplicate(),
            api_id: API_ID,
        };
        let person = Person {
            name: PERSON,
            password: Secret::from(PASSWORD),
        };
        let server = IdentityServer::new(control, person, Arc::clone(&entropy));
        let samples = Self {
            upstream: SampleServer::start(upstream::routes)?,
            identity: SampleServer::start(identity::routes(web::Data::new(server)))?,
            sink: SampleServer::start(sink::routes(sink))?,
            client: SampleServer::start(callback::routes)?,
        };
        let scene = Scene {
            gateway: node.gateway,
            control: node.control,
            control_secret: node.control_secret,
            upstream: samples.upstream.address(),
            identity: samples.identity.address(),
            sink: samples.sink.address(),
            sink_secret,
            client: samples.client.address(),
            entropy,
        };
        Ok((samples, scene, received))
    }

    /// Ends all of them.
    pub(super) async fn stop(self) {
        for server in [self.upstream, self.identity, self.sink, self.client] {
            server.stop().await;
        }
    }
}
