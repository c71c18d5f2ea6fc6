//! Clients as the control listener registers, changes and shows them, whichever door is used.

use std::ops::Range;
use std::sync::Arc;

use raftgate_actors::snapshot::CompiledApi;
use raftgate_cluster::batch::Lane;
use raftgate_model::answer::{Refusal, Reply};
use raftgate_model::command::{ClientUpdate, Command, NewClient, NewSecret, SecretOrigin};
use raftgate_model::id::{ApiId, ClientId};
use raftgate_model::oauth::client::{
    ClientChange, ClientRequest, ClientView, generated_id, generated_secret,
};
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::Secret;
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::{ClientRecord, ClientSecret};
use serde::Deserialize;

use super::failure::{API_ABSENT, CLIENT_ABSENT, POLICY_ABSENT};
use super::in_force::Standing;
use super::listings::{LISTED_MAX, wanted};
use super::{Control, ControlFailure};

/// How many clients one page of the store's listing brings.
const PAGE: usize = 1000;

/// What is said of a client that is not there.
pub(super) const NO_CLIENT: ControlFailure = ControlFailure::NotFound(CLIENT_ABSENT);

/// A client as a path names it.
#[derive(Deserialize)]
pub(super) struct ClientName {
    pub(super) api: String,
    pub(super) client: String,
}

/// A client that was written, as its caller is shown it.
pub(super) struct ShownClient {
    pub(super) id: ClientId,
    pub(super) json: String,
}

/// Clients of an API as a listing shows them.
#[derive(Default)]
pub(super) struct ClientTexts {
    /// Those that are wanted.
    pub(super) texts: Vec<String>,
    /// How many there are.
    pub(super) count: usize,
}

impl ClientTexts {
    /// All of them, unless they are too many for one listing.
    pub(super) fn whole(self) -> Result<Vec<String>, ControlFailure> {
        if self.count > LISTED_MAX {
            return Err(ControlFailure::Invalid(format!(
                "the API has more than {LISTED_MAX} clients: ask /api/apis/oauth/{{api_id}}?p=1 for them by page"
            )));
        }
        Ok(self.texts)
    }
}

impl Control {
    /// Registers a client.
    pub(super) async fn register(
        &self,
        request: ClientRequest,
    ) -> Result<ShownClient, ControlFailure> {
        let apis = self.apis_for(&request)?;
        let (new, secret) = self.new_client(request, apis)?;
        self.write_client(Lane::Administration, Command::CreateClient(new), secret)
            .await
    }

    /// Replaces what a registration says; another policy than before ends its tokens.
    pub(super) async fn change(
        &self,
        name: &ClientName,
        change: ClientChange,
    ) -> Result<ShownClient, ControlFailure> {
        let api = self.api_named(name)?;
        if let Some(id) = &change.text.policy {
            let no_policy = ControlFailure::NotFound(POLICY_ABSENT);
            let policy = self.policy_in_force(id)?.ok_or(no_policy)?;
            if policy.policy.access_rights.get(&api).is_none() {
                return Err(ControlFailure::Invalid(
                    "Policy access rights doesn't contain API this OAuth client belongs to".into(),
                ));
            }
        }
        let key = ClientKey {
            api,
            client: ClientId::new(&name.client).map_err(|_| NO_CLIENT)?,
        };
        let known = self.cluster.view().client(&key).ok_or(NO_CLIENT)?;
        if change
            .public
            .is_some_and(|public| public != known.secret.is_public())
        {
            return Err(ControlFailure::Invalid(
                "public: cannot be changed, register another client".into(),
            ));
        }
        let update = ClientUpdate {
            key,
            text: change.text,
            expires_at: change.expires_at,
        };
        self.write_client(Lane::Revocation, Command::UpdateClient(update), None)
            .await
    }

    /// Gives a registration another secret; the old one is dead when this returns, tokens stay.
    pub(super) async fn rotate(&self, name: &ClientName) -> Result<ShownClient, ControlFailure> {
        let key = ClientKey {
            api: self.api_named(name)?,
            client: ClientId::new(&name.client).map_err(|_| NO_CLIENT)?,
        };
        let secret = self.new_secret();
        let rotate = NewSecret {
            secret: self.kept(&key.client, &secret)?,
            key,
        };
        let command = Command::RotateClientSecret(rotate);
        self.write_client(Lane::Revocation, command, Some(secret))
            .await
    }

