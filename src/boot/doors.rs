//! The listeners, open before anything else: a port in use is told at once, and who comes early is told to come again.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use super::background::duration;
use super::{BootError, Surroundings, Tls, endpoints, gateway};
use crate::config::settings::Settings;
use crate::control::{
    Control, ControlListener, ControlListenerSettings, Entrance, HeadLimit, Health, Lifecycle,
};
use crate::listen_error::Listener;
use crate::listener_tls::ListenerTls;
use crate::proxy::{Gateway, GatewayCounters, GatewayParts, Serving};

/// The listeners and what decides whether they let requests in.
pub(super) struct Doors {
    gateway: Gateway,
    control: ControlListener,
    cluster: TcpListener,
    serving: Arc<OnceLock<Serving>>,
    entrance: Arc<Entrance>,
    pub(super) health: Arc<Health>,
    pub(super) counters: Arc<GatewayCounters>,
}

impl Doors {
    /// Binds all of them, and answers from now on that the node is starting; inside an actix system.
    pub(super) async fn bind(
        settings: &Settings,
        surroundings: &Surroundings,
        tls: &Tls,
    ) -> Result<Self, BootError> {
        let cluster = TcpListener::bind(settings.cluster.listen)
            .map_err(|error| Listener::Cluster.failed(settings.cluster.listen, error))?;
        let health = Arc::new(Health::starting());
        let serving = Arc::new(OnceLock::new());
        let counters = Arc::new(GatewayCounters::default());
        let parts = GatewayParts {
            serving: Arc::clone(&serving),
            starting: endpoints::of_health(Arc::clone(&health)),
            upstream_tls: Arc::clone(&tls.upstream),
            clock: Arc::clone(&surroundings.clock),
            entropy: Arc::clone(&surroundings.entropy),
            counters: Arc::clone(&counters),
        };
        let listener_tls = tls.gateway.as_ref().map(ListenerTls::config);
        let gateway =
            Gateway::start(gateway::gateway_settings(settings, listener_tls), parts).await?;
        let entrance = Entrance::new(Arc::clone(&health), Arc::clone(&surroundings.entropy));
        let entrance = Arc::new(entrance);
        let control = control_settings(settings, tls);
        let control = match ControlListener::start(control, Arc::clone(&entrance)).await {
            Ok(control) => control,
            Err(error) => {
                gateway.drain().await;
                return Err(error.into());
            }
        };
        Ok(Self {
            gateway,
            control,
            cluster,
            serving,
            entrance,
            health,
            counters,
        })
    }

    /// Lets requests in, at both listeners.
    pub(super) fn open(&self, serving: Serving, control: Arc<Control>) {
        self.serving.get_or_init(|| serving);
        self.entrance.open(control);
        self.health.enter(Lifecycle::Serving);
    }

    /// Lets nobody in at the gateway listener any more and finishes what is in flight there, then at the control listener, each
    /// within the drain time. Until then `/ready` of the control listener says that the node drains.
    pub(super) async fn close(self) {
        self.health.enter(Lifecycle::Draining);
        self.gateway.drain().await;
        self.control.drain().await;
    }

    pub(super) const fn gateway_address(&self) -> SocketAddr {
        self.gateway.address()
    }

    pub(super) const fn control_address(&self) -> SocketAddr {
        self.control.address()
    }

    /// The listener that other nodes come to.
    pub(super) const fn cluster(&self) -> &TcpListener {
        &self.cluster
    }
}

fn control_settings(settings: &Settings, tls: &Tls) -> ControlListenerSettings {
    ControlListenerSettings {
        listen: settings.control.listen,
        tls: tls.control.as_ref().map(|tls| (*tls.config()).clone()),
        head: HeadLimit {
            bytes_max: settings.limits.request_head_bytes,
            headers_max: settings.limits.request_headers,
        },
        body_bytes_max: settings.limits.control_body_bytes,
        drain: duration(settings.limits.drain_timeout),
    }
}
