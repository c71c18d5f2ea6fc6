//! A node's whole storage on a simulated machine: log, vote and snapshots share its power, the copy stands on the file system.

use openraft::RaftLogReader;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt};

use super::*;
use crate::disk::sim::SimMachine;
use crate::log::LogStore;
use crate::types::Vote;
use crate::wal::{OpenMode, Wal, WalConfig, WalError, WalId};

pub(super) const LOG: &str = "log";
pub(super) const SNAPSHOTS: &str = "snapshots";

/// Why a start was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    Log(#[from] WalError),
    #[error(transparent)]
    State(#[from] OpenError),
}

/// An open log and the state over it.
pub(super) struct WholeNode {
    pub(super) log: LogStore,
    pub(super) machine: StateMachine,
    pub(super) source: StartSource,
}

fn wal(machine: &SimMachine, mode: OpenMode) -> Result<Wal, WalError> {
    let config = WalConfig {
        segment_bytes: 64 << 10,
        first_segment_bytes: 64 << 10,
        frame_bytes_max: 8 << 10,
        reserve_bytes: 8 << 10,
        cache_bytes_max: 4 << 10,
        keep_free_bytes: 0,
        lazy_flush_after: None,
        ..WalConfig::default()
    };
    let ignored = Arc::new(|_: &WalError| ());
    Wal::open(Arc::new(machine.disk(LOG)), config, mode, ignored)
}

impl WholeNode {
    /// Opens what is there; a log that never came to be is made.
    pub(super) async fn open(machine: &SimMachine, copy: &Path) -> Result<Self, Refused> {
        match Self::reopen(machine, copy).await {
            Err(Refused::Log(WalError::Missing { .. })) => {
                let wal = wal(machine, OpenMode::Create(WalId([3; 16])))?;
                Self::over(wal, machine, copy).await
            }
            opened => opened,
        }
    }

    /// Opens what is there, and a log must be.
    pub(super) async fn reopen(machine: &SimMachine, copy: &Path) -> Result<Self, Refused> {
        let wal = wal(machine, OpenMode::Existing)?;
        Self::over(wal, machine, copy).await
    }

    async fn over(wal: Wal, machine: &SimMachine, copy: &Path) -> Result<Self, Refused> {
        let mark = SnapshotMark::default();
        let mut log = LogStore::new(Arc::new(wal), mark.clone());
        let config = MachineConfig {
            copy: copy.to_owned(),
            snapshots: Arc::new(machine.disk(SNAPSHOTS)),
            mark,
            clock: Arc::new(Fixed),
        };
        let opened = open_with_log(config, &mut log, &mut |_| {}).await?;
        Ok(Self {
            log,
            machine: opened.machine,
            source: opened.source,
        })
    }

    /// The index of the last entry in the log.
    pub(super) async fn last(&mut self) -> u64 {
        let state = self.log.get_log_state().await.unwrap();
        state.last_log_id.map_or(0, |last| last.index)
    }

    pub(super) async fn vote(&mut self) -> Option<Vote> {
        self.log.read_vote().await.unwrap()
    }

    /// Appends the next entries and waits until they are on disk; false when the power is gone.
    pub(super) async fn append(&mut self, entries: Vec<Entry>) -> bool {
        self.log.blocking_append(entries).await.is_ok()
    }

    /// Applies what the log holds up to an index.
    pub(super) async fn apply(&mut self, upto: u64) -> bool {
        let from = applied(&self.machine);
        if upto <= from {
            return true;
        }
        let entries = self.log.try_get_log_entries(from + 1..upto + 1).await;
        match entries {
            Ok(entries) => self.machine.apply(entries).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Builds a snapshot; false when the power went, which the building itself would wait out.
    pub(super) async fn snapshot(&mut self, machine: &SimMachine) -> bool {
        let mut builder = self.machine.get_snapshot_builder().await;
        let dead = async {
            while !machine.is_powerless() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            built = builder.build_snapshot() => built.is_ok(),
            () = dead => false,
        }
    }

    /// Brings the state to the end of the log and compares it with what the log's entries lead to.
    pub(super) async fn compare(&mut self, log: &TestLog) {
        let last = self.last().await;
        let from = applied(&self.machine);
        let entries = self.log.try_get_log_entries(from + 1..last + 1).await;
        assert_eq!(entries.unwrap(), log.between(from, last));
        assert!(self.apply(last).await);
        assert_eq!(applied(&self.machine), last);
        let summed = self.machine.digest().await.unwrap();
        assert_eq!(summed.digest, log.digest_at(last), "at entry {last}");
        let mut found = StateDigest::default();
        for (key, record) in records_of(&self.machine) {
            let key = crate::codec::encode_key(&key).unwrap();
            found.add(&key, &crate::codec::encode_record(&record).unwrap());
        }
        assert_eq!(found, summed.digest, "the view at entry {last}");
    }
}
