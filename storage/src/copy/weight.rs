//! How much memory a change holds while it waits for the thread, beyond what the state holds anyway.

use raftgate_model::answer::{Answer, Reply};
use raftgate_model::state::record::{
    ApiKeyName, ApiKeyRecord, BootWindow, ClientRecord, ClientSecret, SessionSource,
};
use raftgate_model::state::{Change, Record};

/// What one unit stands for, in bytes.
const UNIT_BYTES: usize = 256;
/// What a login of a user holds, in bytes; its names are shared.
const LOGIN_BYTES: usize = 80;
/// What a kept answer holds beside the records in it, in bytes.
const ANSWER_BYTES: usize = 128;

/// The weight of a change in units of about 256 bytes, at least one.
///
/// A version of a record that a later change replaces is that one's `before` and was counted as this one's `after`.
pub(super) fn units(change: &Change) -> u32 {
    let record = change.after.as_ref().or(change.before.as_ref());
    let bytes = record.map_or(0, long_part_bytes);
    u32::try_from(bytes / UNIT_BYTES)
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

/// The length of what in a record can be long.
fn long_part_bytes(record: &Record) -> usize {
    match record {
        Record::Boot(window) => of_window(window),
        Record::Api(api) => api.document.ciphertext_bytes(),
        Record::Policy(policy) => policy.document.len(),
        Record::Client(client) => of_client(client),
        Record::Code(code) => of_session(&code.session),
        Record::Grant(grant) => of_session(&grant.session),
        Record::Family(family) => of_session(&family.session),
        Record::ApiKey(key) => of_key(key),
        Record::Meta(_)
        | Record::AdminTokens(_)
        | Record::Route(_)
        | Record::Mark(_)
        | Record::Outbox(_)
        | Record::Notification(_)
        | Record::Source(_) => 0,
    }
}

fn of_window(window: &BootWindow) -> usize {
    let of_answer = |answer: &Answer| match answer {
        Answer::Done(Reply::Clients(clients)) => clients
            .iter()
            .map(|client| of_client(client))
            .fold(ANSWER_BYTES, usize::saturating_add),
        Answer::Done(_) | Answer::Refused(_) | Answer::Unknown => ANSWER_BYTES,
    };
    let answers = window.answers.iter().map(|kept| of_answer(&kept.answer));
    answers.fold(0, usize::saturating_add)
}

fn of_client(client: &ClientRecord) -> usize {
    let secret = match &client.secret {
        ClientSecret::Confidential {
            sealed: Some(sealed),
            ..
        } => sealed.ciphertext_bytes(),
        ClientSecret::Confidential { sealed: None, .. } | ClientSecret::Public => 0,
    };
    let text = &client.text;
    let meta_data = text.meta_data.as_ref().map_or(0, |text| text.len());
    [
        secret,
        meta_data,
        text.redirect_uri.len(),
        text.description.len(),
    ]
    .into_iter()
    .fold(0, usize::saturating_add)
}

fn of_key(key: &ApiKeyRecord) -> usize {
    let name = match &key.name {
        ApiKeyName::Custom(sealed) => sealed.ciphertext_bytes(),
        ApiKeyName::Generated(_) => 0,
    };
    let logins = key.logins.len().saturating_mul(LOGIN_BYTES);
    let parts = [key.session.as_str().len(), name, logins];
    parts.into_iter().fold(0, usize::saturating_add)
}

fn of_session(session: &SessionSource) -> usize {
    match session {
        SessionSource::Policy(_) => 0,
        SessionSource::Rules(rules) => rules.as_str().len(),
    }
}
