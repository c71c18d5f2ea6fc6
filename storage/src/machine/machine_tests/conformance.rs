//! openraft's own storage tests, over the real log and the real state machine.

use std::fmt::Debug;
use std::ops::RangeBounds;

use openraft::storage::{LogFlushed, LogState, RaftLogStorage};
use openraft::testing::{StoreBuilder, Suite};
use openraft::{OptionalSend, RaftLogReader};

use super::*;
use crate::log::{LogReader, LogStore};
use crate::types::Vote;
use crate::wal::{OpenMode, Wal, WalConfig, WalError, WalId};

/// The log, except that entries before its beginning are dropped: one of the tests appends such, which Raft never does
/// and the log refuses.
struct Lenient(LogStore);

impl RaftLogReader<TypeConfig> for Lenient {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, StorageError<u64>> {
        self.0.try_get_log_entries(range).await
    }
}

impl RaftLogStorage<TypeConfig> for Lenient {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError<u64>> {
        self.0.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.0.get_log_reader().await
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError<u64>> {
        self.0.save_vote(vote).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError<u64>> {
        self.0.read_vote().await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError<u64>> {
        self.0.save_committed(committed).await
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError<u64>> {
        self.0.read_committed().await
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
        let purged = self.0.get_log_state().await?.last_purged_log_id;
        let entries: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| purged < Some(entry.log_id))
            .collect();
        if entries.is_empty() {
            callback.log_io_completed(Ok(()));
            return Ok(());
        }
        self.0.append(entries, callback).await
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError<u64>> {
        self.0.truncate(log_id).await
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError<u64>> {
        self.0.purge(log_id).await
    }
}

struct Stores;

impl StoreBuilder<TypeConfig, Lenient, StateMachine, TempDir> for Stores {
    async fn build(&self) -> Result<(TempDir, Lenient, StateMachine), StorageError<u64>> {
        let folder = TempDir::new().unwrap();
        let disk = Arc::new(FsDisk::open(&folder.path().join("log")).unwrap());
        let wal_config = WalConfig {
            segment_bytes: 256 << 10,
            first_segment_bytes: 256 << 10,
            reserve_bytes: 16 << 10,
            ..WalConfig::default()
        };
        let fatal = Arc::new(|error: &WalError| panic!("the log failed: {error}"));
        let mode = OpenMode::Create(WalId([1; 16]));
        let wal = Wal::open(disk, wal_config, mode, fatal).unwrap();
        let config = config(folder.path());
        // The tests purge without ever having built a snapshot.
        config.mark.reach(u64::MAX - 1);
        let log = LogStore::new(Arc::new(wal), config.mark.clone());
        let machine = open(config, LogExtent::default(), &mut |_| {}).unwrap();
        Ok((folder, Lenient(log), machine.machine))
    }
}

#[test]
fn the_stores_pass_the_tests_of_openraft() {
    Suite::test_all(Stores).unwrap();
}
