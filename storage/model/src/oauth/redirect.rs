//! Redirect URIs: what a client may register, what a request may name, and where a browser is sent.

use url::Url;

/// The longest redirect URI, in bytes.
pub const REDIRECT_URI_BYTES_MAX: usize = 2048;

/// The most redirect URIs that one client may register.
pub const REDIRECT_URIS_MAX: usize = 32;

/// Schemes that a browser executes, opens locally or treats as its own; a code must never be sent to one.
const FORBIDDEN_SCHEMES: [&str; 9] = [
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "filesystem",
    "javascript",
    "vbscript",
    "view-source",
];

/// How the redirect URI of a request is compared with the registered ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedirectMatch {
    /// Equal to the letter; the port of a loopback address is free (RFC 9700 section 2.1, RFC 8252 section 7.3).
    #[default]
    Exact,
    /// Tyk's rule: same scheme, host and port, and a path that begins with the registered one; the query is free.
    Prefix,
}

/// Why a text cannot be registered as a client's redirect URIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// One of them is not an absolute URI.
    #[error("each must be an absolute URI such as https://client.example/callback")]
    Syntax,
    /// One of them has a scheme that a browser would execute or open locally.
    #[error("its scheme is not allowed: use https, http or a scheme of the application's own")]
    Scheme,
    /// One of them has a fragment (RFC 6749 section 3.1.2).
    #[error("must not hold a fragment")]
    Fragment,
    /// One of them holds a user name or password.
    #[error("must not hold credentials")]
    Credentials,
    /// One of them is too long.
    #[error("each has at most {REDIRECT_URI_BYTES_MAX} bytes")]
    TooLong,
    /// One of them reads like several that are separated by something else than what separates them.
    #[error("one looks like several: what separates them is said by oauth.redirect_uri_separator")]
    Several,
    /// There are too many of them.
    #[error("a client has at most {REDIRECT_URIS_MAX} redirect URIs")]
    TooMany,
}

/// A client's redirect URIs; the first is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisteredUris<'t>(Vec<&'t str>);

impl<'t> RegisteredUris<'t> {
    /// Splits a text at the configured separator (empty for a single URI) and checks every URI: what registration does.
    ///
    /// An empty text registers none, which is enough for grants that do not redirect.
    ///
    /// # Errors
    /// A URI is malformed or not allowed, or there are more than [`REDIRECT_URIS_MAX`].
    pub fn parse(text: &'t str, separator: &str) -> Result<Self, InvalidRedirectUri> {
        let uris = split(text, separator);
        if uris.len() > REDIRECT_URIS_MAX {
            return Err(InvalidRedirectUri::TooMany);
        }
        for uri in &uris {
            checked(uri)?;
            // Without a separator no text is several; Tyk takes such a one too.
            if !separator.is_empty() && reads_like_several(uri) {
                return Err(InvalidRedirectUri::Several);
            }
        }
        Ok(Self(uris))
    }

    /// Splits a text that is already registered, leaving out what would be refused today, by a changed separator say.
    #[must_use]
    pub fn split(text: &'t str, separator: &str) -> Self {
        let uris = split(text, separator)
            .into_iter()
            .filter(|uri| checked(uri).is_ok());
        Self(uris.take(REDIRECT_URIS_MAX).collect())
    }

    /// The default for requests that name none: the first one.
    #[must_use]
    pub fn first(&self) -> Option<&'t str> {
        self.0.first().copied()
    }

    /// The URIs in the order of the registration.
    pub fn iter(&self) -> impl Iterator<Item = &'t str> {
        self.0.iter().copied()
    }

    /// Whether a request may name this URI.
    #[must_use]
    pub fn allows(&self, named: &str, matching: RedirectMatch) -> bool {
        let Ok(url) = checked(named) else {
            return false;
        };
        self.iter().any(|registered| match matching {
            RedirectMatch::Exact => registered == named || is_same_but_for_port(registered, named),
            RedirectMatch::Prefix => is_prefix(registered, &url),
        })
    }
}

fn split<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let parts = if separator.is_empty() {
        vec![text]
    } else {
        text.split(separator).collect()
    };
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// Whether another URI with an authority seems to follow behind a comma or semicolon; a URI that means to hold one there
/// encodes it. Registered as one, such a text would match nothing that a client names.
fn reads_like_several(uri: &str) -> bool {
    let starts_another = |part: &str| {
        let scheme = part.split_once("://").map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| {
            let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
            scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.bytes().all(is_scheme_byte)
        })
    };
    uri.split([',', ';']).skip(1).any(starts_another)
}

/// Checks one redirect URI, registered or named.
fn checked(text: &str) -> Result<Url, InvalidRedirectUri> {
    if text.len() > REDIRECT_URI_BYTES_MAX {
        return Err(InvalidRedirectUri::TooLong);
    }
    if text.contains('#') {
        return Err(InvalidRedirectUri::Fragment);
    }
    // The parser repairs what these characters break, and a browser may repair it in another way.
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
    {
        return Err(InvalidRedirectUri::Syntax);
    }
    let url = Url::parse(text).map_err(|_| InvalidRedirectUri::Syntax)?;
    if FORBIDDEN_SCHEMES.contains(&url.scheme()) {
        return Err(InvalidRedirectUri::Scheme);
    }
    if matches!(url.scheme(), "http" | "https") && !has_plain_authority(text) {
        return Err(InvalidRedirectUri::Syntax);
    }
    if names_a_user(text) {
        return Err(InvalidRedirectUri::Credentials);
    }
    Ok(url)
}

