//! How a client proves itself (RFC 6749 section 2.3): Basic or in the body, a public one by its name alone.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use raftgate_actors::snapshot::CompiledApi;
use raftgate_model::command::AuthenticatedClient;
use raftgate_model::id::ClientId;
use raftgate_model::oauth::error::OAuthFailure;
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::Secret;
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::{ClientRecord, ClientSecret};

use super::form::Form;
use super::throttle::Attempt;
use super::{AuthorizationServer, Call};

/// What a caller says it is; nothing of it is checked yet.
pub(super) struct Presented {
    id: String,
    secret: Option<Secret>,
}

/// A client that proved itself.
pub(super) struct Caller {
    pub(super) client: Arc<ClientRecord>,
}

impl Caller {
    /// What a command says of the caller.
    pub(super) fn authenticated(&self) -> AuthenticatedClient {
        AuthenticatedClient {
            key: self.client.key(),
            credentials_revision: self.client.credentials_revision,
        }
    }
}

/// Reads the credentials of a request: header and body may both hold them if they agree.
pub(super) fn presented(headers: &HeaderMap, form: &Form) -> Result<Presented, OAuthFailure> {
    let id = form.get("client_id");
    let secret = body_secret(form)?;
    let Some(in_header) = basic_credentials(headers)? else {
        let id = id
            .ok_or(OAuthFailure::ClientAuthenticationMissing)?
            .to_owned();
        return Ok(Presented { id, secret });
    };
    let as_sent_or_decoded = [
        (&in_header.id, &in_header.secret),
        (&form_decoded(&in_header.id), &in_header.decoded_secret()),
    ];
    let agrees = as_sent_or_decoded.into_iter().any(|(own_id, own)| {
        id.is_none_or(|id| id == own_id) && same_secret(own.as_ref(), secret.as_ref())
    });
    if agrees {
        Ok(in_header)
    } else {
        Err(OAuthFailure::ClientAuthenticationTwice)
    }
}

/// Whether the body's secret, if it holds one, is the header's.
fn same_secret(header: Option<&Secret>, body: Option<&Secret>) -> bool {
    match (header, body) {
        (_, None) => true,
        (Some(header), Some(body)) => header.ct_eq(body.expose()),
        (None, Some(_)) => false,
    }
}

/// A secret in the query is none: it must not be in a URI (RFC 6749 section 2.3.1).
fn body_secret(form: &Form) -> Result<Option<Secret>, OAuthFailure> {
    let secrets = ["client_secret", "secret"].map(|name| form.get_from_body(name));
    let secret = match secrets.into() {
        (Some(long), Some(short)) if !Secret::new(long.to_owned()).ct_eq(short) => {
            return Err(OAuthFailure::ClientAuthenticationTwice);
        }
        (long, short) => long.or(short),
    };
    Ok(secret.map(|secret| Secret::new(secret.to_owned())))
}

/// The scheme is compared without case (RFC 9110 section 11.1); Tyk wants `Basic` to the letter.
fn basic_credentials(headers: &HeaderMap) -> Result<Option<Presented>, OAuthFailure> {
    let malformed = OAuthFailure::ClientAuthenticationMalformed;
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    if fields.next().is_some() {
        // Several credentials are no failed proof but a bad request (RFC 6749 section 5.2).
        return Err(OAuthFailure::RepeatedParameter("Authorization".into()));
    }
    let text = field.to_str().map_err(|_| malformed.clone())?;
    let (scheme, encoded) = text.split_once(' ').ok_or(malformed.clone())?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed);
    }
    let decoded = STANDARD
        .decode(encoded.trim())
        .map_err(|_| malformed.clone())?;
    let pair = Secret::new(String::from_utf8(decoded).map_err(|_| malformed.clone())?);
    let (id, secret) = pair.expose().split_once(':').ok_or(malformed)?;
    let secret = (!secret.is_empty()).then(|| Secret::new(secret.to_owned()));
    Ok(Some(Presented {
        id: id.to_owned(),
        secret,
    }))
}

/// Id and secret of Basic credentials are form-encoded first by the letter of RFC 6749 section 2.3.1.
fn form_decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

