//! Registration and deletion of clients.

use std::sync::Arc;

use crate::answer::{Refusal, Reply};
use crate::command::{AuthenticatedClient, NewClient, SecretOrigin};
use crate::state::record::{ClientRecord, ClientSecret};
use crate::state::{ClientKey, ReadState, Record, RecordKey, Subject, Txn};

/// Registers a client with every API named, or with none of them.
pub(super) fn create<S: ReadState>(
    txn: &mut Txn<'_, S>,
    new: &NewClient,
) -> Result<Reply, Refusal> {
    let mut clients = Vec::with_capacity(new.apis.len());
    for api in &new.apis {
        let api = txn.api(api).ok_or(Refusal::UnknownApi)?.id.clone();
        let key = ClientKey {
            api,
            client: new.id.clone(),
        };
        match txn.client(&key) {
            Some(old) if is_identical(&old, new) => clients.push(old),
            Some(_) => return Err(Refusal::ClientExists),
            None => clients.push(Arc::new(ClientRecord {
                api: key.api,
                id: key.client,
                secret: new.secret.clone(),
                text: new.text.clone(),
                expires_at: new.expires_at,
                credentials_revision: txn.revision(),
            })),
        }
    }
    for client in &clients {
        let key = ClientKey {
            api: client.api.clone(),
            client: client.id.clone(),
        };
        txn.put(RecordKey::Client(key), Record::Client(client.clone()));
    }
    txn.touch_config();
    Ok(Reply::Clients(clients.into()))
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

/// Deletes a registration; the mark stays, so that the same id registered again revives no token.
pub(super) fn delete<S: ReadState>(txn: &mut Txn<'_, S>, key: &ClientKey) -> Reply {
    let existed = txn.client(key).is_some();
    if existed {
        txn.delete(RecordKey::Client(key.clone()));
        txn.mark(Subject::Client(key.clone()));
        txn.touch_config();
    }
    Reply::Stored { existed }
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
