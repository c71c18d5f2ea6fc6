//! `/tyk/oauth/clients`: registering, showing and deleting OAuth clients.

use actix_web::{HttpResponse, web};
use raftgate_actors::snapshot::Access;
use raftgate_cluster::batch::Lane;
use raftgate_model::answer::{Refusal, Reply};
use raftgate_model::command::{Command, NewClient, SecretOrigin};
use raftgate_model::id::{ApiId, ClientId, PolicyId};
use raftgate_model::oauth::client::{ClientRequest, ClientView, generated_id, generated_secret};
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::Secret;
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::{ClientRecord, ClientSecret};
use serde_json::Value;

use super::shape::{self, Action};
use super::{Control, ControlFailure};

/// How many clients one page of the store's listing brings.
const PAGE: usize = 1000;

pub(super) async fn create(
    control: web::Data<Control>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let text = std::str::from_utf8(&body)
        .map_err(|_| ControlFailure::Invalid("Request malformed: not valid UTF-8".into()))?;
    let separator = &control.settings.redirect_uri_separator;
    let request = ClientRequest::from_json(text, separator)
        .map_err(|faults| ControlFailure::Invalid(format!("Request malformed: {faults}")))?;
    let apis = control.apis_for(&request)?;
    let (new, secret) = control.new_client(request, apis)?;
    let proposed = control
        .cluster
        .propose(Lane::Administration, Command::CreateClient(new))
        .await?;
    let Reply::Clients(clients) = proposed.reply else {
        return Err(ControlFailure::Internal);
    };
    let client = clients.first().ok_or(ControlFailure::Internal)?;
    // An identical client may have been there before: then it kept its secret, and the one made now opens nothing.
    let fresh = secret.filter(|secret| control.is_secret_of(client, secret));
    let shown = control.secret_of(client)?.or(fresh);
    let response = json(&view(client, shown.as_ref()));
    Ok(shape::noted(response, client.id.as_str(), "added"))
}

/// The clients of an API; of one that is not there Tyk says 404 and `null`.
pub(super) async fn list(
    control: web::Data<Control>,
    api: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    match control.known_api(&api) {
        Some(api) => shape::documents(move || control.client_texts(&api)).await,
        None => Ok(HttpResponse::NotFound().json(Value::Null)),
    }
}

pub(super) async fn get(
    control: web::Data<Control>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ControlFailure> {
    let client = control
        .registration(&path)
        .and_then(|key| control.cluster.view().client(&key));
    let client = client.ok_or(ControlFailure::NotFound("OAuth Client ID not found"))?;
    let secret = control.secret_of(&client)?;
    Ok(json(&view(&client, secret.as_ref())))
}

/// Deleting a client that is not there is no error; an API that is not there is.
pub(super) async fn delete(
    control: web::Data<Control>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ControlFailure> {
    let key = control
        .registration(&path)
        .filter(|key| control.known_api(key.api.as_str()).is_some())
        .ok_or(ControlFailure::NotFound("OAuth Client ID not found"))?;
    let command = Command::DeleteClient(key.clone());
    control.cluster.propose(Lane::Revocation, command).await?;
    Ok(shape::modified(key.client.as_str(), Action::Deleted, &[]))
}

fn view<'a>(client: &'a ClientRecord, secret: Option<&'a Secret>) -> ClientView<'a> {
    ClientView {
        id: &client.id,
        secret,
        public: client.secret.is_public(),
        expires_at: client.expires_at,
        text: &client.text,
    }
}

fn json(view: &ClientView<'_>) -> HttpResponse {
    shape::document(view.to_json().expose().to_owned())
}

fn owner_of(client: &ClientId) -> SecretOwner<'_> {
    SecretOwner {
        kind: SecretKind::Client,
        id: client.as_str(),
    }
}

impl Control {
    fn known_api(&self, id: &str) -> Option<ApiId> {
        let id = ApiId::new(id).ok()?;
        self.cluster.view().api(&id).map(|api| api.id.clone())
    }

    fn client_texts(&self, api: &ApiId) -> Result<Vec<String>, ControlFailure> {
        let mut texts = Vec::new();
        let mut after: Option<ClientId> = None;
        loop {
            let clients = self.cluster.view().clients_of(api, after.as_ref(), PAGE);
            for client in &clients {
                let secret = self.secret_of(client)?;
                texts.push(view(client, secret.as_ref()).to_json().expose().to_owned());
            }
            match clients.last() {
                Some(last) => after = Some(last.id.clone()),
                None => return Ok(texts),
            }
        }
    }

    fn registration(&self, (api, client): &(String, String)) -> Option<ClientKey> {
        Some(ClientKey {
            api: ApiId::new(api).ok()?,
            client: ClientId::new(client).ok()?,
        })
    }

    /// The APIs that a registration is for: the one it names, else every OAuth API of its policy and organisation.
    ///
    /// Whether the policy of a registration that names its API is there and fits is seen when a token is asked for (Tyk).
    fn apis_for(&self, request: &ClientRequest) -> Result<Vec<ApiId>, ControlFailure> {
        let snapshot = self.registry.source().current();
        let is_oauth = |id: &ApiId| {
            snapshot
                .api(id)
                .is_some_and(|api| matches!(api.access, Access::OAuth(_)))
        };
        let no_api = || ControlFailure::Invalid("API doesn't exist".into());
        let no_oauth = || ControlFailure::Invalid("API is not OAuth2".into());
        if let Some(id) = &request.api {
            let id = self.known_api(id.as_str()).ok_or_else(no_api)?;
            return if is_oauth(&id) {
                Ok(vec![id])
            } else {
                Err(no_oauth())
            };
        }
        let named = request
            .text
            .policy
            .as_ref()
            .and_then(|id: &PolicyId| snapshot.policy(id));
        let policy = named.ok_or_else(|| ControlFailure::from(Refusal::UnknownPolicy))?;
        let rights = policy.policy.access_rights.apis();
        let mut apis = Vec::new();
        for id in rights {
            let id = self.known_api(id.as_str()).ok_or_else(no_api)?;
            if is_oauth(&id) {
                apis.push(id);
            }
        }
        if apis.is_empty() {
            return Err(no_oauth());
        }
        let fits = |id: &ApiId| {
            let api = snapshot.api(id);
            api.is_some_and(|api| snapshot.policy_for(api, &policy.id).is_some())
        };
        apis.retain(fits);
        if apis.is_empty() {
            return Err(ControlFailure::Invalid(
                "Policy belongs to another organisation than its APIs".into(),
            ));
        }
        Ok(apis)
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

    fn is_secret_of(&self, client: &ClientRecord, secret: &Secret) -> bool {
        let presented = self
            .keys
            .secret_verifier(owner_of(&client.id), secret.expose());
        matches!(&client.secret, ClientSecret::Confidential { verifier, .. } if *verifier == presented)
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
