//! The part of a definition that says who may call the API.

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::auth::{Auth, CredentialPlace, NotificationSpec, OAuthSpec};
use super::headers::stands_elsewhere;
use super::unsupported::ImportWarning;
use crate::json::{DocumentFaults, Node};
use crate::oauth::grant_type::{GrantType, GrantTypes, ResponseType, ResponseTypes};
use crate::oauth::scope::DeclaredScopes;
use crate::secret::Secret;
use crate::time::Ttl;

/// The most entries of a list of allowed types.
const TYPES_MAX: usize = 16;

/// The most scopes that an API may declare.
const SCOPES_MAX: usize = 1024;

/// The longest name of a header, parameter or cookie, in bytes.
const PLACE_BYTES_MAX: usize = 128;

/// The longest URL of a login page or a notification receiver, in bytes.
const URL_BYTES_MAX: usize = 4096;

/// The longest shared secret, in bytes; it must fit into a header.
const SHARED_SECRET_BYTES_MAX: usize = 1024;

/// The fields that choose how callers prove themselves, where more than one would have to be satisfied at once.
const CHOICES: [(&str, Choice); 4] = [
    ("use_keyless", Choice::Keyless),
    ("use_oauth2", Choice::OAuth),
    ("use_standard_auth", Choice::Token),
    ("use_basic_auth", Choice::Basic),
];

/// A way of authentication that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Keyless,
    OAuth,
    Token,
    Basic,
}