/// Whether exactly two slashes follow the scheme; the parser also takes none and more.
fn has_plain_authority(text: &str) -> bool {
    let rest = text
        .split_once(':')
        .and_then(|(_, rest)| rest.strip_prefix("//"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// Whether a user stands before the host, an empty one too, which the parser passes over.
fn names_a_user(text: &str) -> bool {
    let (_, rest) = text.split_once(':').unwrap_or_default();
    let authority = rest.strip_prefix("//").unwrap_or_default();
    let end = authority.find(['/', '?']).unwrap_or(authority.len());
    authority.bytes().take(end).any(|byte| byte == b'@')
}

/// Whether both are the same `http` URI on the same loopback address, whatever their ports.
fn is_same_but_for_port(registered: &str, named: &str) -> bool {
    let without_port = |text: &str| {
        let rest = text.strip_prefix("http://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end)?;
        let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| {
            authority.strip_prefix(host).is_some_and(|port| {
                port.is_empty()
                    || port
                        .strip_prefix(':')
                        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            })
        })?;
        Some((host, tail.to_owned()))
    };
    without_port(registered).is_some_and(|loopback| Some(loopback) == without_port(named))
}

/// Tyk's comparison, on normalised URLs so that dot segments cannot leave the registered path, nor what a server that
/// decodes the path first would take for some.
fn is_prefix(registered: &str, named: &Url) -> bool {
    let Ok(registered) = checked(registered) else {
        return false;
    };
    registered.scheme() == named.scheme()
        && registered.host() == named.host()
        && registered.port_or_known_default() == named.port_or_known_default()
        && named
            .path()
            .strip_prefix(registered.path())
            .is_some_and(|rest| !hides_a_segment(rest))
        && (named.path() == registered.path() || !has_dots_with_parameters(named.path()))
}

/// Whether a path holds an encoded slash, backslash, dot or semicolon.
fn hides_a_segment(path: &str) -> bool {
    let encoded = path.split('%').skip(1).filter_map(|rest| rest.get(..2));
    let mut encoded = encoded.map(str::to_ascii_lowercase);
    encoded.any(|digits| matches!(&*digits, "2f" | "5c" | "2e" | "3b"))
}

/// Whether a segment is a dot segment for a server that takes off parameters first (RFC 3986 section 3.3): `..;x`.
fn has_dots_with_parameters(path: &str) -> bool {
    let mut with_parameters = path
        .split('/')
        .filter_map(|segment| segment.split_once(';'));
    with_parameters.any(|(name, _)| matches!(name, "." | ".."))
}

/// Where the browser brings an authorization code to the client (RFC 6749 section 4.1.2); an empty state is left out.
///
/// # Errors
/// The URI is none that could have been registered.
pub fn code_redirect(
    uri: &str,
    code: &str,
    state: Option<&str>,
) -> Result<String, InvalidRedirectUri> {
    checked(uri)?;
    let state = state
        .filter(|state| !state.is_empty())
        .map(|state| ("state", state));
    let answer: Vec<(&str, &str)> = [("code", code)].into_iter().chain(state).collect();
    Ok(redirect_to(uri, &answer))
}

/// Where the browser brings an access token to the client (RFC 6749 section 4.2.2): in the fragment, which no server sees.
///
/// The URI's own query stays (RFC 6749 section 3.1.2), where Tyk drops it.
///
/// # Errors
/// The URI is none that could have been registered.
pub fn token_redirect(uri: &str, answer: &[(&str, &str)]) -> Result<String, InvalidRedirectUri> {
    checked(uri)?;
    let fragment = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(answer)
        .finish();
    Ok(format!("{uri}#{fragment}"))
}

/// The URI with which the browser brings an answer (`code`, `state`, `error`) to the client.
///
/// The URI's own query stays, except for parameters of the answer's names: those are the answer's alone.
#[must_use]
pub fn redirect_to(uri: &str, answer: &[(&str, &str)]) -> String {
    let (base, query) = split_query(uri);
    let foreign = |part: &&str| {
        let name = name_of(part);
        !part.is_empty() && !answer.iter().any(|(own, _)| *own == name)
    };
    let kept: Vec<&str> = query.split('&').filter(foreign).collect();
    joined(base, &kept, answer)
}

/// The login page with the parameters of an authorization request added to its query.
///
/// Parameters that the login page's URL has already are the operator's and stay as they are.
#[must_use]
pub fn login_location(login: &str, request: &[(&str, &str)]) -> String {
    let (page, fragment) = match login.split_once('#') {
        Some((page, fragment)) => (page, Some(fragment)),
        None => (login, None),
    };
    let (base, query) = split_query(page);
    let kept: Vec<&str> = query.split('&').filter(|part| !part.is_empty()).collect();
    let names: Vec<String> = kept.iter().map(|part| name_of(part)).collect();
    let added: Vec<(&str, &str)> = request
        .iter()
        .filter(|(name, _)| !names.iter().any(|taken| taken == name))
        .copied()
        .collect();
    let location = joined(base, &kept, &added);
    match fragment {
        Some(fragment) => format!("{location}#{fragment}"),
        None => location,
    }
}

fn split_query(uri: &str) -> (&str, &str) {
    uri.split_once('?').unwrap_or((uri, ""))
}

/// The decoded name of one `name=value` part of a query.
fn name_of(part: &str) -> String {
    form_urlencoded::parse(part.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

fn joined(base: &str, kept: &[&str], added: &[(&str, &str)]) -> String {
    let added = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(added)
        .finish();
    let mut query = kept.to_vec();
    if !added.is_empty() {
        query.push(&added);
    }
    if query.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", query.join("&"))
    }
}

#[cfg(test)]
#[path = "redirect_tests.rs"]
mod tests;
