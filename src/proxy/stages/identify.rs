//! Identify: from the request's credential to its caller.

use std::borrow::Cow;
use std::sync::Arc;

use raftgate_actors::snapshot::{Access, CompiledApi};
use raftgate_model::api::CredentialPlace;
use raftgate_model::id::LogIndex;
use raftgate_model::state::record::Grant;
use raftgate_model::token::AccessToken;

use crate::proxy::refusal::Refusal;
use crate::proxy::request::RequestView;
use crate::proxy::token_judge::{Judgement, TokenJudge};

/// Who makes a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Nobody in particular, which a keyless API is content with.
    Anonymous,
    /// The holder of an access token.
    Holder(Arc<Grant>),
}

/// How far identification came.
#[derive(Debug)]
pub(crate) enum Identified {
    /// The caller is known.
    Caller(Caller),
    /// The token can be judged once this node has applied an entry.
    Wait {
        /// The entry.
        index: LogIndex,
        /// The token.
        token: AccessToken,
    },
}

/// Finds out who makes a request, as the API demands.
pub(crate) fn identify(
    view: &RequestView<'_>,
    api: &CompiledApi,
    tokens: Option<&TokenJudge>,
) -> Result<Identified, Refusal> {
    let oauth = match &api.access {
        Access::Keyless => return Ok(Identified::Caller(Caller::Anonymous)),
        Access::OAuth(oauth) => oauth,
    };
    let credential = credential(view, &oauth.spec.credential)?;
    // There is no token state to judge by here, and no 401 for a token that was not judged.
    let tokens = tokens.ok_or(Refusal::Unjudged)?;
    match tokens.judge(bearer(&credential)?, api) {
        Judgement::Accepted(grant) => Ok(Identified::Caller(Caller::Holder(grant))),
        Judgement::Later { index, token } => Ok(Identified::Wait { index, token }),
        Judgement::Refused(refusal) => Err(refusal),
    }
}

/// The credential as sent: a filled query parameter beats the header, a filled cookie beats both (Tyk).
fn credential<'r>(
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
    let fields = view.head().fields();
    fields
        .filter(|(_, candidate, _)| candidate.eq_ignore_ascii_case(b"cookie"))
        .filter_map(|(_, _, value)| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(candidate, value)| *candidate == name && !value.is_empty())
        .map(|(_, value)| value)
}

/// The token behind the word `Bearer`, whose case does not matter; a single word is no credential (Tyk, D26).
fn bearer(credential: &str) -> Result<&str, Refusal> {
    let mut words = credential.split(' ');
    match (words.next(), words.next()) {
        (Some(scheme), Some(token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        (Some(_), Some(_)) => Err(Refusal::CredentialMalformed),
        _ => Err(Refusal::CredentialMissing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
