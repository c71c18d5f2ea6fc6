//! What is said of a snapshot, and how far reading one is.

use raftgate_storage::snapshot::{Progress, SnapshotInfo, SnapshotOrigin};

use super::super::terminal::Terminal;
use crate::clock::http_date;

/// Prints everything that a verified snapshot says about itself.
pub(super) fn say(info: &SnapshotInfo, terminal: &mut Terminal<'_>) {
    let head = &info.head;
    let origin = match head.origin {
        SnapshotOrigin::Built => "taken from a running node",
        SnapshotOrigin::Restored => "made by a restore",
    };
    terminal.say(format_args!("id            {}", head.id));
    terminal.say(format_args!("origin        {origin}"));
    terminal.say(format_args!(
        "cluster       {:032x}",
        u128::from_be_bytes(head.cluster)
    ));
    terminal.say(format_args!(
        "incarnation   {}, after {} earlier ones",
        head.incarnation,
        head.ancestors.len()
    ));
    terminal.say(format_args!("last index    {}", last_index(info)));
    terminal.say(format_args!("revision      {}", head.revision));
    terminal.say(format_args!("cluster time  {}", http_date(head.clock)));
    terminal.say(format_args!("taken at      {}", http_date(head.created_at)));
    for (_, node) in head.membership.nodes() {
        terminal.say(format_args!("member        {} {}", node.name, node.address));
    }
    terminal.say(format_args!("size          {} bytes", info.bytes));
    terminal.say(format_args!("records       {}", info.totals.records));
    for (kind, count) in &info.totals.kinds {
        terminal.say(format_args!("  {kind:<11} {count}"));
    }
    let keys: Vec<String> = info.totals.keys.iter().map(ToString::to_string).collect();
    terminal.say(format_args!("keys named    {}", keys.join(", ")));
    terminal.say(format_args!(
        "digest        {}, verified",
        info.totals.digest
    ));
}

/// The index of the last log entry in a snapshot; 0 for one of an empty log.
pub(super) fn last_index(info: &SnapshotInfo) -> u64 {
    info.head.last_log_id.map_or(0, |last| last.index)
}

/// Says on standard error how far reading is, at each tenth.
pub(super) struct Steps<'a, 't> {
    what: &'static str,
    terminal: &'a mut Terminal<'t>,
    told: u64,
}

impl<'a, 't> Steps<'a, 't> {
    pub(super) fn new(what: &'static str, terminal: &'a mut Terminal<'t>) -> Self {
        Self {
            what,
            terminal,
            told: 0,
        }
    }

    pub(super) fn tell(&mut self, progress: Progress) {
        let tenths = progress.done.saturating_mul(10) / progress.total.max(1);
        // Less than before: the same file is gone through once more.
        if tenths != self.told && tenths > 0 {
            let (what, percent) = (self.what, tenths.saturating_mul(10));
            self.terminal.progress(format_args!("{what} {percent} %"));
        }
        self.told = tenths;
    }
}
