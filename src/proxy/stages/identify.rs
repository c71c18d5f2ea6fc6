//! Identify: from the request's credential to its caller.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raftgate_actors::snapshot::{Access, CompiledApi};
use raftgate_model::api::CredentialPlace;
use raftgate_model::secret::Secret;
use raftgate_model::state::record::{ApiKeyRecord, Grant};

use crate::credentials::Login;
use crate::proxy::key_judge::{KeyJudgement, PasswordClaim, UserJudgement};
use crate::proxy::refusal::Refusal;
use crate::proxy::request::RequestView;
use crate::proxy::token_judge::{TokenJudge, Younger};

/// Who makes a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Nobody in particular, which a keyless API is content with.
    Anonymous,
    /// The holder of an access token.
    Holder(Arc<Grant>),
    /// The holder of a key, or a user.
    Key(Arc<ApiKeyRecord>),
}

/// How far identification came.
pub(crate) enum Identified {
    /// The caller is known.
    Caller(Caller),
    /// It takes something that this thread does not wait for.
    Later(Pending),
}

/// What has to be waited for before a caller can be told.
pub(crate) enum Pending {
    /// An entry: the token or key is younger than this node's state.
    Entry(Younger),
    /// A hash.
    Password(PasswordClaim),
}

/// Finds out who makes a request, as the API demands; `client_ip` is asked for where guesses are counted.
pub(crate) fn identify(
    view: &RequestView<'_>,
    api: &CompiledApi,
    tokens: Option<&TokenJudge>,
    client_ip: impl FnOnce() -> IpAddr,
) -> Result<Identified, Refusal> {
    let Some((place, _)) = api.access.credential() else {
        return Ok(Identified::Caller(Caller::Anonymous));
    };
    let credential = credential(view, place)?;
    // There is no token state to judge by here, and no 401 for a token that was not judged.
    let tokens = tokens.ok_or(Refusal::Unjudged)?;
    match &api.access {
        Access::Keyless => Ok(Identified::Caller(Caller::Anonymous)),
        Access::OAuth(_) => identified(tokens.judge_of_client(bearer(&credential)?, api)),
        Access::Token(_) => identified(tokens.judge_key(key(&credential), api)),
        Access::Basic(_) => match tokens.judge_user(basic(&credential)?, client_ip(), api) {
            UserJudgement::User(user) => Ok(Identified::Caller(Caller::Key(user))),
            UserJudgement::Later(claim) => Ok(Identified::Later(Pending::Password(claim))),
            UserJudgement::Refused(refusal) => Err(refusal),
        },
    }
}

/// The caller of an API that takes tokens and keys.
fn identified(judgement: KeyJudgement) -> Result<Identified, Refusal> {
    match judgement {
        KeyJudgement::Token(grant) => Ok(Identified::Caller(Caller::Holder(grant))),
        KeyJudgement::Key(key) => Ok(Identified::Caller(Caller::Key(key))),
        KeyJudgement::Later(younger) => Ok(Identified::Later(Pending::Entry(younger))),
        KeyJudgement::Refused(refusal) => Err(refusal),
    }
}

/// The credential as sent: a filled query parameter beats the header, a filled cookie beats both (Tyk).
pub(super) fn credential<'r>(
    view: &RequestView<'r>,
    place: &CredentialPlace,
) -> Result<Cow<'r, str>, Refusal> {
    let cookie = place.cookie.as_deref().and_then(|name| cookie(view, name));
    let query = || place.query.as_deref().and_then(|name| query(view, name));
    let header = || {
        place
            .header
            .as_deref()
            .map(|name| header(view, name))
            .transpose()
    };
    match cookie.map(Cow::Borrowed).or_else(query) {
        Some(found) => Ok(found),
        None => header()?
            .flatten()
            .map(Cow::Borrowed)
            .ok_or(Refusal::CredentialMissing),
    }
}