/// Reads how callers prove themselves; other kinds than these are the business of the table of unsupported fields.
pub(super) fn read(
    definition: &Map<String, Value>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> Option<Auth> {
    match choice(definition, warnings, faults)? {
        Choice::Keyless => Some(Auth::Keyless),
        Choice::OAuth => Some(Auth::OAuth(read_oauth(definition, warnings, faults))),
        Choice::Token => {
            let configs = Node::member(definition, "auth_configs", faults);
            let places = configs.get("authToken", faults);
            let places = if places.is_set() {
                places
            } else {
                Node::member(definition, "auth", faults)
            };
            refuse_unchecked(&places, faults);
            Some(Auth::Token(read_credential("authToken", &places, faults)))
        }
        Choice::Basic => {
            let body = Node::member(definition, "basic_auth", faults);
            let body = body.get("extract_from_body", faults);
            if body.flag(faults) {
                faults.add(
                    body.path(),
                    "credentials in bodies are not read; remove it to import the definition",
                );
            }
            let places = Node::member(definition, "auth_configs", faults).get("basic", faults);
            refuse_unchecked(&places, faults);
            Some(Auth::Basic(read_credential("basic", &places, faults)))
        }
    }
}

/// The one way that is chosen; where Tyk demands several at once, one alone would weaken the API.
fn choice(
    definition: &Map<String, Value>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> Option<Choice> {
    let mut chosen = CHOICES
        .into_iter()
        .filter(|(field, _)| Node::member(definition, field, faults).flag(faults))
        .collect::<Vec<_>>()
        .into_iter();
    match (chosen.next(), chosen.next()) {
        (Some((_, choice)), None) => Some(choice),
        (Some((first, _)), Some((second, _))) => {
            faults.add(first, format!("contradicts {second}: choose one"));
            None
        }
        (None, _) => {
            warnings.push(ImportWarning {
                path: "use_standard_auth".to_owned(),
                reason: "no way of authentication is chosen, so a key is demanded (as in Tyk)"
                    .to_owned(),
            });
            Some(Choice::Token)
        }
    }
}

/// What would have to be checked beside the credential itself.
fn refuse_unchecked(places: &Node<'_>, faults: &mut DocumentFaults) {
    for (field, reason) in [
        ("use_certificate", "client certificates are not checked yet"),
        ("validate_signature", "signatures of keys are not checked"),
    ] {
        let node = places.get(field, faults);
        if node.is_set() {
            faults.add(
                node.path(),
                format!("{reason}; remove it to import the definition"),
            );
        }
    }
}

fn read_oauth(
    definition: &Map<String, Value>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> OAuthSpec {
    let meta = Node::member(definition, "oauth_meta", faults);
    let places = Node::member(definition, "auth_configs", faults).get("oauth", faults);
    let login = meta.get("auth_login_redirect", faults);
    let spec = OAuthSpec {
        credential: read_credential("oauth", &places, faults),
        grant_types: read_grant_types(&meta.get("allowed_access_types", faults), faults),
        response_types: read_response_types(&meta.get("allowed_authorize_types", faults), faults),
        login_redirect: read_url(&login, warnings, faults),
        notifications: read_notifications(
            &Node::member(definition, "notifications", faults),
            warnings,
            faults,
        ),
        scopes: read_scopes(definition, faults),
        access_token_ttl_max: read_session_lifetime(definition, faults),
    };
    warn_of_types(&spec, &login, warnings);
    spec
}

/// The scopes that may be asked for; any where none are named.
fn read_scopes(
    definition: &Map<String, Value>,
    faults: &mut DocumentFaults,
) -> Option<DeclaredScopes> {
    let node = Node::member(definition, "raftgate", faults).get("allowed_scopes", faults);
    let items = node.items(SCOPES_MAX, faults);
    let names: Vec<&str> = items.iter().filter_map(|item| item.text(faults)).collect();
    DeclaredScopes::new(names)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()?
}

fn warn_of_types(spec: &OAuthSpec, login: &Node<'_>, warnings: &mut Vec<ImportWarning>) {
    let mut warn = |path: &str, reason: &str| {
        warnings.push(ImportWarning {
            path: path.to_owned(),
            reason: reason.to_owned(),
        });
    };
    if spec.grant_types.contains(GrantType::Password) {
        warn(
            "oauth_meta.allowed_access_types",
            "the password grant shows users' passwords to clients (RFC 9700 section 2.4)",
        );
    }
    if spec.response_types.contains(ResponseType::Token) {
        warn(
            "oauth_meta.allowed_authorize_types",
            "the implicit grant shows tokens in URLs (RFC 9700 section 2.1.2)",
        );
    }
    if !login.is_set() && !spec.response_types.is_empty() {
        warn(
            "oauth_meta.auth_login_redirect",
            "is missing, so /oauth/authorize has no login page to redirect to",
        );
    }
}

fn read_grant_types(node: &Node<'_>, faults: &mut DocumentFaults) -> GrantTypes {
    let allowed = "must be authorization_code, client_credentials, password or refresh_token";
    let items = node.items(TYPES_MAX, faults);
    items
        .iter()
        .filter_map(|item| one_of(item, GrantType::parse, allowed, faults))
        .collect()
}

fn read_response_types(node: &Node<'_>, faults: &mut DocumentFaults) -> ResponseTypes {
    let items = node.items(TYPES_MAX, faults);
    let allowed = "must be code or token";
    items
        .iter()
        .filter_map(|item| one_of(item, ResponseType::parse, allowed, faults))
        .collect()
}

fn one_of<T>(
    item: &Node<'_>,
    parse: impl Fn(&str) -> Option<T>,
    allowed: &str,
    faults: &mut DocumentFaults,
) -> Option<T> {
    let found = parse(item.text(faults)?);
    if found.is_none() {
        faults.add(item.path(), allowed);
    }
    found
}

/// Names that are not given follow the header's, whose own default is `Authorization` (Tyk's rule).
fn read_credential(kind: &str, node: &Node<'_>, faults: &mut DocumentFaults) -> CredentialPlace {
    let header_node = node.get("auth_header_name", faults);
    let header = header_node.filled_text(faults).unwrap_or("Authorization");
    let place = |flag: &str, key: &str, faults: &mut DocumentFaults| {
        let used = node.get(flag, faults).flag(faults);
        let name_node = node.get(key, faults);
        let name = name_node.filled_text(faults).unwrap_or(header);
        used.then(|| checked_name(name, &name_node, faults))
    };
    let query = place("use_param", "param_name", faults);
    let cookie = place("use_cookie", "cookie_name", faults);
    let disabled = node.get("disable_header", faults).flag(faults);
    let header =
        (!disabled).then(|| checked_name(&header.to_ascii_lowercase(), &header_node, faults));
    if header.is_none() && query.is_none() && cookie.is_none() {
        faults.add(
            node.path(),
            format!(
                "all auth sources are disabled for {kind}, at least one of header/cookie/query must be enabled"
            ),
        );
    }
    CredentialPlace {
        header,
        query,
        cookie,
    }
}

/// Header and cookie names are tokens (RFC 9110 section 5.6.2, RFC 6265 section 4.1.1); parameters are held to the same.
fn checked_name(name: &str, node: &Node<'_>, faults: &mut DocumentFaults) -> Arc<str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.len() > PLACE_BYTES_MAX || !name.bytes().all(is_token) {
        faults.add(
            node.path(),
            format!("must be at most {PLACE_BYTES_MAX} letters, digits and !#$%&'*+-.^_`|~"),
        );
    }
    Arc::from(name)
}

fn read_notifications(
    node: &Node<'_>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> Option<NotificationSpec> {
    let secret_node = node.get("shared_secret", faults);
    let secret = secret_node.text(faults).unwrap_or_default();
    let printable = secret
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if secret.len() > SHARED_SECRET_BYTES_MAX || !printable {
        faults.add(
            secret_node.path(),
            format!(
                "is sent in a header: at most {SHARED_SECRET_BYTES_MAX} printable ASCII characters"
            ),
        );
    }
    if let Err(elsewhere) = stands_elsewhere(secret) {
        faults.add(secret_node.path(), elsewhere);
    }
    let url = node.get("oauth_on_keychange_url", faults);
    let url = read_url(&url, warnings, faults)?;
    let spec = NotificationSpec {
        url,
        shared_secret: Arc::new(Secret::from(secret)),
    };
    if let Err(none) = spec.signing_key() {
        faults.add(secret_node.path(), none.to_string());
    }
    Some(spec)
}

/// An absolute `http` or `https` URL without credentials, kept as it was written; one that is still to be filled in is none.
fn read_url(
    node: &Node<'_>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> Option<Arc<str>> {
    let text = node.filled_text(faults)?;
    if names_placeholder(text) {
        warnings.push(ImportWarning {
            path: node.path().to_owned(),
            reason: "its host is a placeholder, so nothing is sent there until it is filled in"
                .to_owned(),
        });
        return None;
    }
    let usable = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
    };
    // The text goes into a header as it is, where the parser would have quietly dropped blanks and line ends.
    let plain = text.len() <= URL_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && Url::parse(text).as_ref().is_ok_and(usable) {
        return Some(Arc::from(text));
    }
    faults.add(
        node.path(),
        format!("must be an absolute http or https URL without credentials, at most {URL_BYTES_MAX} ASCII characters"),
    );
    None
}

/// Whether a URL's host is one that documents leave to be filled in, as in `http://<identity-server>/login`.
fn names_placeholder(url: &str) -> bool {
    let rest = ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| host.contains(['<', '>', '{', '}']))
}

/// Tyk forgets a session after `session_lifetime` seconds, and its token with it, unless the key's expiry is respected.
fn read_session_lifetime(
    definition: &Map<String, Value>,
    faults: &mut DocumentFaults,
) -> Option<Ttl> {
    let respects = Node::member(
        definition,
        "session_lifetime_respects_key_expiration",
        faults,
    );
    let seconds = Node::member(definition, "session_lifetime", faults).whole(faults)?;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    (!respects.flag(faults)).then(|| Ttl::from_s(seconds))
}

#[cfg(test)]
#[path = "read_auth_tests.rs"]
mod tests;
