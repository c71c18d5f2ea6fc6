//! The fields of a Classic definition's versions, and the kinds of values that Tyk's decoder takes for them.

use super::fields::{CODES, TEXTS, TEXTS_BY_NAME};
use crate::json::Field;
use crate::json::Shape::{Any, Flag, List, Map, Number, Object, Text, Whole};

pub(super) const SELECTOR: &[Field] = &[
    ("enabled", Flag),
    ("name", Text),
    ("default", Text),
    ("location", Text),
    ("key", Text),
    ("versions", TEXTS_BY_NAME),
    ("strip_path", Flag),
    ("strip_versioning_data", Flag),
    ("fallback_to_default", Flag),
    ("url_versioning_pattern", Text),
];

pub(super) const VERSION_DATA: &[Field] = &[
    ("not_versioned", Flag),
    ("default_version", Text),
    ("versions", Map(&Object(&[VERSION]))),
];

const VERSION: &[Field] = &[
    ("name", Text),
    ("expires", Text),
    ("override_target", Text),
    ("paths", Object(&[PATHS])),
    ("use_extended_paths", Flag),
    ("extended_paths", Object(&[EXTENDED_PATHS])),
    ("ignore_endpoint_case", Flag),
    ("global_headers", TEXTS_BY_NAME),
    ("global_headers_remove", TEXTS),
    ("global_headers_disabled", Flag),
    ("global_response_headers", TEXTS_BY_NAME),
    ("global_response_headers_remove", TEXTS),
    ("global_response_headers_disabled", Flag),
    ("global_size_limit", Whole),
    ("global_size_limit_disabled", Flag),
];

const PATHS: &[Field] = &[
    ("black_list", TEXTS),
    ("white_list", TEXTS),
    ("ignored", TEXTS),
];

const EXTENDED_PATHS: &[Field] = &[
    ("black_list", List(&Object(&[ENTRY]))),
    ("white_list", List(&Object(&[ENTRY]))),
    ("ignored", List(&Object(&[ENTRY]))),
    ("internal", List(&Object(&[ENTRY]))),
    ("track_endpoints", List(&Object(&[ENTRY]))),
    ("do_not_track_endpoints", List(&Object(&[ENTRY]))),
    ("cache", TEXTS),
    ("advance_cache_config", List(&Object(&[ENTRY, CACHED]))),
    ("transform", List(&Object(&[ENTRY, TRANSFORMED]))),
    ("transform_response", List(&Object(&[ENTRY, TRANSFORMED]))),
    ("transform_jq", List(&Object(&[ENTRY]))),
    ("transform_jq_response", List(&Object(&[ENTRY]))),
    ("transform_headers", List(&Object(&[ENTRY, HEADERS]))),
    (
        "transform_response_headers",
        List(&Object(&[ENTRY, HEADERS])),
    ),
    (
        "hard_timeouts",
        List(&Object(&[ENTRY, &[("timeout", Whole)]])),
    ),
    ("circuit_breakers", List(&Object(&[ENTRY, BREAKER]))),
    ("url_rewrites", List(&Object(&[ENTRY, REWRITTEN]))),
    ("virtual", List(&Object(&[ENTRY, VIRTUAL]))),
    ("go_plugin", List(&Object(&[ENTRY, GO_PLUGIN]))),
    (
        "size_limits",
        List(&Object(&[ENTRY, &[("size_limit", Whole)]])),
    ),
    (
        "method_transforms",
        List(&Object(&[ENTRY, &[("to_method", Text)]])),
    ),
    ("validate_json", List(&Object(&[ENTRY, VALIDATED]))),
    ("validate_request", List(&Object(&[ENTRY, VALIDATED]))),
    ("mock_response", List(&Object(&[ENTRY, MOCKED]))),
    ("persist_graphql", List(&Object(&[ENTRY]))),
    ("rate_limit", List(&Object(&[ENTRY, RATE]))),
];

const ENTRY: &[Field] = &[
    ("path", Text),
    ("method", Text),
    ("disabled", Flag),
    ("ignore_case", Flag),
    ("method_actions", Map(&Object(&[METHOD_ACTION]))),
];

const METHOD_ACTION: &[Field] = &[
    ("action", Text),
    ("code", Whole),
    ("data", Text),
    ("headers", TEXTS_BY_NAME),
];

const CACHED: &[Field] = &[
    ("cache_key_regex", Text),
    ("cache_response_codes", CODES),
    ("timeout", Whole),
];

const TRANSFORMED: &[Field] = &[("template_data", Map(&Any))];

const HEADERS: &[Field] = &[("delete_headers", TEXTS), ("add_headers", TEXTS_BY_NAME)];

const BREAKER: &[Field] = &[
    ("threshold_percent", Number),
    ("samples", Whole),
    ("return_to_service_after", Whole),
    ("disable_half_open_state", Flag),
];

const REWRITTEN: &[Field] = &[
    ("match_pattern", Text),
    ("rewrite_to", Text),
    ("triggers", List(&Map(&Any))),
];

const VIRTUAL: &[Field] = &[
    ("response_function_name", Text),
    ("function_source_type", Text),
    ("function_source_uri", Text),
    ("use_session", Flag),
    ("proxy_on_error", Flag),
];

const GO_PLUGIN: &[Field] = &[("plugin_path", Text), ("func_name", Text)];

const VALIDATED: &[Field] = &[("schema_b64", Text), ("error_response_code", Whole)];

const MOCKED: &[Field] = &[("code", Whole), ("body", Text), ("headers", TEXTS_BY_NAME)];

const RATE: &[Field] = &[("rate", Number), ("per", Number)];
