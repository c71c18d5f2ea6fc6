//! The notification queue: filled with the token it speaks of, emptied by what the sender met.

use std::sync::Arc;

use crate::answer::{Issued, NotificationRef, Refusal, Reply};
use crate::command::{AttemptOutcome, NotificationAttempt, NotifyTerms};
use crate::id::{FamilyId, NotificationId};
use crate::state::record::{
    AttemptFailure, ClientRecord, FAILED_LISTED_MAX, FailureReason, Notification, NotificationKind,
    NotificationState, Outbox,
};
use crate::state::{NotificationKey, ReadState, Record, RecordKey, Txn};
use crate::token::{AuthCode, RefreshToken};

/// How many places of a queue one command looks at to find the oldest message.
const HEAD_STEPS_MAX: u32 = 100_000;

/// What a notification tells.
pub(super) struct News<'a> {
    pub(super) kind: NotificationKind,
    pub(super) family: Option<FamilyId>,
    pub(super) code: Option<AuthCode>,
    pub(super) issued: &'a Issued,
    pub(super) old_refresh: Option<RefreshToken>,
}

/// Queues a message in the entry of the token it speaks of; a full queue gives up its oldest.
pub(super) fn enqueue<S: ReadState>(
    txn: &mut Txn<'_, S>,
    client: &ClientRecord,
    terms: NotifyTerms,
    news: &News<'_>,
) {
    let mut outbox = outbox_of(txn, client);
    let sequence = outbox.next_sequence;
    outbox.next_sequence = sequence.saturating_add(1);
    outbox.queued = outbox.queued.saturating_add(1);
    let revoked = news.kind == NotificationKind::Revoked;
    let message = Notification {
        id: NotificationId::from_bytes(*news.issued.access.id.as_bytes()),
        client: client.id.clone(),
        kind: news.kind,
        family: news.family,
        code: news.code,
        access: (!revoked).then_some(news.issued.access),
        refresh: news.issued.refresh,
        old_refresh: news.old_refresh,
        created_at: txn.now(),
        state: NotificationState::Queued {
            next_attempt_at: txn.now(),
        },
        attempts: 0,
        last_failure: None,
    };
    let key = NotificationKey {
        api: client.api.clone(),
        sequence,
    };
    txn.put(
        RecordKey::Notification(key),
        Record::Notification(Arc::new(message)),
    );
    while outbox.queued > u64::from(terms.queued_max) && drop_oldest(txn, client, &mut outbox) {}
    put_outbox(txn, client, outbox);
}

fn outbox_of<S: ReadState>(txn: &Txn<'_, S>, client: &ClientRecord) -> Outbox {
    txn.outbox(&client.api)
        .map(|outbox| (*outbox).clone())
        .unwrap_or_default()
}

fn put_outbox<S: ReadState>(txn: &mut Txn<'_, S>, client: &ClientRecord, outbox: Outbox) {
    txn.put(
        RecordKey::Outbox(client.api.clone()),
        Record::Outbox(Arc::new(outbox)),
    );
}

/// Gives up the oldest queued message; every place is passed over once in the life of the queue.
fn drop_oldest<S: ReadState>(
    txn: &mut Txn<'_, S>,
    client: &ClientRecord,
    outbox: &mut Outbox,
) -> bool {
    for _ in 0..HEAD_STEPS_MAX {
        if outbox.head >= outbox.next_sequence {
            return false;
        }
        let key = NotificationKey {
            api: client.api.clone(),
            sequence: outbox.head,
        };
        outbox.head = outbox.head.saturating_add(1);
        if let Some(message) = txn.notification(&key)
            && matches!(message.state, NotificationState::Queued { .. })
        {
            give_up(txn, key, &message, FailureReason::Overflow, outbox);
            return true;
        }
    }
    false
}