    /// Deletes a registration and ends its tokens; one that is not there is no error, an API that is not there is.
    pub(super) async fn unregister(&self, name: &ClientName) -> Result<ClientId, ControlFailure> {
        let key = self.registration(name).ok_or(NO_CLIENT)?;
        let client = key.client.clone();
        let command = Command::DeleteClient(key);
        self.cluster.propose(Lane::Revocation, command).await?;
        Ok(client)
    }

    /// A client as it is shown.
    pub(super) fn client_text(&self, name: &ClientName) -> Result<String, ControlFailure> {
        let key = self.registration(name).ok_or(NO_CLIENT)?;
        let client = self.cluster.view().client(&key).ok_or(NO_CLIENT)?;
        self.shown(&client, None)
    }

    async fn write_client(
        &self,
        lane: Lane,
        command: Command,
        secret: Option<Secret>,
    ) -> Result<ShownClient, ControlFailure> {
        let proposed = self.cluster.propose(lane, command).await?;
        let Reply::Clients(clients) = proposed.reply else {
            return Err(ControlFailure::Internal);
        };
        let client = clients.first().ok_or(ControlFailure::Internal)?;
        Ok(ShownClient {
            id: client.id.clone(),
            json: self.shown(client, secret)?,
        })
    }

    /// An identical client may have been there before: then it kept its secret, and the one made now opens nothing.
    fn shown(&self, client: &ClientRecord, made: Option<Secret>) -> Result<String, ControlFailure> {
        let made = made.filter(|secret| client.has_secret(&self.keys, secret));
        let secret = self.secret_of(client)?.or(made);
        let view = ClientView {
            id: &client.id,
            secret: secret.as_ref(),
            public: client.secret.is_public(),
            expires_at: client.expires_at,
            text: &client.text,
        };
        Ok(view.to_json().expose().to_owned())
    }

    fn api_named(&self, name: &ClientName) -> Result<ApiId, ControlFailure> {
        let api = self.known_api(&name.api);
        api.ok_or(ControlFailure::NotFound(API_ABSENT))
    }

    /// The id of an API that is there.
    pub(super) fn known_api(&self, id: &str) -> Option<ApiId> {
        let id = ApiId::new(id).ok()?;
        self.cluster.view().api(&id).map(|api| api.id.clone())
    }

    /// Those of the clients of an API that are wanted, as they are shown.
    pub(super) fn client_texts(
        &self,
        api: &ApiId,
        wanted: &Range<usize>,
    ) -> Result<ClientTexts, ControlFailure> {
        let mut listed = ClientTexts::default();
        let mut after: Option<ClientId> = None;
        loop {
            let clients = self.cluster.view().clients_of(api, after.as_ref(), PAGE);
            for client in &clients {
                if wanted.contains(&listed.count) {
                    listed.texts.push(self.shown(client, None)?);
                }
                listed.count = listed.count.saturating_add(1);
            }
            match clients.last() {
                Some(last) => after = Some(last.id.clone()),
                None => return Ok(listed),
            }
        }
    }

    /// Every client of an API as it is shown, unless there are too many for one listing.
    pub(super) fn all_clients(&self, api: &ApiId) -> Result<Vec<String>, ControlFailure> {
        self.client_texts(api, &wanted(None))?.whole()
    }

    /// The place of a client at an API that is there.
    fn registration(&self, name: &ClientName) -> Option<ClientKey> {
        Some(ClientKey {
            api: self.known_api(&name.api)?,
            client: ClientId::new(&name.client).ok()?,
        })
    }

