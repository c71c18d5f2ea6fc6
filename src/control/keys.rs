//! `/tyk/keys`: keys and basic-auth users are made, shown, listed, changed and deleted.
//!
//! A key's text is a secret: answers repeat it, the log does not.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use raftgate_cluster::batch::Lane;
use raftgate_model::answer::Reply;
use raftgate_model::command::{
    ApiKeyNaming, Command, PasswordChange, PutApiKey, Revoke, RevokeOwner, RevokeTarget,
};
use raftgate_model::id::{ApiKeyId, OrgId};
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::Secret;
use raftgate_model::session::{InvalidCustomId, custom_id};
use raftgate_model::state::record::{ApiKeyName, ApiKeyRecord};
use raftgate_model::token::{ApiKeyToken, TokenKind};
use serde::{Deserialize, Serialize};

use super::failure::KEY_ABSENT;
use super::key_lookup::{Found, KeyQuery};
use super::key_session::{GivenSession, ReadSession};
use super::listener::wrong_method;
use super::shape::{self, Action};
use super::{Control, ControlFailure, key_policy};

/// What a password says that comes for a generated key.
const USER_WITHOUT_NAME: &str = "a user needs a name: POST /tyk/keys/{name}";

/// Where keys stand on the control listener.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/tyk/keys")
            .get(list)
            .post(create)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/keys/create")
            .post(create)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/keys/preview")
            .post(preview)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/keys/policy/{key}")
            .post(key_policy::change)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/keys/{key}")
            .get(get)
            .post(put_named)
            .put(update)
            .delete(delete)
            .default_service(web::to(wrong_method)),
    );
}

/// Which keys are listed.
#[derive(Deserialize)]
struct ListQuery {
    filter: Option<String>,
    api_id: Option<String>,
}

/// Tyk's answer to a key that was made or changed.
#[derive(Serialize)]
struct Stored<'a> {
    key: &'a str,
    status: &'static str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_hash: Option<String>,
}

async fn list(
    control: web::Data<Control>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, ControlFailure> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (org, api) = (filled(&query.filter), filled(&query.api_id));
    if api.is_some() && org.is_none() && !control.compat.hash_keys {
        return Err(ControlFailure::Invalid(
            "filter is required where api_id is given".into(),
        ));
    }
    let place = control.listings.enter().await?;
    let listed = web::block(move || {
        let _place = place;
        control.list_keys(org.as_deref(), api.as_deref())
    });
    let keys = listed.await.map_err(|_| ControlFailure::Internal)??;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "keys": keys })))
}

async fn create(
    control: web::Data<Control>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let given = GivenSession::read(&control, body, &OrgId::default()).await?;
    if given.password.is_some() {
        return Err(ControlFailure::Invalid(USER_WITHOUT_NAME.into()));
    }
    let id = ApiKeyId::from_bytes(control.entropy.bytes16());
    let put = given.command(id, ApiKeyNaming::Generated);
    let key = control.put_key(put).await?;
    let key = key.ok_or(ControlFailure::Internal)?;
    Ok(stored(&control, key.expose(), Action::Added, id, &given))
}

/// Creates or replaces a key under a text that the caller chose, or a user under a name.
async fn put_named(
    control: web::Data<Control>,
    key: web::Path<String>,
    query: web::Query<KeyQuery>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    if query.is_hashed() {
        return replace(&control, &key, &query, body).await;
    }
    if key.starts_with(TokenKind::ApiKey.prefix()) {
        let not_ours = |_| ControlFailure::Invalid(InvalidCustomId::Reserved.to_string());
        control.keys.verify_api_key(&key).map_err(not_ours)?;
        return replace(&control, &key, &query, body).await;
    }
    let mut given = GivenSession::read(&control, body, &OrgId::default()).await?;
    given.refuse_user_without_password()?;
    let name = custom_id(&given.org, &key)
        .map_err(|invalid| ControlFailure::Invalid(invalid.to_string()))?;
    let id = control.keys.custom_key_id(&given.org, name);
    let sealed = control.seal_name(id, name)?;
    let is_user = given.password.is_some();
    let mut put = given.command(id, ApiKeyNaming::Custom(sealed));
    put.password = control.password_change(given.password.take()).await?;
    control.put_key(put).await?;
    let text = format!("{}{name}", given.org);
    // As in Tyk: with hashing, a user's name is not told again.
    let shown = if is_user && control.compat.hash_keys {
        ""
    } else {
        &text
    };
    Ok(stored(&control, shown, Action::Added, id, &given))
}

/// Replaces the key or user that a hash or a generated text stands for; what is not there is not made, for its text cannot be chosen.
async fn replace(
    control: &Control,
    key: &str,
    query: &KeyQuery,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let found = control.find_key(key, query)?;
    let (id, mut given) = given_for(control, found, body).await?;
    let mut put = given.command(id, ApiKeyNaming::Replaced);
    put.password = control.password_change(given.password.take()).await?;
    control.put_key(put).await?;
    Ok(stored(control, key, Action::Added, id, &given))
}

/// The key or user that was found, and the session that a request gives it; without an organisation it is of the key's.
///
/// What is no session is said first, then that the key is not there: what a session may hold depends on whose key it is.
async fn given_for(
    control: &Control,
    found: Option<Found>,
    body: web::Bytes,
) -> Result<(ApiKeyId, GivenSession), ControlFailure> {
    let read = ReadSession::of(control, body).await?;
    let (id, record) = changeable(found)?;
    let given = GivenSession::judge(control, read, &record.org)?;
    if given.org != record.org {
        return Err(ControlFailure::Invalid(
            "a key does not move to another organisation: make it there and delete it here".into(),
        ));
    }
    if matches!(record.name, ApiKeyName::Custom(_)) && !record.is_user() {
        given.refuse_user_without_password()?;
    }
    // It would be a user whom nobody can name, and a key no more.
    if given.password.is_some() && matches!(record.name, ApiKeyName::Generated(_)) {
        return Err(ControlFailure::Invalid(USER_WITHOUT_NAME.into()));
    }
    Ok((id, given))
}

