//! `raftgate snapshot restore`: the data directory of a new cluster of one node, made without a running node.

use std::path::Path;
use std::sync::Arc;

use raftgate_model::time::Ttl;
use raftgate_storage::snapshot::GrantsAfterRestore;

use super::super::terminal::{Exit, Terminal};
use super::report::Steps;
use crate::boot::{Restoration, RestoreOrder, Surroundings, restore};
use crate::clock::{SystemClock, SystemEntropy, http_date};
use crate::config::environment::Environment;
use crate::config::flags::Flags;
use crate::config::{load, table};

/// Where to restore to, and how.
pub(super) struct Destination<'a> {
    pub(super) data_dir: &'a str,
    pub(super) config: Option<&'a Path>,
    pub(super) grants: GrantsAfterRestore,
}

/// Restores a snapshot.
pub(super) fn run(
    snapshot: &Path,
    into: &Destination<'_>,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Exit {
    let flags = Flags::default().with("--data-dir", table::NODE_DATA_DIR, Some(into.data_dir));
    let settings = match load(into.config, environment, &flags) {
        Ok(settings) => settings,
        Err(errors) => {
            terminal.complain(errors);
            return Exit::Usage;
        }
    };
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let order = RestoreOrder {
        settings: &settings,
        snapshot,
        grants: into.grants,
    };
    let mut steps = Steps::new("read", terminal);
    match restore(order, &surroundings, &mut |progress| steps.tell(progress)) {
        Ok(restoration) => {
            say(&restoration, into, terminal);
            Exit::Success
        }
        Err(error) => {
            terminal.complain(error);
            Exit::Failure
        }
    }
}

fn say(restoration: &Restoration, into: &Destination<'_>, terminal: &mut Terminal<'_>) {
    let restored = &restoration.restored;
    terminal.say(format_args!(
        "restored {} records into {} as the node {}",
        restored.founded.totals.records, into.data_dir, restoration.node
    ));
    terminal.say(format_args!(
        "incarnation {}, after {}",
        restored.founded.head.incarnation, restored.from.head.incarnation
    ));
    terminal.say(format_args!(
        "the key ring {} has the new active key {}: export it again (raftgate keys export)",
        restoration.ring.display(),
        restoration.new_key
    ));
    terminal.say(format_args!(
        "authorization codes dropped: {}",
        restored.codes_dropped
    ));
    if into.grants == GrantsAfterRestore::Revoke {
        terminal.say(
            "all access and refresh tokens of the snapshot are revoked; keys, users, admin tokens and client secrets stay",
        );
    }
    terminal.say(format_args!(
        "revocations and rotations between {} and {} ({}) are lost",
        http_date(restored.lost_since),
        http_date(restored.founded.head.created_at),
        span(restored.lost)
    ));
}

/// A length of time as people say it, in two units at most.
fn span(lost: Ttl) -> String {
    let seconds = lost.as_s_ceil();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_two_units_and_never_too_short() {
        for (ms, text) in [
            (0, "0 s"),
            (1, "1 s"),
            (59_000, "59 s"),
            (61_000, "1 min 1 s"),
            (3_600_000, "1 h 0 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(Ttl::from_ms(ms)), text);
        }
    }
}
