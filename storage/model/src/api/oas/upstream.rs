//! The table of `upstream`: every member, its shape, and its place in a Classic definition.

use super::conversions::{mapping, pinned_keys, proxy_url, snake_case, tls_version, uptime_tests};
use super::shape::Classic::{At, By, Not, Nothing, Seconds};
use super::shape::Shape::{Duration, Filled, Flag, List, Map, Number, Object, OneOf, Text, Whole};
use super::shape::{Member, object, optional, required};
use super::targets::load_balancing;

/// The upstream's members.
pub(super) const UPSTREAM: &[Member] = &[
    optional("url", Text, At("proxy.target_url")),
    object("preserveHostHeader", PRESERVE_HOST_HEADER),
    object("preserveTrailingSlash", PRESERVE_TRAILING_SLASH),
    optional(
        "loadBalancing",
        Object(LOAD_BALANCING),
        By("proxy.target_list", load_balancing),
    ),
    object("serviceDiscovery", SERVICE_DISCOVERY),
    optional("uptimeTests", Map, By("uptime_tests", uptime_tests)),
    object("mutualTLS", MUTUAL_TLS),
    object("certificatePinning", CERTIFICATE_PINNING),
    object("tlsTransport", TLS_TRANSPORT),
    optional(
        "proxy",
        Object(PROXY),
        By("proxy.transport.proxy_url", proxy_url),
    ),
    object("rateLimit", RATE_LIMIT),
    object("enforceTimeout", ENFORCE_TIMEOUT),
    object("authentication", UPSTREAM_AUTHENTICATION),
];

/// Of the same shape as that of an operation.
const ENFORCE_TIMEOUT: &[Member] = &[
    required("enabled", Flag, Not("global_enforce_timeout.disabled")),
    required("value", Whole(0), At("global_enforce_timeout.timeout")),
];

const PRESERVE_HOST_HEADER: &[Member] =
    &[required("enabled", Flag, At("proxy.preserve_host_header"))];

const PRESERVE_TRAILING_SLASH: &[Member] =
    &[required("enabled", Flag, At("proxy.disable_strip_slash"))];

const LOAD_BALANCING: &[Member] = &[
    optional("enabled", Flag, At("proxy.enable_load_balancing")),
    optional(
        "skipUnavailableHosts",
        Flag,
        At("proxy.check_host_against_uptime_tests"),
    ),
    optional("targets", List(&Object(LOAD_BALANCING_TARGET)), Nothing),
];

const LOAD_BALANCING_TARGET: &[Member] = &[
    required("url", Filled, Nothing),
    required("weight", Whole(0), Nothing),
];

const SERVICE_DISCOVERY: &[Member] = &[
    required(
        "enabled",
        Flag,
        At("proxy.service_discovery.use_discovery_service"),
    ),
    optional(
        "queryEndpoint",
        Text,
        At("proxy.service_discovery.query_endpoint"),
    ),
    optional("dataPath", Text, At("proxy.service_discovery.data_path")),
    optional(
        "useNestedQuery",
        Flag,
        At("proxy.service_discovery.use_nested_query"),
    ),
    optional(
        "parentDataPath",
        Text,
        At("proxy.service_discovery.parent_data_path"),
    ),
    optional(
        "portDataPath",
        Text,
        At("proxy.service_discovery.port_data_path"),
    ),
    optional(
        "useTargetList",
        Flag,
        At("proxy.service_discovery.use_target_list"),
    ),
    optional(
        "cacheTimeout",
        Whole(0),
        At("proxy.service_discovery.cache_timeout"),
    ),
    optional(
        "targetPath",
        Text,
        At("proxy.service_discovery.target_path"),
    ),
    optional(
        "endpointReturnsList",
        Flag,
        At("proxy.service_discovery.endpoint_returns_list"),
    ),
];

const MUTUAL_TLS: &[Member] = &[
    required("enabled", Flag, Not("upstream_certificates_disabled")),
    required(
        "domainToCertificateMapping",
        List(&Object(DOMAIN_CERTIFICATE)),
        By("upstream_certificates", mapping),
    ),
];

const DOMAIN_CERTIFICATE: &[Member] = &[
    required("domain", Text, Nothing),
    required("certificate", Text, Nothing),
];

const CERTIFICATE_PINNING: &[Member] = &[
    required("enabled", Flag, Not("certificate_pinning_disabled")),
    required(
        "domainToPublicKeysMapping",
        List(&Object(DOMAIN_KEYS)),
        By("pinned_public_keys", pinned_keys),
    ),
];

const DOMAIN_KEYS: &[Member] = &[
    optional("domain", Text, Nothing),
    optional("publicKeys", List(&Text), Nothing),
];

const TLS_VERSIONS: &[&str] = &["", "1.0", "1.1", "1.2", "1.3"];

const TLS_TRANSPORT: &[Member] = &[
    optional(
        "insecureSkipVerify",
        Flag,
        At("proxy.transport.ssl_insecure_skip_verify"),
    ),
    optional("ciphers", List(&Text), At("proxy.transport.ssl_ciphers")),
    optional(
        "minVersion",
        OneOf(TLS_VERSIONS),
        By("proxy.transport.ssl_min_version", tls_version),
    ),
    optional(
        "maxVersion",
        OneOf(TLS_VERSIONS),
        By("proxy.transport.ssl_max_version", tls_version),
    ),
    optional(
        "forceCommonNameCheck",
        Flag,
        At("proxy.transport.ssl_force_common_name_check"),
    ),
];

const PROXY: &[Member] = &[
    required("enabled", Flag, Nothing),
    required("url", Text, Nothing),
];

const RATE_LIMIT: &[Member] = &[
    required("enabled", Flag, Not("global_rate_limit.disabled")),
    required("rate", Number, At("global_rate_limit.rate")),
    required("per", Duration, Seconds("global_rate_limit.per")),
];

const UPSTREAM_AUTHENTICATION: &[Member] = &[
    required("enabled", Flag, At("upstream_auth.enabled")),
    optional(
        "basicAuth",
        Object(UPSTREAM_BASIC_AUTH),
        By("upstream_auth.basic_auth", snake_case),
    ),
    optional(
        "oauth",
        Object(UPSTREAM_OAUTH),
        By("upstream_auth.oauth", snake_case),
    ),
    object("requestSigning", REQUEST_SIGNING),
];

const UPSTREAM_BASIC_AUTH: &[Member] = &[
    required("enabled", Flag, Nothing),
    required("username", Text, Nothing),
    required("password", Text, Nothing),
];

const UPSTREAM_OAUTH: &[Member] = &[
    required("enabled", Flag, Nothing),
    required("allowedAuthorizeTypes", List(&Text), Nothing),
];

const REQUEST_SIGNING: &[Member] = &[
    required("enabled", Flag, At("request_signing.is_enabled")),
    optional(
        "signatureHeader",
        Text,
        At("request_signing.signature_header"),
    ),
    optional("algorithm", Text, At("request_signing.algorithm")),
    optional("keyId", Text, At("request_signing.key_id")),
    optional("headers", List(&Text), At("request_signing.header_list")),
    optional("secret", Text, At("request_signing.secret")),
    optional("certificateId", Text, At("request_signing.certificate_id")),
];
