//! The fields of Tyk's Classic definition, and the kinds of values that Tyk's decoder takes for them.
//!
//! What is listed is checked wherever it stands, also where a switch beside it is off. What is not listed is either read
//! by rules of its own (`raftgate`, `global_enforce_timeout`) or kept without being looked at.

use super::version_fields::{SELECTOR, VERSION_DATA};
use crate::json::Field;
use crate::json::Shape::{self, Any, Flag, List, Map, Number, Object, Text, Whole};

pub(super) const TEXTS: Shape = List(&Text);
pub(super) const TEXTS_BY_NAME: Shape = Map(&Text);
pub(super) const CODES: Shape = List(&Whole);

/// The tables of a definition.
pub(super) const DEFINITION: &[&[Field]] = &[IDENTITY, CALLERS, REQUESTS, UPSTREAM];

const IDENTITY: &[Field] = &[
    ("id", Text),
    ("api_id", Text),
    ("org_id", Text),
    ("name", Text),
    ("slug", Text),
    ("active", Flag),
    ("internal", Flag),
    ("expiration", Text),
    ("domain", Text),
    ("domain_disabled", Flag),
    ("certificates", TEXTS),
    ("listen_port", Whole),
    ("protocol", Text),
    ("enable_proxy_protocol", Flag),
    ("application_protocol", Text),
    ("json_rpc_version", Text),
    ("graphql", Object(&[&[("enabled", Flag)]])),
    ("tags", TEXTS),
    ("tags_disabled", Flag),
    ("tag_headers", TEXTS),
    ("config_data", Map(&Any)),
    ("config_data_disabled", Flag),
    ("event_handlers", Object(&[EVENT_HANDLERS])),
    ("error_overrides", Map(&Any)),
    ("do_not_track", Flag),
    ("expire_analytics_after", Whole),
    ("enable_detailed_recording", Flag),
    ("detailed_tracing", Flag),
    ("analytics_plugin", Map(&Any)),
    ("definition", Object(&[SELECTOR])),
    ("version_data", Object(&[VERSION_DATA])),
];

const EVENT_HANDLERS: &[Field] = &[("events", Map(&List(&Object(&[EVENT_HANDLER]))))];

const EVENT_HANDLER: &[Field] = &[("handler_name", Text), ("handler_meta", Map(&Any))];

const CALLERS: &[Field] = &[
    ("use_keyless", Flag),
    ("use_oauth2", Flag),
    ("use_standard_auth", Flag),
    ("use_basic_auth", Flag),
    ("use_openid", Flag),
    ("use_mutual_tls_auth", Flag),
    ("use_go_plugin_auth", Flag),
    ("enable_jwt", Flag),
    ("enable_coprocess_auth", Flag),
    ("enable_signature_checking", Flag),
    ("custom_plugin_auth_enabled", Flag),
    ("base_identity_provided_by", Text),
    ("security_processing_mode", Text),
    ("strip_auth_data", Flag),
    ("auth", Object(&[CREDENTIAL])),
    ("auth_configs", Map(&Object(&[CREDENTIAL]))),
    ("basic_auth", Object(&[BASIC_AUTH])),
    ("oauth_meta", Object(&[OAUTH_META])),
    ("notifications", Object(&[NOTIFICATIONS])),
    ("external_oauth", Object(&[EXTERNAL_OAUTH])),
    ("openid_options", Object(&[OPENID_OPTIONS])),
    ("client_certificates", TEXTS),
    ("hmac_allowed_algorithms", TEXTS),
    ("hmac_allowed_clock_skew", Number),
    ("jwt_source", Text),
    ("jwt_signing_method", Text),
    ("jwt_identity_base_field", Text),
    ("jwt_client_base_field", Text),
    ("jwt_policy_field_name", Text),
    ("jwt_default_policies", TEXTS),
    ("jwt_scope_claim_name", Text),
    ("jwt_scope_to_policy_mapping", TEXTS_BY_NAME),
    ("scopes", Map(&Any)),
    ("auth_provider", Object(&[PROVIDER])),
    ("session_provider", Object(&[PROVIDER])),
    ("session_lifetime", Whole),
    ("session_lifetime_respects_key_expiration", Flag),
    ("enable_ip_whitelisting", Flag),
    ("enable_ip_blacklisting", Flag),
    ("allowed_ips", TEXTS),
    ("blacklisted_ips", TEXTS),
    ("ip_access_control_disabled", Flag),
];

const CREDENTIAL: &[Field] = &[
    ("name", Text),
    ("auth_header_name", Text),
    ("disable_header", Flag),
    ("use_param", Flag),
    ("param_name", Text),
    ("use_cookie", Flag),
    ("cookie_name", Text),
    ("use_certificate", Flag),
    ("validate_signature", Flag),
    ("signature", Object(&[SIGNATURE])),
];

const SIGNATURE: &[Field] = &[
    ("algorithm", Text),
    ("header", Text),
    ("secret", Text),
    ("use_param", Flag),
    ("param_name", Text),
    ("allowed_clock_skew", Whole),
    ("error_code", Whole),
    ("error_message", Text),
];

const BASIC_AUTH: &[Field] = &[
    ("disable_caching", Flag),
    ("cache_ttl", Whole),
    ("extract_from_body", Flag),
    ("body_user_regexp", Text),
    ("body_password_regexp", Text),
];

const OAUTH_META: &[Field] = &[
    ("allowed_access_types", TEXTS),
    ("allowed_authorize_types", TEXTS),
    ("auth_login_redirect", Text),
];

const NOTIFICATIONS: &[Field] = &[("shared_secret", Text), ("oauth_on_keychange_url", Text)];

