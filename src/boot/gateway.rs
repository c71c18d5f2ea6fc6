//! The gateway listener out of the settings.

use std::sync::Arc;

use super::Assembly;
use super::background::duration;
use crate::config::settings::Settings;
use crate::credentials::Users;
use crate::proxy::{
    ClientTimeouts, EndpointHandler, GatewaySettings, JudgeParts, MessageOverrides, PoolLimits,
    RequestLimits, Serving, TokenJudge, TrustedProxies,
};

/// What requests are served by.
pub(super) fn serving(
    assembly: &Assembly,
    endpoints: EndpointHandler,
    users: Arc<Users>,
) -> Serving {
    let index_wait = duration(assembly.settings.cluster.index_wait);
    Serving {
        snapshots: assembly.background.registry().source(),
        endpoints,
        tokens: Some(Arc::new(TokenJudge::new(JudgeParts {
            cluster: assembly.cluster.clone(),
            keys: Arc::clone(&assembly.keys),
            users,
            index_wait,
            paths: assembly.settings.compat.path_matching,
            workers: assembly.settings.gateway.workers,
        }))),
        records: assembly.background.access_records(),
    }
}

/// How the gateway listener is to listen, by the configuration.
#[must_use]
pub fn gateway_settings(
    settings: &Settings,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> GatewaySettings {
    let limits = &settings.limits;
    GatewaySettings {
        listen: settings.gateway.listen,
        workers: settings.gateway.workers,
        tls,
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
            in_use_per_origin_max: limits.upstream_connections,
            idle_per_origin_max: limits.upstream_idle_connections,
            idle: duration(limits.upstream_keep_alive),
        },
        error_style: settings.oauth.error_style,
        generator: settings.compat.generator,
        message_overrides: MessageOverrides::new(settings.compat.override_messages.clone()),
        drain: duration(limits.drain_timeout),
        connections_per_worker_max: limits.connections_per_worker,
    }
}
