//! The gateway listener out of the settings.

use std::sync::Arc;

use raftgate_actors::registry::RegistryHandle;

use super::background::duration;
use super::{Assembly, BootError};
use crate::listener_tls::ListenerTls;
use crate::proxy::{
    ClientTimeouts, EndpointHandler, Gateway, GatewayCounters, GatewayParts, GatewaySettings,
    PoolLimits, RequestLimits, TokenJudge, TrustedProxies, upstream_tls,
};

/// Starts the gateway listener.
pub(super) fn start(
    assembly: &Assembly,
    registry: &RegistryHandle,
    endpoints: EndpointHandler,
) -> Result<(Gateway, Arc<GatewayCounters>), BootError> {
    let counters = Arc::new(GatewayCounters::default());
    let parts = GatewayParts {
        snapshots: registry.source(),
        endpoints,
        tokens: Some(Arc::new(TokenJudge::new(
            assembly.cluster.clone(),
            Arc::clone(&assembly.keys),
            duration(assembly.settings.cluster.index_wait),
        ))),
        records: assembly.background.access_records(),
        upstream_tls: upstream_tls().map_err(|error| BootError::Tls(error.to_string()))?,
        clock: Arc::clone(&assembly.surroundings.clock),
        entropy: Arc::clone(&assembly.surroundings.entropy),
        counters: Arc::clone(&counters),
    };
    let gateway = Gateway::start(settings(assembly), parts)?;
    Ok((gateway, counters))
}

fn settings(assembly: &Assembly) -> GatewaySettings {
    let settings = &assembly.settings;
    let limits = &settings.limits;
    GatewaySettings {
        listen: settings.gateway.listen,
        workers: settings.gateway.workers,
        tls: assembly.tls.gateway.as_ref().map(ListenerTls::config),
        trusted_proxies: TrustedProxies::new(settings.gateway.trusted_proxies.iter().copied()),
        limits: RequestLimits {
            head_bytes_max: limits.request_head_bytes,
            header_count_max: limits.request_headers,
            body_bytes_max: limits.request_body_bytes,
            endpoint_body_bytes_max: limits.oauth_body_bytes,
        },
        timeouts: ClientTimeouts {
            head: duration(limits.request_head_timeout),
            keep_alive: duration(limits.keep_alive),
            idle: duration(limits.request_idle_timeout),
        },
        pool: PoolLimits {
            idle_per_origin_max: limits.upstream_idle_connections,
            idle: duration(limits.upstream_keep_alive),
            ..PoolLimits::default()
        },
        error_style: settings.oauth.error_style,
        drain: duration(limits.drain_timeout),
        connections_per_worker_max: limits.connections_per_worker,
    }
}
