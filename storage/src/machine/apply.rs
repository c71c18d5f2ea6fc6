//! Applying: the model judges, the view changes, the copy is told.

use openraft::{EntryPayload, StorageError, StoredMembership};
use raftgate_model::id::LogIndex;

use super::{Inner, error};
use crate::types::{Answers, Entry, LogId, Membership, Proposal};

/// Where the log and the members stand; whoever holds its lock keeps the view as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed {
    /// The newest applied entry.
    pub(super) last_applied: Option<LogId>,
    /// The members as of that entry.
    pub(super) membership: Membership,
    /// The snapshot from elsewhere that the log may not have been cut to yet.
    pub(super) pending: Option<PendingSnapshot>,
}

/// A snapshot that the log may not have been cut to.
#[derive(Clone, Debug)]
pub(super) struct PendingSnapshot {
    pub(super) id: String,
    pub(super) last: Option<LogId>,
}

impl Inner {
    /// Applies one entry. A domain refusal is an answer; only a broken disk or a damaged log is an error.
    pub(super) async fn apply(&self, entry: Entry) -> Result<Answers, StorageError<u64>> {
        let log_id = entry.log_id;
        let index = LogIndex(log_id.index);
        let (answers, changes, membership) = match entry.payload {
            EntryPayload::Blank => (Vec::new(), Vec::new(), None),
            EntryPayload::Normal(Proposal(batch)) => {
                let applied = raftgate_model::apply::apply(self.view.as_ref(), index, &batch);
                (applied.answers, applied.changes, None)
            }
            EntryPayload::Membership(members) => {
                let members = StoredMembership::new(Some(log_id), members);
                (Vec::new(), Vec::new(), Some(members))
            }
        };
        let room = self.copier.room(&changes).await;
        let room = room.ok_or_else(|| error::applying(log_id, "the state's copier is gone"))?;
        let settled = {
            let mut committed = self.committed.lock();
            self.view.commit(index, &changes);
            committed.last_applied = Some(log_id);
            if let Some(membership) = &membership {
                committed.membership = membership.clone();
            }
            self.copier.entry(room, log_id, membership, changes);
            let passed = |pending: &mut PendingSnapshot| pending.last < Some(log_id);
            committed.pending.take_if(passed)
        };
        if let Some(pending) = settled {
            // An entry after the snapshot is in the log, so the log was cut to it.
            self.folder
                .settle(&pending.id)
                .map_err(|error| error::applying(log_id, error))?;
        }
        Ok(Answers(answers))
    }
}
