//! The notification queue: filled with the token it speaks of, emptied by what the sender met.

use std::sync::Arc;

use crate::answer::{Issued, NotificationRef, Refusal, Reply};
use crate::command::{AttemptOutcome, NotificationAttempt, NotifyTerms, Redelivery};
use crate::id::{ApiId, FamilyId, GrantId, NotificationId};
use crate::state::record::{
    AttemptFailure, ClientRecord, FAILED_LISTED_MAX, FailureReason, Notification, NotificationKind,
    NotificationState, Outbox, QUEUED_BYTES_MAX,
};
use crate::state::{NotificationKey, ReadState, Record, RecordKey, Txn};
use crate::token::{AccessToken, AuthCode, RefreshToken};

/// How many messages one command gives up: after a lower bound was set, a queue shrinks little by little.
const OVERFLOWS_MAX: u32 = 64;

/// What a notification tells.
pub(super) struct News<'a> {
    pub(super) kind: NotificationKind,
    pub(super) family: Option<FamilyId>,
    pub(super) code: Option<AuthCode>,
    pub(super) issued: &'a Issued,
    pub(super) old_refresh: Option<RefreshToken>,
}

impl Outbox {
    fn takes(&mut self, message: &Notification) {
        self.queued = self.queued.saturating_add(1);
        self.queued_bytes = self.queued_bytes.saturating_add(message.size_bytes());
    }

    fn lets_go(&mut self, message: &Notification) {
        self.queued = self.queued.saturating_sub(1);
        self.queued_bytes = self.queued_bytes.saturating_sub(message.size_bytes());
    }

    fn is_over(&self, terms: NotifyTerms) -> bool {
        self.queued > u64::from(terms.queued_max) || self.queued_bytes > QUEUED_BYTES_MAX
    }
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
    outbox.takes(&message);
    txn.put(
        RecordKey::Notification(key),
        Record::Notification(Arc::new(message)),
    );
    drop_oldest(txn, &client.api, &mut outbox, terms);
    txn.put(
        RecordKey::Outbox(client.api.clone()),
        Record::Outbox(Arc::new(outbox)),
    );
}

/// A code or refresh token that came once too often or from the wrong client, and ended what it had yielded.
pub(super) struct Misuse<'a> {
    /// Names the message; new.
    pub(super) id: GrantId,
    pub(super) family: Option<FamilyId>,
    pub(super) code: Option<AuthCode>,
    pub(super) old_refresh: Option<RefreshToken>,
    /// The API whose token endpoint it came to.
    pub(super) asked: &'a ApiId,
}

/// Tells of misuse, on the terms of the API that was asked; those of another API are not known here, so its tokens end unsaid.
pub(super) fn tell_of_misuse<S: ReadState>(
    txn: &mut Txn<'_, S>,
    owner: &ClientRecord,
    terms: Option<NotifyTerms>,
    misuse: &Misuse<'_>,
) {
    let Some(terms) = terms.filter(|_| owner.api == *misuse.asked) else {
        return;
    };
    let ended = Issued {
        access: AccessToken {
            birth: txn.birth(),
            id: misuse.id,
        },
        refresh: None,
        scope: None,
        expires_at: txn.now(),
        at: txn.now(),
    };
    let news = News {
        kind: NotificationKind::Revoked,
        family: misuse.family,
        code: misuse.code,
        issued: &ended,
        old_refresh: misuse.old_refresh,
    };
    enqueue(txn, owner, terms, &news);
}

fn outbox_of<S: ReadState>(txn: &Txn<'_, S>, client: &ClientRecord) -> Outbox {
    txn.outbox(&client.api)
        .map(|outbox| (*outbox).clone())
        .unwrap_or_default()
}

/// Gives up the oldest messages of a queue that is over its bounds.
fn drop_oldest<S: ReadState>(
    txn: &mut Txn<'_, S>,
    api: &ApiId,
    outbox: &mut Outbox,
    terms: NotifyTerms,
) {
    for _ in 0..OVERFLOWS_MAX {
        if !outbox.is_over(terms) {
            return;
        }
        let Some((key, message)) = oldest(txn, api, outbox.head) else {
            return;
        };
        outbox.head = key.sequence.saturating_add(1);
        give_up(txn, key, &message, FailureReason::Overflow, outbox);
    }
}

/// The oldest message that waits; none stands below the head.
fn oldest<S: ReadState>(
    txn: &Txn<'_, S>,
    api: &ApiId,
    head: u64,
) -> Option<(NotificationKey, Arc<Notification>)> {
    let key = txn.first_queued(api, head)?;
    let message = txn.notification(&key)?;
    Some((key, message))
}

/// Moves a queued message to the failed ones, listed while there is room, counted always.
fn give_up<S: ReadState>(
    txn: &mut Txn<'_, S>,
    key: NotificationKey,
    message: &Notification,
    reason: FailureReason,
    outbox: &mut Outbox,
) {
    outbox.lets_go(message);
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
            outbox.lets_go(&message);
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

/// Queues a failed message again, with all of its attempts before it, unless the queue is full.
pub(super) fn redeliver<S: ReadState>(
    txn: &mut Txn<'_, S>,
    wish: &Redelivery,
) -> Result<Reply, Refusal> {
    let (key, message, mut outbox) = find(txn, &wish.notification)?;
    if !matches!(message.state, NotificationState::Failed { .. }) {
        return Err(Refusal::NotFailed);
    }
    outbox.takes(&message);
    if outbox.is_over(wish.terms) {
        return Err(Refusal::QueueFull);
    }
    outbox.failed_listed = outbox.failed_listed.saturating_sub(1);
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
