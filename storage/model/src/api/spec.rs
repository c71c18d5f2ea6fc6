//! An API as its definition says it, before it is compiled for requests.

use std::sync::Arc;

use super::auth::Auth;
use super::domain::Domain;
use super::listen_path::ListenPath;
use super::request_rules::RequestRules;
use super::settings::ApiSettings;
use super::target::Target;
use super::upstream::UpstreamSpec;
use crate::id::{ApiId, OrgId};
use crate::session::SessionLifetime;
use crate::time::Ttl;

/// An API's definition, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiSpec {
    /// The `api_id`.
    pub id: ApiId,
    /// The name for people, and the realm of challenges; the id where none is given.
    pub name: Arc<str>,
    /// The organisation.
    pub org: OrgId,
    /// Whether it is served at all.
    pub active: bool,
    /// Where it is mounted.
    pub listen_path: ListenPath,
    /// The only host that it answers to.
    pub domain: Option<Domain>,
    /// Where its requests go; the first one where there are several.
    pub target: Target,
    /// How its upstreams are reached.
    pub upstream: UpstreamSpec,
    /// Whether the listen path is taken off before the target sees the request.
    pub strip_listen_path: bool,
    /// Whether the target sees the client's `Host`.
    pub preserve_host_header: bool,
    /// Whether a trailing slash of the target path stays when nothing follows the listen path.
    pub disable_strip_slash: bool,
    /// How callers prove themselves.
    pub auth: Auth,
    /// Whether the credential is taken out before the target sees the request.
    pub strip_auth_data: bool,
    /// How long the sessions of keys that name the API live.
    pub session_lifetime: SessionLifetime,
    /// What is demanded of single requests.
    pub rules: RequestRules,
    /// Settings of our own.
    pub settings: ApiSettings,
}

/// How long the authorization server's products live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLifetimes {
    /// Access tokens.
    pub access_token: Ttl,
    /// Refresh tokens; each one anew.
    pub refresh_token: Ttl,
    /// Authorization codes.
    pub auth_code: Ttl,
}

impl ApiSpec {
    /// The lifetimes in force for this API: its own settings, else the gateway's, an access token never longer than
    /// `session_lifetime` lets its session live.
    #[must_use]
    pub fn lifetimes(&self, gateway: TokenLifetimes) -> TokenLifetimes {
        let longest = match &self.auth {
            Auth::OAuth(oauth) => oauth.access_token_ttl_max,
            Auth::Keyless | Auth::Token(_) | Auth::Basic(_) => None,
        };
        let access_token = self
            .settings
            .access_token_ttl
            .unwrap_or(gateway.access_token);
        TokenLifetimes {
            access_token: longest.map_or(access_token, |longest| longest.min(access_token)),
            refresh_token: self
                .settings
                .refresh_token_ttl
                .unwrap_or(gateway.refresh_token),
            auth_code: self.settings.auth_code_ttl.unwrap_or(gateway.auth_code),
        }
    }
}