const EXTERNAL_OAUTH: &[Field] = &[("enabled", Flag), ("providers", List(&Map(&Any)))];

const OPENID_OPTIONS: &[Field] = &[
    ("segregate_by_client", Flag),
    ("providers", List(&Object(&[OPENID_PROVIDER]))),
];

const OPENID_PROVIDER: &[Field] = &[("issuer", Text), ("client_ids", TEXTS_BY_NAME)];

const PROVIDER: &[Field] = &[("name", Text), ("storage_engine", Text)];

const REQUESTS: &[Field] = &[
    ("CORS", Object(&[CORS])),
    ("cache_options", Object(&[CACHE_OPTIONS])),
    ("custom_middleware", Object(&[CUSTOM_MIDDLEWARE])),
    ("custom_middleware_bundle", Text),
    ("custom_middleware_bundle_disabled", Flag),
    ("response_processors", List(&Object(&[PROCESSOR]))),
    ("global_rate_limit", Object(&[GLOBAL_RATE_LIMIT])),
    ("disable_rate_limit", Flag),
    ("disable_quota", Flag),
    ("dont_set_quota_on_create", Flag),
    ("enable_batch_request_support", Flag),
    ("enable_context_vars", Flag),
];

const CORS: &[Field] = &[
    ("enable", Flag),
    ("allowed_origins", TEXTS),
    ("allowed_methods", TEXTS),
    ("allowed_headers", TEXTS),
    ("exposed_headers", TEXTS),
    ("allow_credentials", Flag),
    ("max_age", Whole),
    ("options_passthrough", Flag),
    ("debug", Flag),
];

const CACHE_OPTIONS: &[Field] = &[
    ("enable_cache", Flag),
    ("cache_timeout", Whole),
    ("cache_all_safe_requests", Flag),
    ("cache_response_codes", CODES),
    ("cache_by_headers", TEXTS),
    ("enable_upstream_cache_control", Flag),
    ("cache_control_ttl_header", Text),
];

const CUSTOM_MIDDLEWARE: &[Field] = &[
    ("driver", Text),
    ("pre", List(&Object(&[MIDDLEWARE]))),
    ("post", List(&Object(&[MIDDLEWARE]))),
    ("post_key_auth", List(&Object(&[MIDDLEWARE]))),
    ("response", List(&Object(&[MIDDLEWARE]))),
    ("auth_check", Object(&[MIDDLEWARE])),
    ("id_extractor", Map(&Any)),
];

const MIDDLEWARE: &[Field] = &[
    ("name", Text),
    ("path", Text),
    ("disabled", Flag),
    ("require_session", Flag),
    ("raw_body_only", Flag),
];

const PROCESSOR: &[Field] = &[("name", Text), ("options", Map(&Any))];

const GLOBAL_RATE_LIMIT: &[Field] = &[("rate", Number), ("per", Number), ("disabled", Flag)];

const UPSTREAM: &[Field] = &[
    ("proxy", Object(&[PROXY])),
    ("uptime_tests", Object(&[UPTIME_TESTS])),
    ("upstream_certificates", TEXTS_BY_NAME),
    ("upstream_certificates_disabled", Flag),
    ("pinned_public_keys", TEXTS_BY_NAME),
    ("certificate_pinning_disabled", Flag),
    ("upstream_auth", Object(&[UPSTREAM_AUTH])),
    ("request_signing", Object(&[REQUEST_SIGNING])),
];

const PROXY: &[Field] = &[
    ("listen_path", Text),
    ("strip_listen_path", Flag),
    ("disable_strip_slash", Flag),
    ("target_url", Text),
    ("target_list", TEXTS),
    ("enable_load_balancing", Flag),
    ("check_host_against_uptime_tests", Flag),
    ("preserve_host_header", Flag),
    ("service_discovery", Object(&[SERVICE_DISCOVERY])),
    ("transport", Object(&[TRANSPORT])),
];

const SERVICE_DISCOVERY: &[Field] = &[
    ("use_discovery_service", Flag),
    ("query_endpoint", Text),
    ("use_nested_query", Flag),
    ("parent_data_path", Text),
    ("data_path", Text),
    ("port_data_path", Text),
    ("target_path", Text),
    ("use_target_list", Flag),
    ("endpoint_returns_list", Flag),
    ("cache_disabled", Flag),
    ("cache_timeout", Whole),
];

const TRANSPORT: &[Field] = &[
    ("ssl_insecure_skip_verify", Flag),
    ("ssl_force_common_name_check", Flag),
    ("ssl_ciphers", TEXTS),
    ("ssl_min_version", Whole),
    ("ssl_max_version", Whole),
    ("proxy_url", Text),
];

const UPTIME_TESTS: &[Field] = &[
    ("disabled", Flag),
    ("check_list", List(&Object(&[UPTIME_TEST]))),
    ("config", Map(&Any)),
];

const UPTIME_TEST: &[Field] = &[
    ("url", Text),
    ("protocol", Text),
    ("method", Text),
    ("body", Text),
    ("headers", TEXTS_BY_NAME),
    ("timeout", Whole),
    ("enable_proxy_protocol", Flag),
    ("commands", List(&Map(&Text))),
];

const UPSTREAM_AUTH: &[Field] = &[
    ("enabled", Flag),
    ("basic_auth", Map(&Any)),
    ("oauth", Map(&Any)),
];

const REQUEST_SIGNING: &[Field] = &[
    ("is_enabled", Flag),
    ("secret", Text),
    ("key_id", Text),
    ("algorithm", Text),
    ("certificate_id", Text),
    ("signature_header", Text),
    ("header_list", TEXTS),
];

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
