//! Damage to each file of a node's storage: the same digest, or a refusal that names the file and the way out.

use raftgate_model::testing::Choices;

use super::damage::files;
use super::whole_node::{LOG, SNAPSHOTS, WholeNode};
use super::*;
use crate::disk::Disk;
use crate::disk::sim::{SimMachine, Survival};
use crate::types::Vote;
use openraft::storage::RaftLogStorage;

/// How many bytes of each file are changed, one at a time.
const FLIPS: usize = 24;

/// Whether the log was cut to a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Whole,
    Cut,
}

/// A stopped node with a log of several segments, two snapshots and a copy.
struct Stopped {
    machine: SimMachine,
    folder: TempDir,
    log: TestLog,
}

async fn stopped(reach: Reach) -> Stopped {
    let log = TestLog::new(31, 150);
    let machine = SimMachine::new();
    let folder = TempDir::new().unwrap();
    let mut node = WholeNode::open(&machine, &folder.path().join("copy"))
        .await
        .unwrap();
    node.log.save_vote(&Vote::new(2, 1)).await.unwrap();
    for upto in [50, 100, log.last()] {
        let last = node.last().await;
        assert!(node.append(log.between(last, upto)).await);
        assert!(node.apply(upto).await);
        node.log.save_committed(Some(log_id(upto))).await.unwrap();
        if upto < log.last() {
            assert!(node.snapshot(&machine).await);
        }
    }
    if reach == Reach::Cut {
        node.log.purge(log_id(80)).await.unwrap();
    }
    node.log.save_vote(&Vote::new(3, 1)).await.unwrap();
    node.compare(&log).await;
    node.machine.flush_copy().await;
    drop(node);
    machine.restart(Survival::Everything);
    Stopped {
        machine,
        folder,
        log,
    }
}

