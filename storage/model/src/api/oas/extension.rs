//! The tables of `info` and `server`: every member, its shape, and its place in a Classic definition.

use super::conversions::{events, key_lifetime, versions};
use super::middleware::MIDDLEWARE;
use super::shape::Classic::{At, By, Not, Nothing};
use super::shape::Shape::{
    Any, Duration, Filled, Flag, List, Map, Number, Object, OneOf, Text, Whole,
};
use super::shape::{Member, object, optional, required};
use super::upstream::UPSTREAM;

/// The extension's own members.
pub(super) const EXTENSION_MEMBERS: &[Member] = &[
    required("info", Object(INFO), Nothing),
    required("upstream", Object(UPSTREAM), Nothing),
    required("server", Object(SERVER), Nothing),
    object("middleware", MIDDLEWARE),
    optional("errorOverrides", Any, At("error_overrides")),
];

const INFO: &[Member] = &[
    optional("id", Text, At("api_id")),
    optional("dbId", Text, At("id")),
    optional("orgId", Text, At("org_id")),
    required("name", Filled, At("name")),
    optional("expiration", Text, At("expiration")),
    required("state", Object(STATE), Nothing),
    optional("versioning", Object(VERSIONING), Nothing),
];

const STATE: &[Member] = &[
    required("active", Flag, At("active")),
    optional("internal", Flag, At("internal")),
];

const VERSIONING: &[Member] = &[
    optional("enabled", Flag, At("definition.enabled")),
    optional("name", Filled, At("definition.name")),
    optional("default", Text, At("definition.default")),
    required("location", Filled, At("definition.location")),
    required("key", Filled, At("definition.key")),
    optional(
        "versions",
        List(&Object(VERSION)),
        By("definition.versions", versions),
    ),
    optional(
        "stripVersioningData",
        Flag,
        At("definition.strip_versioning_data"),
    ),
    optional(
        "fallbackToDefault",
        Flag,
        At("definition.fallback_to_default"),
    ),
    optional(
        "urlVersioningPattern",
        Text,
        At("definition.url_versioning_pattern"),
    ),
];

const VERSION: &[Member] = &[
    required("name", Filled, Nothing),
    required("id", Filled, Nothing),
];

const SERVER: &[Member] = &[
    required("listenPath", Object(LISTEN_PATH), Nothing),
    object("authentication", AUTHENTICATION),
    object("clientCertificates", CLIENT_CERTIFICATES),
    object("gatewayTags", GATEWAY_TAGS),
    object("customDomain", CUSTOM_DOMAIN),
    object("detailedActivityLogs", DETAILED_ACTIVITY_LOGS),
    object("detailedTracing", DETAILED_TRACING),
    object("contextVariables", CONTEXT_VARIABLES),
    object("ipAccessControl", IP_ACCESS_CONTROL),
    object("batchProcessing", BATCH_PROCESSING),
    optional(
        "eventHandlers",
        List(&Map),
        By("event_handlers.events", events),
    ),
    optional("port", Whole(1), At("listen_port")),
    optional("protocol", Text, At("protocol")),
];

const LISTEN_PATH: &[Member] = &[
    required("value", Filled, At("proxy.listen_path")),
    optional("strip", Flag, At("proxy.strip_listen_path")),
];

/// The schemes themselves are the business of the security table.
const AUTHENTICATION: &[Member] = &[
    required("enabled", Flag, Not("use_keyless")),
    optional("stripAuthorizationData", Flag, At("strip_auth_data")),
    optional(
        "baseIdentityProvider",
        OneOf(BASE_IDENTITIES),
        At("base_identity_provided_by"),
    ),
    object("hmac", HMAC),
    object("oidc", OIDC),
    object("custom", CUSTOM_PLUGIN),
    optional("securitySchemes", Map, Nothing),
    optional(
        "customKeyLifetime",
        Object(KEY_LIFETIME),
        By("session_lifetime", key_lifetime),
    ),
    optional(
        "securityProcessingMode",
        OneOf(&["", "legacy", "compliant"]),
        At("security_processing_mode"),
    ),
    optional("security", List(&List(&Text)), Nothing),
];

const BASE_IDENTITIES: &[&str] = &[
    "",
    "auth_token",
    "hmac_key",
    "basic_auth_user",
    "jwt_claim",
    "oidc_user",
    "oauth_key",
    "custom_auth",
];

const HMAC: &[Member] = &[
    required("enabled", Flag, At("enable_signature_checking")),
    optional(
        "allowedAlgorithms",
        List(&Text),
        At("hmac_allowed_algorithms"),
    ),
    optional("allowedClockSkew", Number, At("hmac_allowed_clock_skew")),
];

const OIDC: &[Member] = &[
    required("enabled", Flag, At("use_openid")),
    optional(
        "segregateByClientId",
        Flag,
        At("openid_options.segregate_by_client"),
    ),
];

const CUSTOM_PLUGIN: &[Member] = &[required("enabled", Flag, At("custom_plugin_auth_enabled"))];

const KEY_LIFETIME: &[Member] = &[
    required("enabled", Flag, Nothing),
    optional("value", Duration, Nothing),
    optional(
        "respectValidity",
        Flag,
        At("session_lifetime_respects_key_expiration"),
    ),
];

const CLIENT_CERTIFICATES: &[Member] = &[
    optional("enabled", Flag, At("use_mutual_tls_auth")),
    optional("allowlist", List(&Text), At("client_certificates")),
];

const GATEWAY_TAGS: &[Member] = &[
    required("enabled", Flag, Not("tags_disabled")),
    required("tags", List(&Text), At("tags")),
];

const CUSTOM_DOMAIN: &[Member] = &[
    required("enabled", Flag, Not("domain_disabled")),
    required("name", Text, At("domain")),
    optional("certificates", List(&Text), At("certificates")),
];

const DETAILED_ACTIVITY_LOGS: &[Member] =
    &[required("enabled", Flag, At("enable_detailed_recording"))];

const DETAILED_TRACING: &[Member] = &[required("enabled", Flag, At("detailed_tracing"))];

pub(super) const CONTEXT_VARIABLES: &[Member] =
    &[required("enabled", Flag, At("enable_context_vars"))];

const IP_ACCESS_CONTROL: &[Member] = &[
    required("enabled", Flag, Not("ip_access_control_disabled")),
    optional("allow", List(&Text), At("allowed_ips")),
    optional("block", List(&Text), At("blacklisted_ips")),
];

const BATCH_PROCESSING: &[Member] = &[required(
    "enabled",
    Flag,
    At("enable_batch_request_support"),
)];
