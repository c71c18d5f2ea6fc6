//! Power cuts of a whole node: log, vote, snapshots and the persistent copy lose what was not synced, each file for itself.
//!
//! The log and the snapshots stand on a simulated disk, which forgets by sector and by directory entry. The copy is sled's
//! own affair and never synced; what may be left of its files is put together from how they looked at different times.

use std::collections::BTreeMap;

use openraft::storage::RaftLogStorage;
use raftgate_model::testing::Choices;

use super::whole_node::WholeNode;
use super::*;
use crate::disk::SECTOR_BYTES;
use crate::disk::sim::{SimMachine, Survival};
use crate::types::Vote;

/// How many nodes live, and how often each loses power.
const NODES: u64 = 36;
const LIVES: u64 = 4;
/// The most disk operations before a cut.
const OPERATIONS: u64 = 260;

/// The files of the copy as they looked at one time, by their names below its folder.
type Look = BTreeMap<String, Vec<u8>>;

fn look_at(folder: &Path, below: &str, look: &mut Look) {
    let Ok(entries) = std::fs::read_dir(folder.join(below)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            look_at(folder, &format!("{name}/"), look);
        } else if let Ok(bytes) = std::fs::read(entry.path()) {
            // A file that is gone by now was removed while it was looked at.
            look.insert(name, bytes);
        }
    }
}

/// What a power cut may leave of files that were never synced: each by itself in an older or the newest form, in sectors of
/// both, cut to an older length, or not at all.
fn left_of(looks: &[Look], choices: &mut Choices) -> Look {
    let mut left = Look::new();
    let names: BTreeSet<&String> = looks.iter().flat_map(Look::keys).collect();
    for name in names {
        let versions: Vec<_> = looks.iter().filter_map(|look| look.get(name)).collect();
        let newest = versions.last().unwrap();
        let older = choices.pick(&versions).unwrap();
        let bytes = match choices.below(8) {
            0 => continue,
            1..=2 => (*older).clone(),
            3..=4 => mixed(older, newest, choices),
            5 => newest[..newest.len().min(older.len())].to_vec(),
            _ => (*newest).clone(),
        };
        left.insert(name.clone(), bytes);
    }
    left
}

fn mixed(older: &[u8], newest: &[u8], choices: &mut Choices) -> Vec<u8> {
    let mut bytes = newest.to_vec();
    let sectors = bytes.chunks_mut(SECTOR_BYTES).enumerate();
    for (number, sector) in sectors.filter(|_| choices.once_in(2)) {
        let old = older.chunks(SECTOR_BYTES).nth(number).unwrap_or_default();
        // What was never written reads as zeros.
        sector.fill(0);
        sector
            .iter_mut()
            .zip(old)
            .for_each(|(to, from)| *to = *from);
    }
    bytes
}

fn write_down(look: &Look) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in look {
        let path = folder.path().join("copy").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

/// What was acknowledged of a node so far.
#[derive(Default)]
struct Acknowledged {
    last: u64,
    vote: u64,
    snapshots: u64,
}

struct Life<'a> {
    machine: &'a SimMachine,
    node: WholeNode,
    log: &'a TestLog,
    copy: &'a Path,
    acknowledged: &'a mut Acknowledged,
    /// Whether this node builds snapshots, and cuts its log behind them.
    builds: bool,
    looks: Vec<Look>,
}

impl Life<'_> {
    /// One thing that a node does; false when the power is gone.
    async fn step(&mut self, choices: &mut Choices) -> bool {
        match choices.below(16) {
            0..=6 => self.append(1 + choices.below(6)).await,
            7..=9 => self.node.apply(self.acknowledged.last).await,
            10 => self.vote().await,
            11 => {
                let committed = Some(log_id(self.acknowledged.last));
                self.node.log.save_committed(committed).await.is_ok()
            }
            12 if self.builds => {
                let built = self.node.snapshot(self.machine).await;
                self.acknowledged.snapshots += u64::from(built);
                built
            }
            13 if self.builds => self.purge(choices).await,
            14 => {
                self.node.machine.flush_copy().await;
                self.look();
                true
            }
            _ => {
                self.look();
                true
            }
        }
    }

    async fn append(&mut self, count: u64) -> bool {
        let last = self.node.last().await;
        let upto = (last + count).min(self.log.last());
        let appended = upto == last || self.node.append(self.log.between(last, upto)).await;
        if appended {
            self.acknowledged.last = upto;
        }
        appended
    }

    async fn vote(&mut self) -> bool {
        let term = self.acknowledged.vote + 1;
        let saved = self.node.log.save_vote(&Vote::new(term, 1)).await.is_ok();
        if saved {
            self.acknowledged.vote = term;
        }
        saved
    }

    /// Cuts the log somewhere behind the newest snapshot.
    async fn purge(&mut self, choices: &mut Choices) -> bool {
        let Some(info) = self.node.machine.current_snapshot_info() else {
            return true;
        };
        let state = self.node.log.get_log_state().await.unwrap();
        let purged = state.last_purged_log_id.map_or(0, |purged| purged.index);
        let covered = info.head.last_log_id.map_or(0, |last| last.index);
        let upto = covered.saturating_sub(choices.below(8));
        upto <= purged || self.node.log.purge(log_id(upto)).await.is_ok()
    }

    fn look(&mut self) {
        let mut look = Look::new();
        look_at(self.copy, "", &mut look);
        self.looks.push(look);
    }
}

