//! The table of Tyk's fields that have no effect here: which of them refuse a definition, and which only warn.
//!
//! A field refuses when Tyk would enforce it and ignoring it would serve requests that Tyk turns away, show what Tyk
//! hides, or send requests elsewhere. It warns when ignoring it costs convenience, speed or a limit that comes later.
//! Fields that are not listed are kept silently.

use super::unsupported::Place::{Definition, ExtendedPaths};
use super::unsupported::When::{Above, AboveUnless, EnabledEntry, OtherThan, Set, SetUnless};
use super::unsupported::{Rule, refuse, warn};

const AUTH: &str = "this way of authentication is not supported yet";
const CERTIFICATE: &str = "client certificates are not checked yet";
const PLUGIN: &str = "plugins are not run";
const BODY: &str = "bodies are not transformed yet, and a transformation may hide something";
const TARGET: &str = "requests would go to another target than the definition says";
const VALIDATION: &str = "requests are not validated yet";
const UPSTREAM_TLS: &str = "this limit of the upstream's TLS is not supported yet";
const UPSTREAM_AUTH: &str = "credentials for the upstream are not supported yet";
const PROTOCOL: &str = "only HTTP on the gateway's own listener is supported";
const GRAPHQL: &str = "only plain HTTP APIs are supported";
const RATE: &str = "rate limits are not enforced yet";
const CACHE: &str = "answers are not cached";
const BREAKER: &str = "circuit breakers are not supported yet";

/// One row per field: where it stands, when Tyk enforces it, and what follows.
pub(super) const RULES: &[Rule] = &[
    // Who may call.
    refuse(Definition, "enable_jwt", Set, AUTH),
    refuse(Definition, "use_openid", Set, AUTH),
    refuse(Definition, "enable_signature_checking", Set, AUTH),
    refuse(Definition, "external_oauth.enabled", Set, AUTH),
    refuse(Definition, "use_go_plugin_auth", Set, AUTH),
    refuse(Definition, "enable_coprocess_auth", Set, AUTH),
    refuse(Definition, "custom_plugin_auth_enabled", Set, AUTH),
    refuse(Definition, "use_mutual_tls_auth", Set, CERTIFICATE),
    refuse(
        Definition,
        "auth_configs.oauth.use_certificate",
        Set,
        CERTIFICATE,
    ),
    refuse(
        Definition,
        "auth_configs.oauth.validate_signature",
        Set,
        AUTH,
    ),
    warn(Definition, "client_certificates", Set, CERTIFICATE),
    refuse(
        Definition,
        "internal",
        Set,
        "the API would be reachable from outside",
    ),
    // Where it is served.
    refuse(Definition, "listen_port", Above(0), PROTOCOL),
    refuse(
        Definition,
        "protocol",
        OtherThan(&["", "http", "https"]),
        PROTOCOL,
    ),
    refuse(Definition, "enable_proxy_protocol", Set, PROTOCOL),
    refuse(Definition, "graphql.enabled", Set, GRAPHQL),
    refuse(Definition, "application_protocol", Set, GRAPHQL),
    refuse(Definition, "json_rpc_version", Set, GRAPHQL),
    refuse(
        Definition,
        "x-tyk-api-gateway",
        Set,
        "this is an OAS document, not a Classic definition",
    ),
    warn(
        Definition,
        "certificates",
        Set,
        "the gateway's own certificate is served",
    ),
    warn(
        Definition,
        "tags",
        SetUnless("tags_disabled"),
        "every node serves the API",
    ),
    warn(
        Definition,
        "enable_batch_request_support",
        Set,
        "batch requests are not supported",
    ),
    // What becomes of a request.
    refuse(Definition, "custom_middleware.pre", EnabledEntry, PLUGIN),
    refuse(Definition, "custom_middleware.post", EnabledEntry, PLUGIN),
    refuse(
        Definition,
        "custom_middleware.post_key_auth",
        EnabledEntry,
        PLUGIN,
    ),
    refuse(
        Definition,
        "custom_middleware.response",
        EnabledEntry,
        PLUGIN,
    ),
    refuse(
        Definition,
        "custom_middleware_bundle",
        SetUnless("custom_middleware_bundle_disabled"),
        PLUGIN,
    ),
    warn(Definition, "cache_options.enable_cache", Set, CACHE),
    warn(
        Definition,
        "global_rate_limit.rate",
        AboveUnless(0, "global_rate_limit.disabled"),
        RATE,
    ),
    warn(
        Definition,
        "event_handlers.events",
        Set,
        "event handlers are not run",
    ),
    warn(
        Definition,
        "error_overrides",
        Set,
        "error answers are not overridden",
    ),
    // Where it goes.
    refuse(
        Definition,
        "proxy.service_discovery.use_discovery_service",
        Set,
        TARGET,
    ),
    refuse(Definition, "proxy.transport.proxy_url", Set, TARGET),
    refuse(
        Definition,
        "upstream_certificates",
        SetUnless("upstream_certificates_disabled"),
        UPSTREAM_AUTH,
    ),
    refuse(
        Definition,
        "pinned_public_keys",
        SetUnless("certificate_pinning_disabled"),
        UPSTREAM_TLS,
    ),
    refuse(Definition, "request_signing.is_enabled", Set, UPSTREAM_AUTH),
    refuse(Definition, "upstream_auth.enabled", Set, UPSTREAM_AUTH),
    // Rules for single paths.
    refuse(
        ExtendedPaths,
        "mock_response",
        EnabledEntry,
        "the target would answer for the mock",
    ),
    refuse(ExtendedPaths, "virtual", EnabledEntry, PLUGIN),
    refuse(ExtendedPaths, "go_plugin", EnabledEntry, PLUGIN),
    refuse(ExtendedPaths, "transform", EnabledEntry, BODY),
    refuse(ExtendedPaths, "transform_response", EnabledEntry, BODY),
    refuse(ExtendedPaths, "transform_jq", EnabledEntry, BODY),
    refuse(ExtendedPaths, "transform_jq_response", EnabledEntry, BODY),
    refuse(ExtendedPaths, "url_rewrites", EnabledEntry, TARGET),
    refuse(ExtendedPaths, "method_transforms", EnabledEntry, TARGET),
    refuse(ExtendedPaths, "persist_graphql", EnabledEntry, GRAPHQL),
    refuse(ExtendedPaths, "validate_json", EnabledEntry, VALIDATION),
    refuse(ExtendedPaths, "validate_request", EnabledEntry, VALIDATION),
    warn(ExtendedPaths, "rate_limit", EnabledEntry, RATE),
    warn(ExtendedPaths, "circuit_breakers", EnabledEntry, BREAKER),
    warn(ExtendedPaths, "cache", Set, CACHE),
    warn(ExtendedPaths, "advance_cache_config", EnabledEntry, CACHE),
];
