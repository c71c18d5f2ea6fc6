//! The state machine: what one log entry does to the state.
//!
//! Deterministic and total: it reads the state and the batch, nothing else, and costs the same whatever
//! the number of sessions. It is the only judge of codes and refresh tokens.

mod api_keys;
mod clients;
mod codes;
mod config;
mod issue;
mod notifications;
mod password;
mod refresh;
mod revoke;
mod upkeep;

use std::sync::Arc;

use crate::answer::{Answer, Refusal, Reply};
use crate::command::{Batch, Command, Origin, Request};
use crate::id::{LogIndex, Revision};
use crate::state::record::BootWindow;
use crate::state::{Change, ReadState, Record, RecordKey, Txn};

/// What a log entry yields: an answer for each of its requests, by position, and the records it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// One answer per request of the batch, in its order.
    pub answers: Vec<Answer>,
    /// The records that differ afterwards.
    pub changes: Vec<Change>,
}

/// Judges one log entry against the state; the caller carries out the changes.
pub fn apply<S: ReadState>(state: &S, index: LogIndex, batch: &Batch) -> Applied {
    let mut txn = Txn::begin(state, index);
    let clock = txn.now().max(batch.stamp);
    txn.meta_mut().clock = clock;
    let mut windows: Vec<BootWindow> = batch
        .origins
        .iter()
        .map(|origin| window_of(&txn, origin))
        .collect();
    let answers = batch
        .requests
        .iter()
        .map(|request| answer_once(&mut txn, batch, &mut windows, request))
        .collect();
    for (origin, window) in batch.origins.iter().zip(windows) {
        if window.boot == origin.boot {
            txn.put(RecordKey::Boot(origin.node), Record::Boot(Arc::new(window)));
        }
    }
    Applied {
        answers,
        changes: txn.finish(),
    }
}

/// The window of an origin's answers, moved on to what the origin still waits for.
fn window_of<S: ReadState>(txn: &Txn<'_, S>, origin: &Origin) -> BootWindow {
    let kept = match txn.get(&RecordKey::Boot(origin.node)) {
        Some(Record::Boot(window)) => (*window).clone(),
        _ => BootWindow::default(),
    };
    if origin.boot < kept.boot {
        kept
    } else {
        kept.advanced(origin.boot, origin.done_below)
    }
}

/// Carries a request out unless it was carried out before; a repeated one gets its first answer.
fn answer_once<S: ReadState>(
    txn: &mut Txn<'_, S>,
    batch: &Batch,
    windows: &mut [BootWindow],
    request: &Request,
) -> Answer {
    let at = usize::from(request.origin);
    let (Some(origin), Some(window)) = (batch.origins.get(at), windows.get_mut(at)) else {
        return Answer::Unknown;
    };
    if origin.boot < window.boot || request.sequence < window.floor {
        return Answer::Unknown;
    }
    if let Some(answer) = window.find(request.sequence) {
        return answer.clone();
    }
    let revision = Revision(txn.revision().0.saturating_add(1));
    txn.meta_mut().revision = revision;
    let answer = match carry_out(txn, &request.command) {
        Ok(reply) => Answer::Done(reply),
        Err(refusal) => Answer::Refused(refusal),
    };
    window.keep(request.sequence, answer.clone());
    answer
}

fn carry_out<S: ReadState>(txn: &mut Txn<'_, S>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Found(found) => upkeep::found(txn, found),
        Command::PutApi(put) => config::put_apis(txn, std::slice::from_ref(put)),
        Command::UpdateApi(update) => config::update_api(txn, update),
        Command::PutApis(puts) => config::put_apis(txn, puts),
        Command::DeleteApi(id) => Ok(config::delete_api(txn, id)),
        Command::PutPolicy(put) => Ok(config::put_policy(txn, put)),
        Command::DeletePolicy(id) => Ok(config::delete_policy(txn, id)),
        Command::RemoveSource(path) => Ok(config::remove_source(txn, path)),
        Command::CreateClient(client) => clients::create(txn, client),
        Command::DeleteClient(key) => Ok(clients::delete(txn, key)),
        Command::IssueCode(issue) => codes::issue(txn, issue),
        Command::RedeemCode(redeem) => codes::redeem(txn, redeem),
        Command::IssueClientCredentials(issue) => issue::client_credentials(txn, issue),
        Command::Refresh(refresh) => refresh::refresh(txn, refresh),
        Command::Revoke(revoke) => revoke::revoke(txn, revoke),
        Command::RevokeAll(subject) => {
            txn.mark(subject.clone());
            Ok(Reply::Done)
        }
        Command::NotificationAttempted(attempt) => notifications::attempted(txn, attempt),
        Command::RedeliverNotification(which) => notifications::redeliver(txn, which),
        Command::IssueImplicit(issue) => issue::implicit(txn, issue),
        Command::UpdateClient(update) => clients::update(txn, update),
        Command::RotateClientSecret(new) => clients::rotate(txn, new),
        Command::IssuePassword(issue) => password::issue(txn, issue),
        Command::Sweep(items) => Ok(upkeep::sweep(txn, items)),
        Command::PutApiKey(put) => api_keys::put(txn, put),
        Command::UpdateApiKey(update) => api_keys::update(txn, update),
        Command::DeleteApiKey(id) => Ok(api_keys::delete(txn, id)),
        Command::CreateAdminToken(new) => api_keys::new_admin_token(txn, new),
        Command::DeleteAdminToken(name) => Ok(api_keys::delete_admin_token(txn, name)),
    }
}

#[cfg(test)]
mod tests;
