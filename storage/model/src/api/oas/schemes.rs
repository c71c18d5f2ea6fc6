//! One security scheme: its kind by OpenAPI's words, its settings by the extension's.

use serde_json::Value;

use super::flows;
use super::projection::Projection;
use super::shape::Classic::{At, Not, Nothing};
use super::shape::Shape::{Flag, List, OneOf, Text, Whole};
use super::shape::{self, Member, Shape, object, optional, required};
use crate::json::{DocumentFaults, Node};

/// A scheme that `security` chooses.
pub(super) struct Scheme<'v> {
    /// Its entry of `components.securitySchemes`.
    pub(super) declared: Node<'v>,
    /// Its entry of the extension's `securitySchemes`.
    pub(super) setup: Node<'v>,
}

/// Where one kind of credential is looked for.
macro_rules! sources {
    ($kind:literal) => {
        &[
            object(
                "header",
                &[
                    required(
                        "enabled",
                        Flag,
                        Not(concat!("auth_configs.", $kind, ".disable_header")),
                    ),
                    optional(
                        "name",
                        Text,
                        At(concat!("auth_configs.", $kind, ".auth_header_name")),
                    ),
                ],
            ),
            object(
                "query",
                &[
                    required(
                        "enabled",
                        Flag,
                        At(concat!("auth_configs.", $kind, ".use_param")),
                    ),
                    optional(
                        "name",
                        Text,
                        At(concat!("auth_configs.", $kind, ".param_name")),
                    ),
                ],
            ),
            object(
                "cookie",
                &[
                    required(
                        "enabled",
                        Flag,
                        At(concat!("auth_configs.", $kind, ".use_cookie")),
                    ),
                    optional(
                        "name",
                        Text,
                        At(concat!("auth_configs.", $kind, ".cookie_name")),
                    ),
                ],
            ),
        ]
    };
}

const OAUTH_SOURCES: &[Member] = sources!("oauth");

const OAUTH: &[Member] = &[
    required("enabled", Flag, At("use_oauth2")),
    optional(
        "allowedAuthorizeTypes",
        List(&OneOf(&["code", "token"])),
        At("oauth_meta.allowed_authorize_types"),
    ),
    optional("refreshToken", Flag, Nothing),
    optional(
        "authLoginRedirect",
        Text,
        At("oauth_meta.auth_login_redirect"),
    ),
    object("notifications", NOTIFICATIONS),
];

const NOTIFICATIONS: &[Member] = &[
    optional("sharedSecret", Text, At("notifications.shared_secret")),
    optional(
        "onKeyChangeUrl",
        Text,
        At("notifications.oauth_on_keychange_url"),
    ),
];

const EXTERNAL_OAUTH: &[Member] = &[required("enabled", Flag, At("external_oauth.enabled"))];

const TOKEN_SOURCES: &[Member] = sources!("authToken");

const TOKEN: &[Member] = &[
    required("enabled", Flag, At("use_standard_auth")),
    optional(
        "enableClientCertificate",
        Flag,
        At("auth_configs.authToken.use_certificate"),
    ),
    object("signatureValidation", SIGNATURE),
];

const SIGNATURE: &[Member] = &[
    required(
        "enabled",
        Flag,
        At("auth_configs.authToken.validate_signature"),
    ),
    optional(
        "algorithm",
        Text,
        At("auth_configs.authToken.signature.algorithm"),
    ),
    optional(
        "header",
        Text,
        At("auth_configs.authToken.signature.header"),
    ),
    optional(
        "secret",
        Text,
        At("auth_configs.authToken.signature.secret"),
    ),
    optional(
        "allowedClockSkew",
        Whole(0),
        At("auth_configs.authToken.signature.allowed_clock_skew"),
    ),
    optional(
        "errorCode",
        Whole(0),
        At("auth_configs.authToken.signature.error_code"),
    ),
    optional(
        "errorMessage",
        Text,
        At("auth_configs.authToken.signature.error_message"),
    ),
];

const BASIC_SOURCES: &[Member] = sources!("basic");

const BASIC: &[Member] = &[
    required("enabled", Flag, At("use_basic_auth")),
    optional("disableCaching", Flag, At("basic_auth.disable_caching")),
    optional("cacheTTL", Whole(0), At("basic_auth.cache_ttl")),
    object(
        "extractCredentialsFromBody",
        &[
            required("enabled", Flag, At("basic_auth.extract_from_body")),
            optional("userRegexp", Text, At("basic_auth.body_user_regexp")),
            optional(
                "passwordRegexp",
                Text,
                At("basic_auth.body_password_regexp"),
            ),
        ],
    ),
];

const JWT: &[Member] = &[required("enabled", Flag, At("enable_jwt"))];

