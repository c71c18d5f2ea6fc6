//! From a definition to what a request needs of it: pure, done once per change.

use std::sync::Arc;

use raftgate_model::api::{ApiSpec, Auth, TokenLifetimes};
use raftgate_model::id::Revision;
use raftgate_model::oauth::error::ErrorStyle;

use crate::snapshot::{
    Access, ApiCounters, CompiledApi, CredentialForwarding, HostHeader, InvalidListenPath,
    InvalidTarget, ListenPath, ListenPathForwarding, OAuthAccess, OAuthEndpoints, Target,
    UpstreamTimeouts,
};

/// What holds for every API that does not say otherwise.
#[derive(Clone, Copy, Debug)]
pub struct GatewayDefaults {
    /// How refusals look.
    pub error_style: ErrorStyle,
    /// The status of OAuth errors in Tyk's style.
    pub tyk_status: u16,
    /// How long codes and tokens live.
    pub lifetimes: TokenLifetimes,
    /// How long upstreams may take.
    pub timeouts: UpstreamTimeouts,
}

/// Why a definition that could be read cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The listen path.
    #[error("proxy.listen_path: {0}")]
    ListenPath(#[from] InvalidListenPath),
    /// The target.
    #[error("proxy.target_url: {0}")]
    Target(#[from] InvalidTarget),
}

/// Compiles a definition; counters go on from version to version.
///
/// # Errors
/// The listen path or the target cannot be served.
pub fn compile(
    spec: &ApiSpec,
    revision: Revision,
    defaults: &GatewayDefaults,
    counters: Arc<ApiCounters>,
) -> Result<CompiledApi, CompileError> {
    let (access, oauth_endpoints) = match &spec.auth {
        Auth::Keyless => (Access::Keyless, OAuthEndpoints::Absent),
        Auth::OAuth(oauth) => {
            let access = OAuthAccess {
                spec: oauth.clone(),
                lifetimes: spec.lifetimes(defaults.lifetimes),
                credential: if spec.strip_auth_data {
                    CredentialForwarding::Stripped
                } else {
                    CredentialForwarding::Forwarded
                },
            };
            (Access::OAuth(Arc::new(access)), OAuthEndpoints::Served)
        }
    };
    Ok(CompiledApi {
        id: spec.id.clone(),
        name: spec.name.as_ref().into(),
        org: Some(spec.org.clone()),
        revision,
        listen_path: ListenPath::parse(spec.listen_path.as_str())?,
        host: spec.domain.as_ref().map(|domain| domain.as_str().into()),
        target: Target::parse(spec.target.as_str())?,
        forwarding: forwarding(spec),
        host_header: if spec.preserve_host_header {
            HostHeader::Client
        } else {
            HostHeader::Target
        },
        timeouts: defaults.timeouts,
        request_body_bytes_max: None,
        error_style: spec
            .settings
            .error_style(defaults.error_style, defaults.tyk_status),
        consistency: spec.settings.consistency,
        access,
        oauth_endpoints,
        counters,
    })
}

fn forwarding(spec: &ApiSpec) -> ListenPathForwarding {
    match (spec.strip_listen_path, spec.disable_strip_slash) {
        (false, _) => ListenPathForwarding::Keep,
        (true, true) => ListenPathForwarding::StripKeepingSlash,
        (true, false) => ListenPathForwarding::Strip,
    }
}
