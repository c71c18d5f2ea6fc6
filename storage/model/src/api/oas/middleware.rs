//! The table of `middleware.global`: what holds for every path.

use super::conversions::header_values;
use super::extension::CONTEXT_VARIABLES;
use super::shape::Classic::{At, By, Items, Not, Nothing, Seconds};
use super::shape::Shape::{Any, Duration, Filled, Flag, List, Map, Object, Text, Whole};
use super::shape::{Member, object, optional, required};

/// A place in the one version of a projected definition.
macro_rules! version {
    ($field:literal) => {
        concat!("version_data.versions.Default.", $field)
    };
}

/// The middleware's members; operations are projected when the paths are known.
pub(super) const MIDDLEWARE: &[Member] = &[
    object("global", GLOBAL),
    optional("operations", Map, Nothing),
];

const GLOBAL: &[Member] = &[
    object("pluginConfig", PLUGIN_CONFIG),
    object("cors", CORS),
    object("prePlugin", &[plugins("custom_middleware.pre")]),
    optional(
        "prePlugins",
        List(&Object(PLUGIN)),
        Items("custom_middleware.pre"),
    ),
    object(
        "postAuthenticationPlugin",
        &[plugins("custom_middleware.post_key_auth")],
    ),
    optional(
        "postAuthenticationPlugins",
        List(&Object(PLUGIN)),
        Items("custom_middleware.post_key_auth"),
    ),
    object("postPlugin", &[plugins("custom_middleware.post")]),
    optional(
        "postPlugins",
        List(&Object(PLUGIN)),
        Items("custom_middleware.post"),
    ),
    object("responsePlugin", &[plugins("custom_middleware.response")]),
    optional(
        "responsePlugins",
        List(&Object(PLUGIN)),
        Items("custom_middleware.response"),
    ),
    object("cache", CACHE),
    object("transformRequestHeaders", REQUEST_HEADERS),
    object("transformResponseHeaders", RESPONSE_HEADERS),
    object("contextVariables", CONTEXT_VARIABLES),
    object("trafficLogs", TRAFFIC_LOGS),
    object("requestSizeLimit", REQUEST_SIZE_LIMIT),
    object("ignoreCase", IGNORE_CASE),
    optional("skipRateLimit", Flag, At("disable_rate_limit")),
    optional("skipQuota", Flag, At("disable_quota")),
    optional("skipQuotaReset", Flag, At("dont_set_quota_on_create")),
];

const PLUGIN_CONFIG: &[Member] = &[
    optional("driver", Text, At("custom_middleware.driver")),
    object("bundle", PLUGIN_BUNDLE),
    object("data", PLUGIN_DATA),
];

const PLUGIN_BUNDLE: &[Member] = &[
    required("enabled", Flag, Not("custom_middleware_bundle_disabled")),
    required("path", Filled, At("custom_middleware_bundle")),
];

const PLUGIN_DATA: &[Member] = &[
    required("enabled", Flag, Not("config_data_disabled")),
    required("value", Map, At("config_data")),
];

const CORS: &[Member] = &[
    required("enabled", Flag, At("CORS.enable")),
    optional("maxAge", Whole(i64::MIN), At("CORS.max_age")),
    optional("allowCredentials", Flag, At("CORS.allow_credentials")),
    optional("exposedHeaders", List(&Text), At("CORS.exposed_headers")),
    optional("allowedHeaders", List(&Text), At("CORS.allowed_headers")),
    optional("optionsPassthrough", Flag, At("CORS.options_passthrough")),
    optional("debug", Flag, At("CORS.debug")),
    optional("allowedOrigins", List(&Text), At("CORS.allowed_origins")),
    optional("allowedMethods", List(&Text), At("CORS.allowed_methods")),
];

const CACHE: &[Member] = &[
    optional("enabled", Flag, At("cache_options.enable_cache")),
    optional("timeout", Whole(0), At("cache_options.cache_timeout")),
    optional(
        "cacheAllSafeRequests",
        Flag,
        At("cache_options.cache_all_safe_requests"),
    ),
    optional(
        "cacheResponseCodes",
        List(&Whole(0)),
        At("cache_options.cache_response_codes"),
    ),
    optional(
        "cacheByHeaders",
        List(&Text),
        At("cache_options.cache_by_headers"),
    ),
    optional(
        "enableUpstreamCacheControl",
        Flag,
        At("cache_options.enable_upstream_cache_control"),
    ),
    optional(
        "controlTTLHeaderName",
        Text,
        At("cache_options.cache_control_ttl_header"),
    ),
];

const REQUEST_HEADERS: &[Member] = &[
    required("enabled", Flag, Not(version!("global_headers_disabled"))),
    optional("remove", List(&Text), At(version!("global_headers_remove"))),
    optional(
        "add",
        List(&Object(HEADER)),
        By(version!("global_headers"), header_values),
    ),
];

const RESPONSE_HEADERS: &[Member] = &[
    required(
        "enabled",
        Flag,
        Not(version!("global_response_headers_disabled")),
    ),
    optional(
        "remove",
        List(&Text),
        At(version!("global_response_headers_remove")),
    ),
    optional(
        "add",
        List(&Object(HEADER)),
        By(version!("global_response_headers"), header_values),
    ),
];

/// A header and its value.
pub(super) const HEADER: &[Member] = &[
    required("name", Text, Nothing),
    required("value", Text, Nothing),
];

const TRAFFIC_LOGS: &[Member] = &[
    required("enabled", Flag, Not("do_not_track")),
    optional("tagHeaders", List(&Text), At("tag_headers")),
    optional(
        "customRetentionPeriod",
        Duration,
        Seconds("expire_analytics_after"),
    ),
    optional("plugins", Any, Nothing),
];

const REQUEST_SIZE_LIMIT: &[Member] = &[
    required("enabled", Flag, Not(version!("global_size_limit_disabled"))),
    required("value", Whole(0), At(version!("global_size_limit"))),
];

const IGNORE_CASE: &[Member] = &[required(
    "enabled",
    Flag,
    At(version!("ignore_endpoint_case")),
)];

/// The members of a custom plugin.
const PLUGIN: &[Member] = &[
    required("enabled", Flag, Not("disabled")),
    required("functionName", Text, At("name")),
    optional("path", Text, At("path")),
    optional("rawBodyOnly", Flag, At("raw_body_only")),
    optional("requireSession", Flag, At("require_session")),
];

/// Wrapped plugins, in their older spelling.
const fn plugins(at: &'static str) -> Member {
    optional("plugins", List(&Object(PLUGIN)), Items(at))
}
