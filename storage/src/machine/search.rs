//! Looking for the state to begin with: what is on disk is read until something good is found.

use super::snapshots::load;
use super::start::{LogExtent, StartSource, reaches};
use super::{OpenError, OpenProgress};
use crate::copy::{CopyFolder, CopyStart};
use crate::snapshot::{
    Candidate, SnapshotError, SnapshotFile, SnapshotFolder, SnapshotOrigin, Standing,
};
use crate::types::{LogId, Membership};
use crate::view::Loading;

/// A state that was found on disk.
pub(super) struct Found {
    pub(super) source: StartSource,
    pub(super) loading: Loading,
    pub(super) applied: Option<LogId>,
    pub(super) membership: Membership,
    pub(super) copy: CopyStart,
}

/// The search, and what it came upon.
pub(super) struct Search {
    log: LogExtent,
    /// Snapshots whose checksums are right, newest first.
    snapshots: Vec<(Standing, SnapshotFile)>,
    passed_over: Vec<String>,
}

impl Search {
    /// Looks at the snapshots, without decoding them.
    pub(super) fn begin(folder: &SnapshotFolder, log: LogExtent) -> Result<Self, OpenError> {
        let mut search = Self {
            log,
            snapshots: Vec::new(),
            passed_over: Vec::new(),
        };
        for candidate in folder.candidates()? {
            search.look_at(folder, &candidate);
        }
        Ok(search)
    }

    fn look_at(&mut self, folder: &SnapshotFolder, candidate: &Candidate) {
        match folder.open(candidate) {
            Ok(file) => self.snapshots.push((candidate.standing(), file)),
            Err(error) => self.pass_over(error.to_string()),
        }
    }

    fn pass_over(&mut self, reason: String) {
        tracing::error!(reason, "part of the stored state cannot be used");
        self.passed_over.push(reason);
    }

    /// The newest snapshot, if the log may not have been cut to it: its end, how it came to be, its id.
    pub(super) fn pending(&self) -> Option<(Option<LogId>, SnapshotOrigin, String)> {
        let (standing, file) = self.snapshots.first()?;
        let head = &file.info().ok()?.head;
        let pending = *standing == Standing::Pending;
        pending.then(|| (head.last_log_id, head.origin, head.id.clone()))
    }

    /// The newest good snapshot, and what was wrong with everything that was passed over.
    pub(super) fn finish(self) -> (Option<SnapshotFile>, Vec<String>) {
        let newest = self.snapshots.into_iter().next().map(|(_, file)| file);
        (newest, self.passed_over)
    }

    /// Finds the state to begin with.
    pub(super) fn find(
        &mut self,
        copy: &CopyFolder,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Result<Found, OpenError> {
        let found = match self.copy(copy, progress) {
            Some(found) => Some(found),
            None => self.snapshot(progress),
        };
        let restored = matches!(self.pending(), Some((_, SnapshotOrigin::Restored, _)));
        if self.log.is_untouched() && !restored && (found.is_some() || self.has_traces()) {
            let mut reasons = self.passed_over.clone();
            reasons.extend(found.map(|found| format!("{} is there", found.source.name())));
            return Err(OpenError::LogGone { reasons });
        }
        match found {
            Some(found) => Ok(found),
            None if self.log.purged.is_some() => Err(OpenError::NothingReachesTheLog {
                purged: self.log.purged,
                reasons: self.passed_over.clone(),
            }),
            None => Ok(Found {
                source: match self.log.is_untouched() {
                    true => StartSource::Nothing,
                    false => StartSource::Log,
                },
                loading: Loading::new(0),
                applied: None,
                membership: Membership::default(),
                copy: CopyStart::Empty,
            }),
        }
    }

    /// Whether anything of an earlier life is there, good or not.
    fn has_traces(&self) -> bool {
        !self.snapshots.is_empty() || !self.passed_over.is_empty()
    }

    /// Whether the node stopped before its copy had anything: all that it knew is in the log, which is whole.
    fn is_first_life(&self, folder: &CopyFolder) -> bool {
        let whole = self.log.purged.is_none() && !self.log.is_untouched();
        whole && folder.is_unwritten() && !self.has_traces()
    }

    /// The persistent copy, if it is whole and the log carries it on.
    fn copy(
        &mut self,
        folder: &CopyFolder,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Option<Found> {
        if self.is_first_life(folder) {
            return None;
        }
        let loading = Loading::new(0);
        let loaded = folder.load(|key, record| loading.put(key, record), &mut |at| {
            progress(OpenProgress::Copy(at))
        });
        let (copy, position) = match loaded {
            Ok(Some(loaded)) => loaded,
            Ok(None) => {
                if !self.log.is_untouched() {
                    self.pass_over("the persistent copy is gone".to_owned());
                }
                return None;
            }
            Err(error) => {
                self.pass_over(format!("the persistent copy: {error}"));
                return None;
            }
        };
        let applied = position.last_applied;
        if !reaches(&self.log, applied) {
            self.pass_over("the persistent copy ends before the log begins".to_owned());
            return None;
        }
        if self.pending().is_some_and(|(last, _, _)| last > applied) {
            self.pass_over("the persistent copy is older than a snapshot that was received".into());
            return None;
        }
        Some(Found {
            source: StartSource::Copy,
            loading,
            applied,
            membership: position.membership.clone(),
            copy: CopyStart::Opened(copy, position),
        })
    }

    /// The newest snapshot that can be read and that the log carries on.
    fn snapshot(&mut self, progress: &mut dyn FnMut(OpenProgress)) -> Option<Found> {
        while let Some((_, file)) = self.snapshots.first().cloned() {
            match self.read_snapshot(file, progress) {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {
                    self.pass_over("the newest good snapshot ends before the log begins".into());
                    return None;
                }
                Err(error) => {
                    self.pass_over(error.to_string());
                    self.snapshots.remove(0);
                }
            }
        }
        None
    }

    fn read_snapshot(
        &self,
        file: SnapshotFile,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Result<Option<Found>, SnapshotError> {
        if !reaches(&self.log, file.info()?.head.last_log_id) {
            return Ok(None);
        }
        let loading = load(&file, &mut |at| progress(OpenProgress::Snapshot(at)))?;
        let head = &file.info()?.head;
        Ok(Some(Found {
            source: StartSource::Snapshot,
            loading,
            applied: head.last_log_id,
            membership: head.membership.clone(),
            copy: CopyStart::FillFrom(file),
        }))
    }
}
