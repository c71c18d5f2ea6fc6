//! Registration and deletion of clients.

use std::sync::Arc;

use crate::answer::{Refusal, Reply};
use crate::command::{AuthenticatedClient, ClientUpdate, NewClient, NewSecret, SecretOrigin};
use crate::state::record::{ClientRecord, ClientSecret};
use crate::state::{ClientKey, ReadState, Record, RecordKey, Subject, Txn};

/// Registers a client with every API named, or with none of them.
///
/// Where it is registered already nothing changes, and further APIs get the secret that the client has there. The gateway's
/// snapshot holds no clients, so configuration stays as it is.
pub(super) fn create<S: ReadState>(
    txn: &mut Txn<'_, S>,
    new: &NewClient,
) -> Result<Reply, Refusal> {
    let mut keys = Vec::with_capacity(new.apis.len());
    let mut secret = None;
    for api in &new.apis {
        let key = ClientKey {
            api: txn.api(api).ok_or(Refusal::UnknownApi)?.id.clone(),
            client: new.id.clone(),
        };
        let old = txn.client(&key);
        match &old {
            Some(old) if is_identical(old, new) => {
                secret.get_or_insert_with(|| old.secret.clone());
            }
            Some(_) => return Err(Refusal::ClientExists),
            None => {}
        }
        keys.push((key, old));
    }
    let secret = secret.as_ref().unwrap_or(&new.secret);
    let mut clients = Vec::with_capacity(keys.len());
    for (key, old) in keys {
        clients.push(old.unwrap_or_else(|| register(txn, key, new, secret)));
    }
    Ok(Reply::Clients(clients.into()))
}

fn register<S: ReadState>(
    txn: &mut Txn<'_, S>,
    key: ClientKey,
    new: &NewClient,
    secret: &ClientSecret,
) -> Arc<ClientRecord> {
    let client = Arc::new(ClientRecord {
        api: key.api.clone(),
        id: key.client.clone(),
        secret: secret.clone(),
        text: new.text.clone(),
        expires_at: new.expires_at,
        credentials_revision: txn.revision(),
    });
    txn.put(RecordKey::Client(key), Record::Client(client.clone()));
    client
}

fn is_identical(old: &ClientRecord, new: &NewClient) -> bool {
    let same_secret = match (&old.secret, &new.secret, new.origin) {
        (ClientSecret::Public, ClientSecret::Public, _) => true,
        (
            ClientSecret::Confidential { .. },
            ClientSecret::Confidential { .. },
            SecretOrigin::Generated,
        ) => true,
        (
            ClientSecret::Confidential { verifier: old, .. },
            ClientSecret::Confidential { verifier: new, .. },
            SecretOrigin::Given,
        ) => old == new,
        _ => false,
    };
    same_secret && old.text == new.text && old.expires_at == new.expires_at
}

/// Replaces what a registration says; a client that had a policy and gets another or none loses its tokens (Tyk).
pub(super) fn update<S: ReadState>(
    txn: &mut Txn<'_, S>,
    update: &ClientUpdate,
) -> Result<Reply, Refusal> {
    let old = txn.client(&update.key).ok_or(Refusal::UnknownClient)?;
    let new = ClientRecord {
        text: update.text.clone(),
        expires_at: update.expires_at,
        ..(*old).clone()
    };
    if old.text.policy.is_some() && old.text.policy != new.text.policy {
        txn.mark(Subject::Client(update.key.clone()));
    }
    Ok(replaced(txn, &update.key, new))
}

/// Gives a registration another secret; the old one proves nothing any more, and tokens stay (Tyk).
pub(super) fn rotate<S: ReadState>(
    txn: &mut Txn<'_, S>,
    new: &NewSecret,
) -> Result<Reply, Refusal> {
    let old = txn.client(&new.key).ok_or(Refusal::UnknownClient)?;
    if old.secret.is_public() {
        return Err(Refusal::PublicClient);
    }
    let rotated = ClientRecord {
        secret: new.secret.clone(),
        credentials_revision: txn.revision(),
        ..(*old).clone()
    };
    Ok(replaced(txn, &new.key, rotated))
}

fn replaced<S: ReadState>(txn: &mut Txn<'_, S>, key: &ClientKey, client: ClientRecord) -> Reply {
    let client = Arc::new(client);
    txn.put(
        RecordKey::Client(key.clone()),
        Record::Client(Arc::clone(&client)),
    );
    Reply::Clients([client].into())
}

/// Deletes a registration; the mark stays, so that the same id registered again revives no token.
pub(super) fn delete<S: ReadState>(txn: &mut Txn<'_, S>, key: &ClientKey) -> Reply {
    let existed = txn.client(key).is_some();
    if existed {
        txn.delete(RecordKey::Client(key.clone()));
        txn.mark(Subject::Client(key.clone()));
    }
    Reply::Stored { existed }
}

/// Whether what was issued under one registration may be in the hands of its own client although it came to another one.
///
/// The rule: the same id, and a presenter that proved no less than the owner has to. The secrets are not compared, since each
/// API's may have been changed by itself. That two clients of one id belong to different people is no danger: only an
/// administrator registers clients, the presenter is refused either way, and with what it holds it could get no further at
/// the owner's API without the owner's secret. What is given up is that a thief of that very kind ends its victim's tokens.
pub(super) fn may_be_of(presenter: &ClientRecord, owner: &ClientRecord) -> bool {
    let proved_enough = owner.secret.is_public() || !presenter.secret.is_public();
    presenter.id == owner.id && proved_enough
}

/// The registration of a client that proved itself at the edge, if those credentials still stand.
pub(super) fn authenticated<S: ReadState>(
    txn: &Txn<'_, S>,
    client: &AuthenticatedClient,
) -> Result<Arc<ClientRecord>, Refusal> {
    let record = present(txn, &client.key)?;
    if record.credentials_revision == client.credentials_revision {
        Ok(record)
    } else {
        Err(Refusal::CredentialsChanged)
    }
}

/// The registration, unless it is gone or expired.
pub(super) fn present<S: ReadState>(
    txn: &Txn<'_, S>,
    key: &ClientKey,
) -> Result<Arc<ClientRecord>, Refusal> {
    let record = txn.client(key).ok_or(Refusal::UnknownClient)?;
    match record.expires_at {
        Some(expires_at) if expires_at <= txn.now() => Err(Refusal::UnknownClient),
        _ => Ok(record),
    }
}