/// Projects a scheme; returns the kind of credential that it asks for, of which a definition has one of each.
pub(super) fn project(
    projection: &mut Projection,
    scheme: &Scheme<'_>,
    faults: &mut DocumentFaults,
) -> Option<&'static str> {
    if !Shape::Map.fits(&scheme.setup, faults) {
        return None;
    }
    let declared = &scheme.declared;
    let kind = word(declared, "type", faults)?;
    match kind {
        "oauth2" if scheme.setup.get("providers", faults).is_set() => {
            projection.members(&scheme.setup, EXTERNAL_OAUTH, faults);
            Some("external_oauth")
        }
        "oauth2" => {
            projection.members(&scheme.setup, OAUTH, faults);
            sources(projection, "oauth", OAUTH_SOURCES, scheme, faults);
            flows::project(projection, scheme, faults);
            Some("oauth")
        }
        "apiKey" => {
            projection.members(&scheme.setup, TOKEN, faults);
            sources(projection, "authToken", TOKEN_SOURCES, scheme, faults);
            api_key(projection, declared, faults);
            Some("authToken")
        }
        "http" => http(projection, scheme, faults),
        _ => {
            let place = declared.get("type", faults);
            let reason =
                "must be apiKey, http or oauth2; other kinds of schemes are not supported yet";
            faults.add(place.path(), reason);
            None
        }
    }
}

fn http(
    projection: &mut Projection,
    scheme: &Scheme<'_>,
    faults: &mut DocumentFaults,
) -> Option<&'static str> {
    let name = word(&scheme.declared, "scheme", faults)?;
    let format = scheme.declared.get("bearerFormat", faults);
    let format = format.value().and_then(Value::as_str).unwrap_or_default();
    if name.eq_ignore_ascii_case("basic") {
        projection.members(&scheme.setup, BASIC, faults);
        sources(projection, "basic", BASIC_SOURCES, scheme, faults);
        return Some("basic");
    }
    if name.eq_ignore_ascii_case("bearer") && format.eq_ignore_ascii_case("jwt") {
        projection.members(&scheme.setup, JWT, faults);
        return Some("jwt");
    }
    if name.eq_ignore_ascii_case("bearer") {
        projection.members(&scheme.setup, TOKEN, faults);
        sources(projection, "authToken", TOKEN_SOURCES, scheme, faults);
        return Some("authToken");
    }
    let place = scheme.declared.get("scheme", faults);
    faults.add(
        place.path(),
        "must be basic or bearer; other schemes are not supported yet",
    );
    None
}

/// Projects where the credential is looked for; a header must be asked for, unless the scheme is one of a header.
fn sources(
    projection: &mut Projection,
    kind: &str,
    members: &'static [Member],
    scheme: &Scheme<'_>,
    faults: &mut DocumentFaults,
) {
    let at = format!("auth_configs.{kind}");
    projection
        .origins
        .note(&at, scheme.setup.path(), false, true);
    projection.members(&scheme.setup, members, faults);
    let given = |name: &str| {
        scheme
            .setup
            .get(name, &mut DocumentFaults::default())
            .value()
            .is_some()
    };
    let is_http = scheme.declared.get("scheme", faults).value().is_some();
    let header = given("header") || (is_http && !given("query") && !given("cookie"));
    if !header {
        projection.set(&format!("{at}.disable_header"), Value::Bool(true));
    }
}

/// The place that OpenAPI names for an API key counts, whatever else the extension names.
fn api_key(projection: &mut Projection, declared: &Node<'_>, faults: &mut DocumentFaults) {
    let (Some(place), Some(name)) = (word(declared, "in", faults), word(declared, "name", faults))
    else {
        return;
    };
    let node = declared.get("name", faults);
    let (switch, on, at) = match place {
        "header" => ("disable_header", false, "auth_header_name"),
        "query" => ("use_param", true, "param_name"),
        "cookie" => ("use_cookie", true, "cookie_name"),
        _ => {
            let place = declared.get("in", faults);
            return faults.add(place.path(), "must be header, query or cookie");
        }
    };
    let source = declared.get("in", faults);
    let switch = format!("auth_configs.authToken.{switch}");
    projection.make(&switch, Value::Bool(on), &source);
    projection.make(
        &format!("auth_configs.authToken.{at}"),
        Value::from(name),
        &node,
    );
}

/// A text that a declared scheme needs.
fn word<'v>(declared: &Node<'v>, name: &str, faults: &mut DocumentFaults) -> Option<&'v str> {
    let node = declared.get(name, faults);
    if node.value().is_none() {
        shape::missing(declared, name, "string", faults);
    }
    let value = node.value().filter(|_| Shape::Text.fits(&node, faults));
    value.and_then(Value::as_str)
}
