//! What openraft writes through: each call becomes a record of the write-ahead log's one stream.

use std::fmt::Debug;
use std::ops::RangeBounds;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::{LogFlushed, LogState, RaftLogStorage};
use openraft::{ErrorVerb, OptionalSend, RaftLogReader, StorageError};
use tokio::sync::oneshot;

use super::entries::LogEntries;
use super::{LogError, LogGauge, LogReader, SnapshotMark};
use crate::codec::{self, CONTROL_BYTES_MAX};
use crate::latency::LatencyHistogram;
use crate::types::{Entry, LogId, TypeConfig, Vote};
use crate::wal::{Durability, Wal, WalError};

/// The Raft log of this node.
pub struct LogStore {
    pub(super) entries: Arc<LogEntries>,
    reader: LogReader,
    snapshots: SnapshotMark,
    flushes: Arc<LatencyHistogram>,
}

impl LogStore {
    /// A Raft log over an open write-ahead log, which may be purged behind what `snapshots` covers.
    #[must_use]
    pub fn new(wal: Arc<Wal>, snapshots: SnapshotMark) -> Self {
        let entries = Arc::new(LogEntries::new(wal));
        Self {
            reader: LogReader::new(Arc::clone(&entries)),
            entries,
            snapshots,
            flushes: Arc::new(LatencyHistogram::default()),
        }
    }

    /// What others may see of the log once openraft owns it.
    #[must_use]
    pub fn gauge(&self) -> LogGauge {
        LogGauge {
            entries: Arc::downgrade(&self.entries),
            flushes: Arc::clone(&self.flushes),
        }
    }

    /// Refuses a log that ends before what the state has applied; openraft would clean that up silently.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    /// [`LogError::BehindState`], or the log cannot be read.
    pub fn check_reaches(&self, applied: Option<LogId>) -> Result<(), LogError> {
        let last = self.entries.last()?;
        match applied {
            Some(applied) if last < Some(applied) => Err(LogError::BehindState { last, applied }),
            _ => Ok(()),
        }
    }

    /// Whether there is no entry behind what was cut off.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn is_empty(&self) -> Result<bool, LogError> {
        Ok(self.entries.last()? == self.entries.purged()?)
    }

    fn append_all(
        &self,
        entries: impl IntoIterator<Item = Entry>,
        callback: LogFlushed<TypeConfig>,
    ) -> Result<(), LogError> {
        let mut encoded = Vec::new();
        let mut decoded = Vec::new();
        for entry in entries {
            let bytes = Bytes::from(codec::encode_entry(&entry)?);
            decoded.push((entry, bytes.len()));
            encoded.push((decoded_index(&decoded), bytes));
        }
        let flushes = Arc::clone(&self.flushes);
        let begun = tokio::time::Instant::now();
        let done = Box::new(move |outcome: Result<(), WalError>| {
            flushes.record(begun.elapsed());
            callback.log_io_completed(outcome.map_err(std::io::Error::from));
        });
        // Entries must be readable once this returns, and may be from memory before they are on their way to disk.
        let mut recent = self.entries.recent.lock();
        self.entries.wal.append(encoded, done)?;
        for (entry, bytes) in decoded {
            recent.push(entry, bytes);
        }
        Ok(())
    }

    fn truncate_from(&self, index: u64) -> Result<(), LogError> {
        self.entries.recent.lock().truncate(index);
        Ok(self.entries.wal.truncate(index, Durability::Lazy)?)
    }

    fn purge_upto(&self, log_id: LogId) -> Result<(), LogError> {
        let covered = self.snapshots.covered();
        if covered.is_none_or(|covered| covered < log_id.index) {
            let upto = log_id.index;
            return Err(LogError::PurgeAheadOfSnapshot { upto, covered });
        }
        let payload = codec::encode("purge", &log_id, CONTROL_BYTES_MAX)?;
        self.entries.recent.lock().purge(log_id.index);
        let wal = &self.entries.wal;
        Ok(wal.purge(log_id.index, Bytes::from(payload), Durability::Lazy)?)
    }

    async fn write_vote(&self, vote: &Vote) -> Result<(), LogError> {
        let payload = codec::encode("vote", vote, CONTROL_BYTES_MAX)?;
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |outcome| {
            // Nobody waits any more only while the node stops.
            let _ = sender.send(outcome);
        });
        self.entries.wal.save_vote(Bytes::from(payload), done)?;
        Ok(receiver.await.unwrap_or(Err(WalError::Closed))?)
    }

    fn stored_vote(&self) -> Result<Option<Vote>, LogError> {
        let payload = self.entries.wal.state().vote;
        payload
            .map(|payload| Ok(codec::decode("vote", &payload, CONTROL_BYTES_MAX)?))
            .transpose()
    }

    fn write_committed(&self, committed: Option<LogId>) -> Result<(), LogError> {
        let payload = codec::encode("committed", &committed, CONTROL_BYTES_MAX)?;
        self.entries.note_committed(committed);
        let wal = &self.entries.wal;
        Ok(wal.save_committed(Bytes::from(payload), Durability::Lazy)?)
    }

    fn stored_committed(&self) -> Result<Option<LogId>, LogError> {
        let committed = match self.entries.wal.state().committed {
            Some(payload) => codec::decode("committed", &payload, CONTROL_BYTES_MAX)?,
            None => None,
        };
        self.entries.note_committed(committed);
        Ok(committed)
    }

    fn bounds(&self) -> Result<LogState<TypeConfig>, LogError> {
        Ok(LogState {
            last_purged_log_id: self.entries.purged()?,
            last_log_id: self.entries.last()?,
        })
    }
}

fn decoded_index(decoded: &[(Entry, usize)]) -> u64 {
    decoded.last().map_or(0, |(entry, _)| entry.log_id.index)
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, StorageError<u64>> {
        self.reader.try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError<u64>> {
        self.reader.limited_get_log_entries(start, end).await
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError<u64>> {
        self.bounds().map_err(LogError::reading)
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.reader.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError<u64>> {
        let written = self.write_vote(vote).await;
        written.map_err(|error| error.voting(ErrorVerb::Write))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError<u64>> {
        self.stored_vote()
            .map_err(|error| error.voting(ErrorVerb::Read))
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError<u64>> {
        self.write_committed(committed).map_err(LogError::writing)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError<u64>> {
        self.stored_committed().map_err(LogError::reading)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<TypeConfig>,
    ) -> Result<(), StorageError<u64>>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.append_all(entries, callback)
            .map_err(LogError::writing)
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<u64>> {
        self.truncate_from(log_id.index).map_err(LogError::writing)
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError<u64>> {
        self.purge_upto(log_id).map_err(LogError::writing)
    }
}
