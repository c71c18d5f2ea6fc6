//! API definitions: what an operator writes, checked and taken apart once.

mod api_document;
mod auth;
mod common_divisor;
mod cors;
mod date;
mod document;
mod domain;
mod fields;
#[cfg(test)]
mod fixture;
mod headers;
mod ip_access;
mod listen_path;
mod oas;
mod path_rules;
mod read;
mod read_auth;
mod request_rules;
mod rules;
mod settings;
mod signing_key;
mod spec;
mod target;
mod timeouts;
mod unsupported;
mod upstream;
mod version;
mod version_fields;
mod versioning;

pub use api_document::ApiDocument;
pub use auth::{Auth, CredentialPlace, NotificationSpec, OAuthSpec};
pub use cors::{AllowedOrigin, Cors};
pub use document::{ClassicDocument, DEFAULT_ORG, DEFINITION_BYTES_MAX};
pub use domain::{Domain, InvalidDomain};
pub use headers::{ContextVariable, HeaderRules, HeaderTemplate, TemplatePart, is_same_variable};
pub use ip_access::IpAccess;
pub use listen_path::{InvalidListenPath, LISTEN_PATH_SEGMENTS_MAX, ListenPath};
pub use oas::{Mount, OasDocument, Serving, ServingFault};
pub use path_rules::{PathAccess, PathEntry, PathRule};
pub use request_rules::RequestRules;
pub use settings::{ApiSettings, Consistency, ForwardedOrigin};
pub use signing_key::NoSigningKey;
pub use spec::{ApiSpec, TokenLifetimes};
pub use target::{InvalidTarget, Scheme, Target};
pub use timeouts::ApiTimeouts;
pub use unsupported::ImportWarning;
pub use upstream::{
    HealthCheck, RetryOn, RetrySpec, Rotation, Setback, TargetPlace, Tls12Ciphers, TlsVersions,
    UpstreamSpec, UpstreamTls, Verification,
};
pub use version::{HeaderTransforms, SizeLimits, VersionSpec};
pub use versioning::{
    NameForwarding, NamedVersions, SegmentPattern, UnknownVersion, VersionApis, VersionPlace,
    VersionSelector, Versions,
};

pub use crate::json::{DocumentFault as DefinitionFault, DocumentFaults as DefinitionErrors};
