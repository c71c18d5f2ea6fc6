//! What the state machine tells of itself while openraft owns it.

use std::sync::Arc;

use raftgate_storage::machine::{CopyStatus, MachineStatus, StateMachine};

/// The figures of the state machine and of its persistent copy.
#[derive(Clone, Debug, Default)]
pub(crate) struct StateGauge {
    pub(crate) machine: Arc<MachineStatus>,
    pub(crate) copy: Arc<CopyStatus>,
}

impl StateGauge {
    pub(super) fn of(machine: &StateMachine) -> Self {
        Self {
            machine: machine.status(),
            copy: machine.copy_status(),
        }
    }

    /// What is wrong with what lies beside the log, as parts of a verdict.
    pub(crate) fn troubles(&self) -> impl Iterator<Item = String> {
        let writing = self.machine.snapshot_writing().borrow().clone();
        let snapshot = writing
            .trouble
            .map(|reason| format!("no snapshot can be written, it is tried again: {reason}"));
        let copy = self.copy.failed().then(|| {
            "the persistent copy of the state failed: the next start builds the state anew"
                .to_owned()
        });
        snapshot.into_iter().chain(copy)
    }
}