/// The key or user that was found; the session of a token is not its own.
pub(super) fn changeable(
    found: Option<Found>,
) -> Result<(ApiKeyId, Arc<ApiKeyRecord>), ControlFailure> {
    match found {
        Some(Found::Key(id, record)) => Ok((id, record)),
        Some(Found::Token(..)) => Err(ControlFailure::Invalid(
            "the session of an OAuth token is its client's: change the policy, or revoke the token"
                .into(),
        )),
        None => Err(ControlFailure::NotFound(KEY_ABSENT)),
    }
}

async fn update(
    control: web::Data<Control>,
    key: web::Path<String>,
    query: web::Query<KeyQuery>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let found = control.find_key(&key, &query)?;
    let (id, mut given) = given_for(&control, found, body).await?;
    let mut put = given.command(id, ApiKeyNaming::Updated);
    put.password = control.password_change(given.password.take()).await?;
    control.put_key(put).await?;
    Ok(stored(&control, &key, Action::Modified, id, &given))
}

async fn get(
    control: web::Data<Control>,
    key: web::Path<String>,
    query: web::Query<KeyQuery>,
) -> Result<HttpResponse, ControlFailure> {
    let text = match control.find_key(&key, &query)? {
        Some(Found::Key(_, record)) => control.shown_key(&record)?,
        Some(Found::Token(_, grant)) => control.shown_token(&grant)?,
        None => return Err(ControlFailure::NotFound("Key not found")),
    };
    Ok(shape::document(text))
}

async fn delete(
    control: web::Data<Control>,
    key: web::Path<String>,
    query: web::Query<KeyQuery>,
) -> Result<HttpResponse, ControlFailure> {
    const NONE: ControlFailure = ControlFailure::NotFound("There is no such key found");
    let command = match control.find_key(&key, &query)?.ok_or(NONE)? {
        Found::Key(id, _) => Command::DeleteApiKey(id),
        Found::Token(id, _) => Command::Revoke(Revoke {
            target: RevokeTarget::Access(id),
            owner: RevokeOwner::Anyone,
        }),
    };
    let proposed = control.cluster.propose(Lane::Revocation, command).await?;
    match proposed.reply {
        Reply::Stored { existed: true } | Reply::Revoked { found: true } => {
            Ok(shape::deleted_secret(&key))
        }
        _ => Err(NONE),
    }
}

/// What a session would come to with its policy.
async fn preview(
    control: web::Data<Control>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let given = GivenSession::read(&control, body, &OrgId::default()).await?;
    control.preview(&given).map(shape::document)
}

/// Tyk's answer to a key that was made or changed; only a new one is told its hash. What has no effect is for the log.
pub(super) fn stored(
    control: &Control,
    key: &str,
    action: Action,
    id: ApiKeyId,
    given: &GivenSession,
) -> HttpResponse {
    let is_new = action == Action::Added;
    control.warn_of("key", &given.warnings);
    HttpResponse::Ok().json(Stored {
        key,
        status: "ok",
        action: action.word(),
        key_hash: (control.compat.hash_keys && is_new).then(|| id.to_string()),
    })
}

impl Control {
    /// Stores a key; its text if it is a generated one.
    pub(super) async fn put_key(&self, put: PutApiKey) -> Result<Option<Secret>, ControlFailure> {
        let id = put.id;
        let proposed = self
            .cluster
            .propose(Lane::Administration, Command::PutApiKey(put))
            .await?;
        let Reply::ApiKey { birth, .. } = proposed.reply else {
            return Err(ControlFailure::Internal);
        };
        let minted = birth.map(|birth| self.keys.mint_api_key(&ApiKeyToken { birth, id }));
        minted.transpose().map_err(|_| ControlFailure::Internal)
    }

    fn seal_name(
        &self,
        id: ApiKeyId,
        name: &str,
    ) -> Result<raftgate_model::seal::Sealed, ControlFailure> {
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let owner = SecretOwner {
            kind: SecretKind::ApiKeyName,
            id: &id.to_string(),
        };
        let key = self.cluster.view().meta().active_key;
        let sealed = self.keys.seal(key, owner, nonce, &Secret::from(name));
        sealed.map_err(|_| ControlFailure::Internal)
    }

    /// Hashes a password that came with a session, off this thread.
    async fn password_change(
        &self,
        password: Option<Secret>,
    ) -> Result<PasswordChange, ControlFailure> {
        let Some(password) = password else {
            return Ok(PasswordChange::Kept);
        };
        // Such a one could never be presented: Basic credentials are split at every colon (Tyk).
        if password.expose().contains(':') {
            return Err(ControlFailure::Invalid(
                "basic_auth_data.password: must not hold a colon".into(),
            ));
        }
        let hash = self.oauth.users().hash(password).await;
        let busy = |error: crate::credentials::PoolBusy| ControlFailure::NotCarriedOut {
            reason: error.to_string(),
            retry_after: raftgate_model::time::Ttl::from_s(1),
        };
        let too_long = || ControlFailure::Invalid("basic_auth_data.password: is too long".into());
        hash.map_err(busy)?
            .map(PasswordChange::Set)
            .ok_or_else(too_long)
    }
}
