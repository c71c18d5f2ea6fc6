//! The fields of Tyk's session object and of what policies share with it, and the kinds of values that Tyk's decoder takes
//! for them.

use crate::json::Field;
use crate::json::Shape::{Any, Flag, List, Map, Number, Object, Text, Whole};

/// A session object.
pub(crate) const SESSION: &[&[Field]] = &[LIMITS, RIGHTS, SESSION_ONLY];

/// Limits of a session, a policy, or one of the APIs that they name.
pub(crate) const LIMITS: &[Field] = &[
    ("rate", Number),
    ("per", Number),
    ("throttle_interval", Number),
    ("throttle_retry_limit", Whole),
    ("max_query_depth", Whole),
    ("quota_max", Whole),
    ("quota_renews", Whole),
    ("quota_remaining", Whole),
    ("quota_renewal_rate", Whole),
    ("smoothing", Object(&[SMOOTHING])),
];

const SMOOTHING: &[Field] = &[
    ("enabled", Flag),
    ("threshold", Number),
    ("trigger", Number),
    ("step", Number),
    ("delay", Number),
];

/// What a session and a policy say alike beside limits.
pub(crate) const RIGHTS: &[Field] = &[
    ("org_id", Text),
    ("access_rights", Map(&Object(&[ACCESS_RIGHT]))),
    ("is_inactive", Flag),
    ("hmac_enabled", Flag),
    ("enable_http_signature_validation", Flag),
    ("last_updated", Text),
    ("meta_data", Map(&Any)),
    ("tags", List(&Text)),
    ("post_expiry_action", Text),
    ("post_expiry_grace_period", Whole),
];

const ACCESS_RIGHT: &[Field] = &[
    ("api_name", Text),
    ("api_id", Text),
    ("versions", List(&Text)),
    ("allowed_urls", List(&Object(&[ALLOWED_URL]))),
    ("limit", Object(&[LIMITS])),
    ("allowance_scope", Text),
    ("endpoints", List(&Object(&[ENDPOINT]))),
    ("disable_introspection", Flag),
    ("allowed_types", List(&Any)),
    ("restricted_types", List(&Any)),
    ("field_access_rights", List(&Any)),
];

const ALLOWED_URL: &[Field] = &[("url", Text), ("methods", List(&Text))];

const ENDPOINT: &[Field] = &[("path", Text), ("methods", List(&Object(&[METHOD])))];

const METHOD: &[Field] = &[("name", Text), ("limit", Object(&[LIMITS]))];

const SESSION_ONLY: &[Field] = &[
    ("apply_policies", List(&Text)),
    ("apply_policy_id", Text),
    ("expires", Whole),
    ("allowance", Number),
    ("last_check", Whole),
    ("date_created", Text),
    ("oauth_client_id", Text),
    ("oauth_keys", Map(&Any)),
    ("certificate", Text),
    ("mtls_static_certificate_bindings", List(&Text)),
    (
        "basic_auth_data",
        Object(&[&[("password", Text), ("hash_type", Text)]]),
    ),
    ("jwt_data", Object(&[&[("secret", Text)]])),
    ("hmac_string", Text),
    ("rsa_certificate_id", Text),
    ("data_expires", Whole),
    ("monitor", Object(&[&[("trigger_limits", List(&Number))]])),
    ("enable_detail_recording", Flag),
    ("enable_detailed_recording", Flag),
    ("alias", Text),
    ("session_lifetime", Whole),
    ("id_extractor_deadline", Whole),
];

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