    /// The APIs that a registration is for: the one it names, else every OAuth API of its policy and organisation.
    ///
    /// An API that cannot be judged now refuses it, an inactive one too: left out, it would lack the client for good.
    /// Whether the policy of a registration that names its API is there and fits is seen when a token is asked for (Tyk).
    fn apis_for(&self, request: &ClientRequest) -> Result<Vec<ApiId>, ControlFailure> {
        let no_oauth = || ControlFailure::Invalid("API is not OAuth2".into());
        if let Some(id) = &request.api {
            let api = self.registrable(id)?.ok_or_else(no_oauth)?;
            return Ok(vec![api.id.clone()]);
        }
        let named = request.text.policy.as_ref();
        let named = named.map(|id| self.policy_in_force(id)).transpose()?;
        let unknown = || ControlFailure::from(Refusal::UnknownPolicy);
        let policy = named.flatten().ok_or_else(unknown)?;
        let rights = policy.policy.access_rights.apis();
        let mut apis = Vec::new();
        for id in rights {
            apis.extend(self.registrable(id)?);
        }
        if apis.is_empty() {
            return Err(no_oauth());
        }
        apis.retain(|api| api.org == policy.policy.org);
        if apis.is_empty() {
            return Err(ControlFailure::Invalid(
                "Policy belongs to another organisation than its APIs".into(),
            ));
        }
        Ok(apis.iter().map(|api| api.id.clone()).collect())
    }

    /// An API that clients can be registered with now; none if it is no OAuth API.
    fn registrable(&self, id: &ApiId) -> Result<Option<Arc<CompiledApi>>, ControlFailure> {
        match self.oauth_api(id)? {
            Standing::Meant(api) => Ok(Some(api)),
            Standing::Other => Ok(None),
            Standing::Inactive(_) => Err(ControlFailure::Invalid(format!(
                "{API_ABSENT}: {id} is not active"
            ))),
            Standing::Absent => Err(ControlFailure::Invalid(API_ABSENT.into())),
        }
    }

    /// The command that registers a client, and its secret unless it has none.
    fn new_client(
        &self,
        request: ClientRequest,
        apis: Vec<ApiId>,
    ) -> Result<(NewClient, Option<Secret>), ControlFailure> {
        let id = match request.id {
            Some(id) => id,
            None => ClientId::new(&generated_id(self.entropy.bytes16()))
                .map_err(|_| ControlFailure::Internal)?,
        };
        let (secret, origin) = match (request.public, request.secret) {
            (true, _) => (None, SecretOrigin::Generated),
            (false, Some(given)) => (Some(given), SecretOrigin::Given),
            (false, None) => (Some(self.new_secret()), SecretOrigin::Generated),
        };
        let kept = match &secret {
            None => ClientSecret::Public,
            Some(secret) => self.kept(&id, secret)?,
        };
        let new = NewClient {
            apis,
            id,
            secret: kept,
            origin,
            text: request.text,
            expires_at: request.expires_at,
        };
        Ok((new, secret))
    }

    fn new_secret(&self) -> Secret {
        let mut random = [0; 32];
        self.entropy.fill(&mut random);
        generated_secret(&random)
    }

    fn kept(&self, id: &ClientId, secret: &Secret) -> Result<ClientSecret, ControlFailure> {
        let owner = owner_of(id);
        let verifier = self.keys.secret_verifier(owner, secret.expose());
        if self.settings.hash_client_secrets {
            return Ok(ClientSecret::Confidential {
                verifier,
                sealed: None,
            });
        }
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let key = self.cluster.view().meta().active_key;
        let sealed = self.keys.seal(key, owner, nonce, secret);
        let sealed = sealed.map_err(|_| ControlFailure::Internal)?;
        Ok(ClientSecret::Confidential {
            verifier,
            sealed: Some(sealed),
        })
    }

    /// A client's secret in clear, where it is kept.
    fn secret_of(&self, client: &ClientRecord) -> Result<Option<Secret>, ControlFailure> {
        let ClientSecret::Confidential {
            sealed: Some(sealed),
            ..
        } = &client.secret
        else {
            return Ok(None);
        };
        let opened = self.keys.open(owner_of(&client.id), sealed);
        opened.map(Some).map_err(|fault| {
            tracing::error!(client = %client.id, %fault, "client secret cannot be opened");
            ControlFailure::Internal
        })
    }
}

fn owner_of(client: &ClientId) -> SecretOwner<'_> {
    SecretOwner {
        kind: SecretKind::Client,
        id: client.as_str(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use super::*;

    #[test]
    fn clients_are_listed_at_once_unless_they_are_too_many() {
        let listed = |count| ClientTexts {
            texts: vec![String::new()],
            count,
        };
        assert_eq!(listed(LISTED_MAX).whole().unwrap(), [""]);
        let refused = listed(LISTED_MAX + 1).whole().unwrap_err();
        assert!(refused.to_string().contains("by page"), "{refused}");
    }
}
