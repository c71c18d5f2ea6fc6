//! One API as the data plane sees it: built once per change, shared by every request until the next.

use std::sync::Arc;
use std::time::Duration;

use raftgate_model::api::{
    CredentialPlace, ForwardedOrigin, ListenPath, OAuthSpec, RetrySpec, Target, TokenLifetimes,
};
use raftgate_model::id::{ApiId, OrgId, Revision};
use raftgate_model::oauth::error::{AuthScheme, ErrorStyle};
use raftgate_model::session::SessionLifetime;

use super::balancer::Balancer;
use super::counters::ApiCounters;
use super::request_rules::CompiledRules;
use super::upstream_tls::CompiledTls;

/// Who may call an API: what the identify stage matches on.
#[derive(Clone, Debug)]
pub enum Access {
    /// Anybody; Tyk's `use_keyless`.
    Keyless,
    /// Holders of a key, or of an OAuth token whose session names the API; Tyk's `use_standard_auth`.
    Token(Arc<KeyAccess>),
    /// Users with a password; Tyk's `use_basic_auth`.
    Basic(Arc<KeyAccess>),
    /// Holders of a token that an authorization server of this cluster issued; Tyk's `use_oauth2`.
    OAuth(Arc<OAuthAccess>),
}

/// Where an API takes keys or passwords.
#[derive(Debug)]
pub struct KeyAccess {
    /// Where the credential is looked for.
    pub place: CredentialPlace,
    /// Whether the upstream sees it; Tyk's `strip_auth_data`.
    pub credential: CredentialForwarding,
}

impl Access {
    /// Where the credential is looked for, and whether the upstream sees it.
    #[must_use]
    pub fn credential(&self) -> Option<(&CredentialPlace, CredentialForwarding)> {
        match self {
            Self::Keyless => None,
            Self::Token(access) | Self::Basic(access) => Some((&access.place, access.credential)),
            Self::OAuth(access) => Some((&access.spec.credential, access.credential)),
        }
    }

    /// What refusals tell callers about how to prove themselves.
    #[must_use]
    pub const fn scheme(&self) -> AuthScheme {
        match self {
            Self::Keyless | Self::OAuth(_) => AuthScheme::OAuth,
            Self::Token(_) => AuthScheme::Token,
            Self::Basic(_) => AuthScheme::Basic,
        }
    }
}

/// The auth config of an OAuth API.
#[derive(Debug)]
pub struct OAuthAccess {
    /// What the definition says.
    pub spec: OAuthSpec,
    /// How long codes and tokens issued through this API live.
    pub lifetimes: TokenLifetimes,
    /// Whether the upstream sees the credential; Tyk's `strip_auth_data`.
    pub credential: CredentialForwarding,
}

/// Whether the upstream sees the caller's credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialForwarding {
    /// It does.
    Forwarded,
    /// It does not.
    Stripped,
}

/// Whether the listen path stays in front of the path that the upstream sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenPathForwarding {
    /// Removed; Tyk's `strip_listen_path`. An empty rest gives the target's path without a trailing slash (case 90).
    Strip,
    /// Removed, but the slash between target path and an empty rest stays; Tyk's `disable_strip_slash`.
    StripKeepingSlash,
    /// Kept.
    Keep,
}

/// Which `Host` the upstream sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// The target's.
    Target,
    /// The client's; Tyk's `preserve_host_header`.
    Client,
}

/// Whether the authorization server's endpoints are served under the listen path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthEndpoints {
    /// Paths such as `oauth/token` go to the upstream like any other.
    Absent,
    /// `oauth/...` and `tyk/oauth/authorize-client` under the listen path are ours.
    Served,
}

/// How long an upstream may take; the defaults are those of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// Until a connection stands, TLS included.
    pub connect: Duration,
    /// From the last byte of the request until the head of the answer is complete.
    pub head: Duration,
    /// The same from the moment the request is forwarded, over all connections and attempts; the time in which the client
    /// still sends its body does not count.
    pub until_head: Option<Duration>,
    /// Between two bytes of a body, in either direction.
    pub idle: Duration,
    /// From the moment the request is forwarded until the last byte of its answer; tunnels are cut by none.
    pub total: Option<Duration>,
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(30),
            until_head: None,
            idle: Duration::from_secs(60),
            total: None,
        }
    }
}

/// An API, compiled.
#[derive(Debug)]
pub struct CompiledApi {
    /// The API's id.
    pub id: ApiId,
    /// The API's name: the realm of challenges.
    pub name: Box<str>,
    /// The API's organisation: policies of others make no sessions for it.
    pub org: OrgId,
    /// The revision of the definition.
    pub revision: Revision,
    /// Where it is mounted.
    pub listen_path: ListenPath,
    /// The only host it answers to, in lower case and without port; `None` for any.
    pub host: Option<Box<str>>,
    /// Where requests go, if there is no balancer.
    pub target: Target,
    /// Whose turn it is among several targets, or the health of the one; `None` for most APIs.
    pub balancer: Option<Arc<Balancer>>,
    /// What is tried a second time.
    pub retries: Option<RetrySpec>,
    /// TLS towards the targets, where it is not the gateway's.
    pub tls: Option<CompiledTls>,
    /// What becomes of the listen path.
    pub forwarding: ListenPathForwarding,
    /// Which `Host` the upstream sees.
    pub host_header: HostHeader,
    /// Whether it is told the client's host and scheme besides.
    pub forwarded_origin: ForwardedOrigin,
    /// How long the upstream may take.
    pub timeouts: UpstreamTimeouts,
    /// What it demands of single requests; `None` for most APIs, whose requests then cost nothing more.
    pub rules: Option<Arc<CompiledRules>>,
    /// How refusals look.
    pub error_style: ErrorStyle,
    /// Who may call it.
    pub access: Access,
    /// How long the sessions of keys that name it live.
    pub session_lifetime: SessionLifetime,
    /// Whether the authorization server's endpoints stand under the listen path.
    pub oauth_endpoints: OAuthEndpoints,
    /// What happened to its requests; survives recompilation.
    pub counters: Arc<ApiCounters>,
}

impl CompiledApi {
    /// A keyless API that strips its listen path and has every setting at its default.
    #[must_use]
    pub fn keyless(id: ApiId, listen_path: ListenPath, target: Target) -> Self {
        Self {
            name: id.as_str().into(),
            org: OrgId::default(),
            revision: Revision::default(),
            id,
            listen_path,
            host: None,
            target,
            balancer: None,
            retries: None,
            tls: None,
            forwarding: ListenPathForwarding::Strip,
            host_header: HostHeader::Target,
            forwarded_origin: ForwardedOrigin::Untold,
            timeouts: UpstreamTimeouts::default(),
            rules: None,
            error_style: ErrorStyle::default(),
            access: Access::Keyless,
            session_lifetime: SessionLifetime::Unsaid,
            oauth_endpoints: OAuthEndpoints::Absent,
            counters: Arc::default(),
        }
    }
}