/// Starts after a cut: nothing that was acknowledged is lost, and whatever is left of the copy, the state is that of the log.
async fn start_and_compare(
    machine: &SimMachine,
    copy: &Path,
    log: &TestLog,
    acknowledged: &mut Acknowledged,
) -> WholeNode {
    let mut node = WholeNode::open(machine, copy).await.unwrap();
    let last = node.last().await;
    assert!(last >= acknowledged.last, "{last}");
    let vote = node.vote().await.map_or(0, |vote| vote.leader_id.term);
    assert!(vote >= acknowledged.vote, "{vote}");
    let committed = node.log.read_committed().await.unwrap();
    assert!(committed.is_none_or(|committed| committed.index <= last));
    if acknowledged.snapshots > 0 {
        assert!(node.machine.current_snapshot().is_some());
    }
    node.compare(log).await;
    (acknowledged.last, acknowledged.vote) = (last, vote);
    node
}

async fn lives_of(seed: u64, log: &TestLog) -> BTreeMap<&'static str, u64> {
    let machine = SimMachine::new();
    let mut choices = Choices::new(seed);
    let mut acknowledged = Acknowledged::default();
    let mut folder = TempDir::new().unwrap();
    let mut sources = BTreeMap::new();
    for _ in 0..LIVES {
        let copy = folder.path().join("copy");
        let node = start_and_compare(&machine, &copy, log, &mut acknowledged).await;
        *sources.entry(node.source.name()).or_default() += 1;
        let mut life = Life {
            machine: &machine,
            node,
            log,
            copy: &copy,
            acknowledged: &mut acknowledged,
            builds: !seed.is_multiple_of(3),
            looks: Vec::new(),
        };
        life.look();
        machine.cut_after(choices.below(OPERATIONS));
        for _ in 0..80 {
            if machine.is_powerless() || !life.step(&mut choices).await {
                break;
            }
        }
        life.look();
        let Life { node, looks, .. } = life;
        drop(node);
        machine.restart(Survival::Random(choices.bits()));
        folder = write_down(&left_of(&looks, &mut choices));
    }
    let copy = folder.path().join("copy");
    let node = start_and_compare(&machine, &copy, log, &mut acknowledged).await;
    *sources.entry(node.source.name()).or_default() += 1;
    sources
}

#[test]
fn a_power_cut_of_everything_at_once_loses_nothing_that_was_acknowledged() {
    let log = TestLog::new(21, 220);
    let mut sources: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..NODES {
        for (source, count) in run(lives_of(seed, &log)) {
            *sources.entry(source).or_default() += count;
        }
    }
    // Every way to begin was taken, so the schedules reach what they are for.
    for source in ["the persistent copy", "a snapshot", "the log"] {
        assert!(
            sources.get(source).is_some_and(|count| *count > 2),
            "{sources:?}"
        );
    }
}

#[test]
fn lost_writes_of_the_copy_with_a_whole_log_lead_to_the_same_digest() {
    let log = TestLog::new(22, 160);
    run(async {
        let machine = SimMachine::new();
        let folder = TempDir::new().unwrap();
        let copy = folder.path().join("copy");
        let mut looks = vec![Look::new()];
        let mut node = WholeNode::open(&machine, &copy).await.unwrap();
        assert!(node.log.save_vote(&Vote::new(1, 1)).await.is_ok());
        for upto in (0..=log.last()).step_by(27).chain([log.last()]) {
            let last = node.last().await;
            assert!(upto == last || node.append(log.between(last, upto)).await);
            assert!(node.apply(upto).await);
            node.machine.flush_copy().await;
            let mut look = Look::new();
            look_at(&copy, "", &mut look);
            looks.push(look);
        }
        node.compare(&log).await;
        let digest = node.machine.digest().await.unwrap();
        drop(node);
        machine.restart(Survival::Everything);
        let mut sources = BTreeSet::new();
        let mut check = async |look: &Look| {
            let folder = write_down(look);
            let opened = WholeNode::reopen(&machine, &folder.path().join("copy")).await;
            let mut node = opened.unwrap();
            sources.insert(node.source.name());
            assert!(node.apply(log.last()).await);
            assert_eq!(node.machine.digest().await.unwrap(), digest);
            node.compare(&log).await;
        };
        for look in &looks {
            check(look).await;
        }
        for seed in 0..40 {
            check(&left_of(&looks, &mut Choices::new(seed))).await;
        }
        assert_eq!(sources, BTreeSet::from(["the persistent copy", "the log"]));
    });
}
