//! Which keys of the ring a record names: what it cannot be used without.

use std::collections::BTreeSet;

use raftgate_model::answer::{Answer, Issued, Reply};
use raftgate_model::id::KeyId;
use raftgate_model::state::Record;
use raftgate_model::state::record::{ApiKeyName, ClientRecord, ClientSecret, Notification};

/// Adds the keys that a record names.
pub(super) fn collect(record: &Record, keys: &mut BTreeSet<KeyId>) {
    match record {
        Record::Meta(meta) => {
            keys.insert(meta.active_key);
        }
        Record::Boot(window) => window
            .answers
            .iter()
            .for_each(|kept| of_answer(&kept.answer, keys)),
        Record::Api(api) => {
            keys.insert(api.document.key);
        }
        Record::Client(client) => of_client(client, keys),
        Record::Code(code) => {
            keys.insert(code.birth.key);
        }
        Record::Grant(grant) => {
            keys.insert(grant.birth.key);
        }
        Record::Family(family) => {
            keys.insert(family.birth.key);
        }
        Record::Notification(message) => of_message(message, keys),
        Record::ApiKey(key) => {
            keys.insert(match &key.name {
                ApiKeyName::Generated(birth) => birth.key,
                ApiKeyName::Custom(sealed) => sealed.key,
            });
        }
        Record::Route(_)
        | Record::Policy(_)
        | Record::Mark(_)
        | Record::Outbox(_)
        | Record::Source(_)
        | Record::AdminTokens(_) => {}
    }
}

fn of_client(client: &ClientRecord, keys: &mut BTreeSet<KeyId>) {
    if let ClientSecret::Confidential {
        sealed: Some(sealed),
        ..
    } = &client.secret
    {
        keys.insert(sealed.key);
    }
}

fn of_answer(answer: &Answer, keys: &mut BTreeSet<KeyId>) {
    match answer {
        Answer::Done(Reply::Issued(issued)) => of_issued(issued, keys),
        Answer::Done(Reply::Code { code, .. }) => {
            keys.insert(code.birth.key);
        }
        Answer::Done(Reply::ApiKey { birth, .. }) => {
            keys.extend(birth.map(|birth| birth.key));
        }
        Answer::Done(Reply::Clients(clients)) => {
            clients.iter().for_each(|client| of_client(client, keys));
        }
        Answer::Done(_) | Answer::Refused(_) | Answer::Unknown => {}
    }
}

fn of_issued(issued: &Issued, keys: &mut BTreeSet<KeyId>) {
    keys.insert(issued.access.birth.key);
    keys.extend(issued.refresh.map(|refresh| refresh.birth.key));
}

fn of_message(message: &Notification, keys: &mut BTreeSet<KeyId>) {
    keys.extend(message.code.map(|code| code.birth.key));
    keys.extend(message.access.map(|access| access.birth.key));
    keys.extend(message.refresh.map(|refresh| refresh.birth.key));
    keys.extend(message.old_refresh.map(|refresh| refresh.birth.key));
}