impl Presented {
    /// Id and secret, for who judges how they were read.
    #[cfg(any(test, fuzzing))]
    pub(super) fn told(&self) -> (&str, Option<&str>) {
        (&self.id, self.secret.as_ref().map(Secret::expose))
    }

    fn decoded_secret(&self) -> Option<Secret> {
        self.secret
            .as_ref()
            .map(|secret| Secret::new(form_decoded(secret.expose())))
    }

    /// The credentials as sent, then form-decoded where that differs.
    fn candidates(self) -> Vec<(String, Option<Secret>)> {
        let decoded = (form_decoded(&self.id), self.decoded_secret());
        let same_id = decoded.0 == self.id;
        let same = same_id && same_secret(self.secret.as_ref(), decoded.1.as_ref());
        let as_sent = (self.id, self.secret);
        if same {
            vec![as_sent]
        } else {
            vec![as_sent, decoded]
        }
    }
}

/// One per name that is tried: a client has one counter, however its name is spelt.
fn attempts(candidates: &[(String, Option<Secret>)], address: IpAddr) -> Vec<Attempt<'_>> {
    let mut identities: Vec<&str> = candidates.iter().map(|(id, _)| id.as_str()).collect();
    identities.dedup();
    let attempt = |identity| Attempt {
        kind: "client",
        identity,
        address,
    };
    identities.into_iter().map(attempt).collect()
}

impl AuthorizationServer {
    /// Checks what a caller says it is against the clients of an API.
    ///
    /// Secrets that do not fit count against the caller's address, whether or not there is such a client; both read the same
    /// in RFC style. A name alone is no guess.
    pub(super) fn authenticate(
        &self,
        api: &CompiledApi,
        presented: Presented,
        call: Call<'_>,
    ) -> Result<Caller, OAuthFailure> {
        let now = self.now();
        let candidates = presented.candidates();
        let attempts = attempts(&candidates, call.client_ip);
        for attempt in &attempts {
            self.throttle.check(*attempt, now)?;
        }
        let mut failure = OAuthFailure::ClientAuthenticationUnknown;
        for (id, secret) in &candidates {
            match self.proven(api, id, secret.as_ref()) {
                Ok(client) => return Ok(Caller { client }),
                Err(OAuthFailure::ClientAuthenticationUnknown) => {}
                Err(other) => failure = other,
            }
        }
        if candidates.iter().any(|(_, secret)| secret.is_some()) {
            for attempt in &attempts {
                self.throttle.failed(*attempt, now);
            }
        }
        Err(failure)
    }

    fn proven(
        &self,
        api: &CompiledApi,
        id: &str,
        secret: Option<&Secret>,
    ) -> Result<Arc<ClientRecord>, OAuthFailure> {
        let owner = SecretOwner {
            kind: SecretKind::Client,
            id,
        };
        // Computed whoever is named: otherwise the time of the answer tells which clients there are.
        let presented = secret.map(|secret| self.keys.secret_verifier(owner, secret.expose()));
        let client = self
            .client(api, id)
            .ok_or(OAuthFailure::ClientAuthenticationUnknown)?;
        match (&client.secret, presented) {
            (ClientSecret::Public, None) => Ok(client),
            (ClientSecret::Confidential { .. }, None) => Err(OAuthFailure::ClientSecretMissing),
            (ClientSecret::Confidential { verifier, .. }, Some(presented))
                if presented == *verifier =>
            {
                Ok(client)
            }
            (_, Some(_)) => Err(OAuthFailure::ClientSecretWrong),
        }
    }

    /// The registration of a client with an API, unless it expired.
    pub(super) fn client(&self, api: &CompiledApi, id: &str) -> Option<Arc<ClientRecord>> {
        let client = ClientId::new(id).ok()?;
        let record = self.cluster.view().client(&ClientKey {
            api: api.id.clone(),
            client,
        })?;
        let expired = record
            .expires_at
            .is_some_and(|expires_at| expires_at <= self.now());
        (!expired).then_some(record)
    }
}

#[cfg(test)]
#[path = "client_auth_tests.rs"]
mod tests;
