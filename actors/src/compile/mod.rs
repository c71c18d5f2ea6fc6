//! From a definition to what a request needs of it: pure, done once per change.

mod rules;

use std::sync::Arc;
use std::time::Duration;

use raftgate_model::api::{ApiSpec, Auth, CredentialPlace, Rotation, TokenLifetimes};
use raftgate_model::id::Revision;
use raftgate_model::oauth::error::ErrorStyle;
use raftgate_model::path_pattern::{InvalidPattern, PathMatching};
use raftgate_model::time::Ttl;

use crate::snapshot::{
    Access, ApiCounters, Balancer, CompiledApi, CredentialForwarding, HostHeader, KeyAccess,
    ListenPathForwarding, OAuthAccess, OAuthEndpoints, TlsConfigs, UpstreamTimeouts,
};

/// What holds for every API that does not say otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GatewayDefaults {
    /// How refusals look.
    pub error_style: ErrorStyle,
    /// The status of OAuth errors in Tyk's style.
    pub tyk_status: u16,
    /// How long codes and tokens live.
    pub lifetimes: TokenLifetimes,
    /// How long upstreams may take.
    pub timeouts: UpstreamTimeouts,
    /// Where in a path its patterns must match.
    pub paths: PathMatching,
}

impl Default for GatewayDefaults {
    /// What holds where nothing is configured.
    fn default() -> Self {
        Self {
            error_style: ErrorStyle::Rfc,
            tyk_status: 403,
            lifetimes: TokenLifetimes {
                access_token: Ttl::from_s(3600),
                refresh_token: Ttl::from_s(14 * 24 * 3600),
                auth_code: Ttl::from_s(250),
            },
            timeouts: UpstreamTimeouts::default(),
            paths: PathMatching::default(),
        }
    }
}

/// Why a definition that could be read cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum Uncompilable {
    /// The library that compiles patterns refuses one.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// The library that speaks TLS refuses its settings.
    #[error("proxy.transport: {0}")]
    Tls(#[from] rustls::Error),
}

/// Compiles a definition; counters go on from version to version, and equal TLS is one. What cannot be served is no [`ApiSpec`].
///
/// # Errors
/// None for a definition that could be read; said all the same, because the libraries that patterns and TLS come from may.
pub fn compile(
    spec: &ApiSpec,
    revision: Revision,
    defaults: &GatewayDefaults,
    counters: Arc<ApiCounters>,
    tls: &TlsConfigs,
) -> Result<CompiledApi, Uncompilable> {
    let credential = if spec.strip_auth_data {
        CredentialForwarding::Stripped
    } else {
        CredentialForwarding::Forwarded
    };
    let key_access = |place: &CredentialPlace| {
        Arc::new(KeyAccess {
            place: place.clone(),
            credential,
        })
    };
    let (access, oauth_endpoints) = match &spec.auth {
        Auth::Keyless => (Access::Keyless, OAuthEndpoints::Absent),
        Auth::Token(place) => (Access::Token(key_access(place)), OAuthEndpoints::Absent),
        Auth::Basic(place) => (Access::Basic(key_access(place)), OAuthEndpoints::Absent),
        Auth::OAuth(oauth) => {
            let access = OAuthAccess {
                spec: oauth.clone(),
                lifetimes: spec.lifetimes(defaults.lifetimes),
                credential,
            };
            (Access::OAuth(Arc::new(access)), OAuthEndpoints::Served)
        }
    };
    Ok(CompiledApi {
        id: spec.id.clone(),
        name: spec.name.as_ref().into(),
        org: spec.org.clone(),
        revision,
        listen_path: spec.listen_path.clone(),
        host: spec.domain.as_ref().map(|domain| domain.as_str().into()),
        target: spec.target.clone(),
        balancer: balancer(spec),
        retries: spec.upstream.retries,
        tls: tls.of(spec.upstream.tls)?,
        forwarding: forwarding(spec),
        host_header: if spec.preserve_host_header {
            HostHeader::Client
        } else {
            HostHeader::Target
        },
        forwarded_origin: spec.settings.forwarded_origin,
        timeouts: timeouts(spec, defaults.timeouts),
        rules: rules::compile(&spec.rules, defaults.paths)?,
        error_style: spec
            .settings
            .error_style(defaults.error_style, defaults.tyk_status),
        access,
        session_lifetime: spec.session_lifetime,
        oauth_endpoints,
        counters,
    })
}

/// The targets that take turns, or the one whose health is checked.
fn balancer(spec: &ApiSpec) -> Option<Arc<Balancer>> {
    let upstream = &spec.upstream;
    let rotation = match (&upstream.rotation, &upstream.health_check) {
        (Some(rotation), _) => rotation.clone(),
        (None, Some(_)) => Rotation::new(vec![spec.target.clone()])?,
        (None, None) => return None,
    };
    let balancer = Balancer::new(rotation, upstream.health_check.clone());
    Some(Arc::new(balancer))
}

/// An API's own timeouts beat the gateway's.
fn timeouts(spec: &ApiSpec, gateway: UpstreamTimeouts) -> UpstreamTimeouts {
    let own = |own: Option<Ttl>| own.map(|own| Duration::from_millis(own.as_ms()));
    UpstreamTimeouts {
        connect: own(spec.rules.timeouts.connect).unwrap_or(gateway.connect),
        head: own(spec.rules.timeouts.head).unwrap_or(gateway.head),
        until_head: gateway.until_head,
        idle: gateway.idle,
        total: own(spec.rules.timeouts.total).or(gateway.total),
    }
}

fn forwarding(spec: &ApiSpec) -> ListenPathForwarding {
    match (spec.strip_listen_path, spec.disable_strip_slash) {
        (false, _) => ListenPathForwarding::Keep,
        (true, true) => ListenPathForwarding::StripKeepingSlash,
        (true, false) => ListenPathForwarding::Strip,
    }
}