/// The content of everything on a simulated machine, to be put back after each case.
type Images = Vec<(&'static str, String, Vec<u8>)>;

fn images(machine: &SimMachine) -> Images {
    let mut images = Vec::new();
    for folder in [LOG, SNAPSHOTS] {
        for name in machine.disk(folder).list().unwrap() {
            let mut image = Vec::new();
            machine
                .damage(folder, &name, |bytes| image.clone_from(bytes))
                .unwrap();
            images.push((folder, name, image));
        }
    }
    images.sort();
    images
}

fn machine_of(images: &Images) -> SimMachine {
    let machine = SimMachine::new();
    for (folder, name, image) in images {
        let disk = machine.disk(folder);
        disk.create(name).unwrap().write_at(image, 0).unwrap();
    }
    machine.restart(Survival::Everything);
    machine
}

/// The damaged forms of a file; `None` for one that is gone.
fn damaged(image: &[u8], choices: &mut Choices) -> Vec<(String, Option<Vec<u8>>)> {
    let mut forms = vec![("removed".to_owned(), None)];
    for keep in [
        0,
        1,
        511,
        512,
        image.len() / 2,
        image.len().saturating_sub(1),
    ] {
        if keep < image.len() {
            forms.push((format!("cut to {keep}"), Some(image[..keep].to_vec())));
        }
    }
    let used = image
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(1, |last| last + 1);
    let at = |choices: &mut Choices| usize::try_from(choices.below(used as u64)).unwrap();
    let mut places: BTreeSet<usize> = (0..FLIPS).map(|_| at(choices)).collect();
    places.extend([0, used - 1]);
    for place in places.into_iter().filter(|place| *place < image.len()) {
        let mut changed = image.to_vec();
        changed[place] ^= 1 << choices.below(8);
        forms.push((format!("changed at {place}"), Some(changed)));
    }
    forms
}

/// What became of the damaged nodes.
#[derive(Debug, Default)]
struct Tally {
    served: u32,
    refused: u32,
}

impl Tally {
    /// Starts with the damage: the same digest and vote, or a refusal that names `file` and what to do.
    async fn judge(
        &mut self,
        (machine, copy): (&SimMachine, &Path),
        log: &TestLog,
        (file, what): (&str, &str),
    ) {
        match WholeNode::reopen(machine, copy).await {
            Ok(mut node) => {
                self.served += 1;
                assert_eq!(node.last().await, log.last(), "{file} {what}");
                assert_eq!(node.vote().await, Some(Vote::new(3, 1)), "{file} {what}");
                node.compare(log).await;
            }
            Err(refused) => {
                self.refused += 1;
                let said = refused.to_string();
                assert!(said.contains(file), "{file} {what}: {said}");
                for way in ["join the cluster again as a new node", "restore a snapshot"] {
                    assert!(said.contains(way), "{file} {what}: {said}");
                }
            }
        }
    }
}

fn copied(folder: &Path) -> TempDir {
    let copied = TempDir::new().unwrap();
    copy_folder(folder, copied.path());
    copied
}

/// Damages each file of a simulated folder and starts; the copy is whole or gone.
async fn damage_each(stopped: &Stopped, folder: &str, copy: Option<&Path>) -> Tally {
    let (mut tally, mut choices) = (Tally::default(), Choices::new(5));
    let whole = images(&stopped.machine);
    for (position, (in_folder, name, image)) in whole.iter().enumerate() {
        if *in_folder != folder {
            continue;
        }
        for (what, form) in damaged(image, &mut choices) {
            let mut images = whole.clone();
            match form {
                Some(bytes) => images[position].2 = bytes,
                None => drop(images.remove(position)),
            }
            let own = copy.map_or_else(|| TempDir::new().unwrap(), copied);
            // A segment that is gone is named by its number, in the words of the one before it.
            let file = if what == "removed" { folder } else { name };
            let machine = machine_of(&images);
            tally
                .judge(
                    (&machine, &own.path().join("copy")),
                    &stopped.log,
                    (file, &what),
                )
                .await;
        }
    }
    tally
}

#[test]
fn damage_to_the_log_is_refused_or_changes_nothing() {
    run(async {
        for reach in [Reach::Whole, Reach::Cut] {
            let stopped = stopped(reach).await;
            let copy = stopped.folder.path();
            for copy in [Some(copy), None] {
                let tally = damage_each(&stopped, LOG, copy).await;
                // Only a segment that was prepared and not used yet can be gone without a loss.
                assert!(
                    tally.refused > 40 && tally.served < 3,
                    "{reach:?}: {tally:?}"
                );
            }
        }
    });
}

#[test]
fn damage_to_a_snapshot_is_made_up_for_by_the_copy_or_the_log() {
    run(async {
        let whole = stopped(Reach::Whole).await;
        let cut = stopped(Reach::Cut).await;
        let tally = damage_each(&whole, SNAPSHOTS, None).await;
        assert!(tally.served > 40 && tally.refused == 0, "{tally:?}");
        let tally = damage_each(&cut, SNAPSHOTS, Some(cut.folder.path())).await;
        assert!(tally.served > 40 && tally.refused == 0, "{tally:?}");
        // The newest snapshot is the only one that the cut log carries on, and there is no copy.
        let tally = damage_each(&cut, SNAPSHOTS, None).await;
        assert!(tally.served > 10 && tally.refused > 10, "{tally:?}");
    });
}

#[test]
fn damage_to_the_copy_is_made_up_for_by_snapshot_and_log() {
    run(async {
        for reach in [Reach::Whole, Reach::Cut] {
            let stopped = stopped(reach).await;
            let images = images(&stopped.machine);
            let (mut tally, mut choices) = (Tally::default(), Choices::new(6));
            let root = stopped.folder.path();
            for path in files(&root.join("copy")) {
                let image = std::fs::read(&path).unwrap();
                let name = path.strip_prefix(root).unwrap();
                for (what, form) in damaged(&image, &mut choices) {
                    let own = copied(root);
                    match form {
                        Some(bytes) => std::fs::write(own.path().join(name), bytes).unwrap(),
                        None => std::fs::remove_file(own.path().join(name)).unwrap(),
                    }
                    let machine = machine_of(&images);
                    let copy = own.path().join("copy");
                    let case = (name.to_str().unwrap(), what.as_str());
                    tally.judge((&machine, &copy), &stopped.log, case).await;
                }
            }
            assert!(
                tally.served > 40 && tally.refused == 0,
                "{reach:?}: {tally:?}"
            );
        }
    });
}