/// Moves a queued message to the failed ones, listed while there is room, counted always.
fn give_up<S: ReadState>(
    txn: &mut Txn<'_, S>,
    key: NotificationKey,
    message: &Notification,
    reason: FailureReason,
    outbox: &mut Outbox,
) {
    outbox.queued = outbox.queued.saturating_sub(1);
    outbox.failed_total = outbox.failed_total.saturating_add(1);
    if outbox.failed_listed >= FAILED_LISTED_MAX {
        txn.delete(RecordKey::Notification(key));
        return;
    }
    outbox.failed_listed = outbox.failed_listed.saturating_add(1);
    let failed = Notification {
        state: NotificationState::Failed {
            at: txn.now(),
            reason,
        },
        ..message.clone()
    };
    txn.put(
        RecordKey::Notification(key),
        Record::Notification(Arc::new(failed)),
    );
}

/// Records an attempt; one for a message that is gone or was given up meanwhile changes nothing.
pub(super) fn attempted<S: ReadState>(
    txn: &mut Txn<'_, S>,
    attempt: &NotificationAttempt,
) -> Result<Reply, Refusal> {
    let (key, message, mut outbox) = find(txn, &attempt.notification)?;
    if !matches!(message.state, NotificationState::Queued { .. }) {
        return Ok(Reply::Done);
    }
    match attempt.outcome {
        AttemptOutcome::Delivered => {
            outbox.queued = outbox.queued.saturating_sub(1);
            txn.delete(RecordKey::Notification(key.clone()));
        }
        AttemptOutcome::Failed {
            failure,
            attempts_max,
            retry_after,
        } => {
            let tried = after_failure(&message, failure, txn.now().plus(retry_after));
            if tried.attempts >= attempts_max {
                give_up(
                    txn,
                    key.clone(),
                    &tried,
                    FailureReason::Attempts,
                    &mut outbox,
                );
            } else {
                txn.put(
                    RecordKey::Notification(key.clone()),
                    Record::Notification(Arc::new(tried)),
                );
            }
        }
    }
    txn.put(RecordKey::Outbox(key.api), Record::Outbox(Arc::new(outbox)));
    Ok(Reply::Done)
}

fn after_failure(
    message: &Notification,
    failure: AttemptFailure,
    next_attempt_at: crate::time::Timestamp,
) -> Notification {
    Notification {
        attempts: message.attempts.saturating_add(1),
        last_failure: Some(failure),
        state: NotificationState::Queued { next_attempt_at },
        ..message.clone()
    }
}

/// Queues a failed message again, with all of its attempts before it.
pub(super) fn redeliver<S: ReadState>(
    txn: &mut Txn<'_, S>,
    which: &NotificationRef,
) -> Result<Reply, Refusal> {
    let (key, message, mut outbox) = find(txn, which)?;
    if !matches!(message.state, NotificationState::Failed { .. }) {
        return Err(Refusal::NotFailed);
    }
    outbox.failed_listed = outbox.failed_listed.saturating_sub(1);
    outbox.queued = outbox.queued.saturating_add(1);
    outbox.head = outbox.head.min(key.sequence);
    let queued = Notification {
        state: NotificationState::Queued {
            next_attempt_at: txn.now(),
        },
        attempts: 0,
        ..(*message).clone()
    };
    txn.put(
        RecordKey::Notification(key.clone()),
        Record::Notification(Arc::new(queued)),
    );
    txn.put(RecordKey::Outbox(key.api), Record::Outbox(Arc::new(outbox)));
    Ok(Reply::Done)
}

fn find<S: ReadState>(
    txn: &Txn<'_, S>,
    which: &NotificationRef,
) -> Result<(NotificationKey, Arc<Notification>, Outbox), Refusal> {
    let message = txn
        .notification(&which.key)
        .filter(|message| message.id == which.id)
        .ok_or(Refusal::UnknownNotification)?;
    let outbox = txn
        .outbox(&which.key.api)
        .map(|outbox| (*outbox).clone())
        .unwrap_or_default();
    Ok((which.key.clone(), message, outbox))
}
