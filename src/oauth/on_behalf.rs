//! Revoking on behalf of a client: an operator who holds the control secret asks, at every API of the client.

use std::net::IpAddr;
use std::sync::Arc;

use raftgate_cluster::batch::Lane;
use raftgate_cluster::error::ProposeError;
use raftgate_model::answer::Refusal;
use raftgate_model::command::{Command, Revoke, RevokeOwner, RevokeTarget};
use raftgate_model::id::{ApiId, ClientId, GrantId, OrgId};
use raftgate_model::secret::Secret;
use raftgate_model::state::record::ClientRecord;
use raftgate_model::state::{ClientKey, Subject};

use super::AuthorizationServer;
use super::throttle::{Attempt, TooManyFailures};

/// How many APIs of one client are looked at.
pub const REGISTRATIONS_MAX: usize = 4096;

/// For whom an operator asks.
pub struct OnBehalf<'a> {
    /// The `client_id`.
    pub client: &'a ClientId,
    /// The organisation whose APIs are meant, all of them without.
    pub org: Option<&'a OrgId>,
    /// The client's secret, if the operator sent it: then it must be right.
    pub secret: Option<&'a str>,
    /// Where the operator asks from.
    pub address: IpAddr,
}

/// Tyk's words for a client that no API knows.
pub const CLIENT_UNKNOWN: &str = "oauth client doesn't exist";
/// Tyk's words for another secret than the client's.
pub const SECRET_WRONG: &str = "client secret is wrong";

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub enum OnBehalfFault {
    /// No API that is meant knows the client.
    #[error("{CLIENT_UNKNOWN}")]
    UnknownClient,
    /// The secret is not the client's.
    #[error("{SECRET_WRONG}")]
    SecretWrong,
    /// Too many wrong secrets came for this client from this address.
    #[error("too many failed attempts, try again later")]
    TooMany(TooManyFailures),
    /// It could not be written.
    #[error(transparent)]
    Propose(#[from] ProposeError),
}

impl AuthorizationServer {
    /// Ends one token of a client; one that is unknown or another client's is left alone without a word.
    ///
    /// The token may be its text or what listings with `compat.hash_keys` show of it.
    ///
    /// # Errors
    /// See [`OnBehalfFault`].
    pub async fn revoke_on_behalf(
        &self,
        order: &OnBehalf<'_>,
        token: &str,
    ) -> Result<(), OnBehalfFault> {
        let clients = self.registrations(order)?;
        let listed = || listed_grant(token).map(RevokeTarget::Access);
        let Some(target) = self.revoke_target(token).or_else(listed) else {
            return Ok(());
        };
        let apis: Vec<ApiId> = clients.iter().map(|client| client.api.clone()).collect();
        let owner = RevokeOwner::ClientAt {
            client: order.client.clone(),
            apis: apis.into(),
        };
        let command = Command::Revoke(Revoke { target, owner });
        match self.cluster.propose(Lane::Revocation, command).await {
            Ok(_) | Err(ProposeError::Refused(Refusal::NotYours)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends every token of a client.
    ///
    /// # Errors
    /// See [`OnBehalfFault`]; of several APIs some may be done by then, and asking again does the rest.
    pub async fn revoke_all_on_behalf(&self, order: &OnBehalf<'_>) -> Result<(), OnBehalfFault> {
        for client in self.registrations(order)? {
            let command = Command::RevokeAll(Subject::Client(client.key()));
            self.cluster.propose(Lane::Revocation, command).await?;
        }
        Ok(())
    }

    /// Ends a refresh token of an API and leaves its access token; whether there is such a token is not told (Tyk).
    ///
    /// # Errors
    /// It could not be written.
    pub async fn invalidate_refresh(&self, api: &ApiId, token: &str) -> Result<(), ProposeError> {
        let Ok(token) = self.keys.verify_refresh(token) else {
            return Ok(());
        };
        let revoke = Revoke {
            target: RevokeTarget::RefreshAlone(token.family),
            owner: RevokeOwner::Api(api.clone()),
        };
        let command = Command::Revoke(revoke);
        match self.cluster.propose(Lane::Revocation, command).await {
            Ok(_) | Err(ProposeError::Refused(Refusal::NotYours)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether a client of this name is registered anywhere that is meant, and every registration there is public.
    #[must_use]
    pub fn is_public(&self, client: &ClientId, org: Option<&OrgId>) -> bool {
        let clients = self.meant(client, org);
        !clients.is_empty() && clients.iter().all(|client| client.secret.is_public())
    }

    /// The registrations that are meant: with a secret, those that it is the secret of.
    fn registrations(&self, order: &OnBehalf<'_>) -> Result<Vec<Arc<ClientRecord>>, OnBehalfFault> {
        let clients = self.meant(order.client, order.org);
        if clients.is_empty() {
            return Err(OnBehalfFault::UnknownClient);
        }
        let Some(secret) = order.secret else {
            return Ok(clients);
        };
        let now = self.now();
        let attempt = Attempt {
            kind: "client",
            identity: order.client.as_str(),
            address: order.address,
        };
        self.throttle
            .check(attempt, now)
            .map_err(OnBehalfFault::TooMany)?;
        let secret = Secret::new(secret.to_owned());
        let fitting = clients.into_iter();
        let fitting: Vec<_> = fitting
            .filter(|client| client.has_secret(&self.keys, &secret))
            .collect();
        if fitting.is_empty() {
            self.throttle.failed(attempt, now);
            return Err(OnBehalfFault::SecretWrong);
        }
        Ok(fitting)
    }

    fn meant(&self, client: &ClientId, org: Option<&OrgId>) -> Vec<Arc<ClientRecord>> {
        let view = self.cluster.view();
        let is_meant =
            |api: &ApiId| org.is_none_or(|org| view.api(api).is_some_and(|api| api.org == *org));
        let apis = view.apis_of(client, REGISTRATIONS_MAX).into_iter();
        apis.filter(is_meant)
            .filter_map(|api| {
                view.client(&ClientKey {
                    api,
                    client: client.clone(),
                })
            })
            .collect()
    }
}

/// The grant that a listing with `compat.hash_keys` names: 32 hexadecimal digits, from which no token can be made.
fn listed_grant(text: &str) -> Option<GrantId> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if text.len() != 32 || !text.bytes().all(is_digit) {
        return None;
    }
    let id = u128::from_str_radix(text, 16).ok()?;
    Some(GrantId::from_bytes(id.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_listing_shows_names_a_grant() {
        let id = GrantId::from_bytes([0xA7; 16]);
        assert_eq!(listed_grant(&id.to_string()), Some(id));
        let upper = id.to_string().to_uppercase();
        let long = format!("{id}0");
        for wrong in ["", "a7", &upper, &long, "+7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7"] {
            assert_eq!(listed_grant(wrong), None, "{wrong}");
        }
    }
}