/// A header that comes twice could be read differently by two readers.
fn header<'r>(view: &RequestView<'r>, name: &str) -> Result<Option<&'r str>, Refusal> {
    let mut fields = view
        .head()
        .fields()
        .filter(|(_, candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, _, value)| value);
    let Some(value) = fields.next().filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    if fields.next().is_some() {
        return Err(Refusal::CredentialMalformed);
    }
    std::str::from_utf8(value)
        .map(Some)
        .map_err(|_| Refusal::CredentialMalformed)
}

fn query<'r>(view: &RequestView<'r>, name: &str) -> Option<Cow<'r, str>> {
    let query = view.head().query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(candidate, value)| candidate == name && !value.is_empty())
        .map(|(_, value)| value)
}

fn cookie<'r>(view: &RequestView<'r>, name: &str) -> Option<&'r str> {
    let named = view.head().cookies().filter(|cookie| cookie.is_named(name));
    named
        .filter_map(|cookie| std::str::from_utf8(cookie.value?).ok())
        .find(|value| !value.is_empty())
}

/// The token behind the word `Bearer`, whose case does not matter; a single word is no credential (Tyk, D26).
pub(super) fn bearer(credential: &str) -> Result<&str, Refusal> {
    let mut words = credential.split(' ');
    match (words.next(), words.next()) {
        (Some(scheme), Some(token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        (Some(_), Some(_)) => Err(Refusal::CredentialMalformed),
        _ => Err(Refusal::CredentialMissing),
    }
}

/// The key, with or without the word `Bearer` before it (Tyk).
pub(super) fn key(credential: &str) -> &str {
    match credential.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => credential,
    }
}

/// Name and password of Basic credentials; one colon stands between them and none in them (Tyk, case 102).
pub(super) fn basic(credential: &str) -> Result<Login, Refusal> {
    let mut words = credential.split(' ');
    let (Some(scheme), Some(encoded), None) = (words.next(), words.next(), words.next()) else {
        return Err(Refusal::CredentialMalformed);
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Refusal::CredentialMalformed);
    }
    let malformed = |_| Refusal::CredentialMalformed;
    let decoded = STANDARD
        .decode(encoded)
        .map_err(|_| Refusal::CredentialMalformed)?;
    let pair = Secret::new(String::from_utf8(decoded).map_err(malformed)?);
    match pair.expose().split_once(':') {
        Some((name, password)) if !password.contains(':') => Ok(Login {
            name: name.to_owned(),
            password: Secret::from(password),
        }),
        _ => Err(Refusal::CredentialMalformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_stand_behind_bearer_case_19() {
        for text in ["abc", "Bearer abc", "bearer abc", "BEARER  abc"] {
            assert_eq!(key(text), "abc");
        }
        assert_eq!(key("Basic abc"), "Basic abc");
    }

    #[test]
    fn basic_credentials_are_a_name_and_a_password_case_102() {
        let read = |pair: &str| basic(&format!("Basic {}", STANDARD.encode(pair)));
        let is = |pair: &str, name: &str, password: &str| {
            read(pair).is_ok_and(|login| login.name == name && login.password.ct_eq(password))
        };
        assert!(is("user:pass", "user", "pass") && is("user:", "user", "") && is(":p", "", "p"));
        let malformed = Some(Refusal::CredentialMalformed);
        assert_eq!(read("user:a:b").err(), malformed);
        assert_eq!(read("user").err(), malformed);
        for text in [
            "Basic",
            "Basic !!",
            "Bearer dTpw",
            "Basic dTpw x",
            "Basic /w==",
            "dTpw",
        ] {
            assert_eq!(basic(text).err(), malformed, "{text}");
        }
        assert!(basic("basic dTpw").is_ok());
    }

    #[test]
    fn a_bearer_token_is_two_words_d26() {
        assert_eq!(bearer("Bearer abc"), Ok("abc"));
        assert_eq!(bearer("bearer abc"), Ok("abc"));
        assert_eq!(bearer("Bearer abc more"), Ok("abc"));
        assert_eq!(
            bearer("Bearer  abc"),
            Ok(""),
            "two spaces make an empty token, which is unknown"
        );
        assert_eq!(bearer("abc"), Err(Refusal::CredentialMissing));
        assert_eq!(bearer("Basic abc"), Err(Refusal::CredentialMalformed));
    }
}
