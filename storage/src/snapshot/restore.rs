//! Restoring: a snapshot becomes the beginning of a new cluster of one node.
//!
//! The log begins again, so the incarnation is a new one; the old tokens stay good as an ancestor's. Everything that
//! was revoked after the snapshot was taken is good again, which nobody can help but everybody must be told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::{CommittedLeaderId, StoredMembership};
use raftgate_model::id::{Incarnation, KeyId, Revision};
use raftgate_model::keyring::KeyCheck;
use raftgate_model::state::record::Meta;
use raftgate_model::state::{Record, RecordKey, Subject};
use raftgate_model::time::{Timestamp, Ttl};

use super::error::{SnapshotError, io_error};
use super::format::{SnapshotHead, SnapshotInfo, SnapshotOrigin};
use super::reader::{Progress, SnapshotReader};
use super::writer::SnapshotWriter;
use super::{SnapshotFolder, snapshot_id};
use crate::disk::Disk;
use crate::types::{LogId, Node};

/// The log index at which a restored cluster begins; what stands before it is in the snapshot alone.
const FOUNDING_INDEX: u64 = 1;

/// What becomes of the tokens in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantsAfterRestore {
    /// They stay good until they expire.
    Keep,
    /// All are revoked.
    Revoke,
}

/// The node that a restored cluster begins with.
#[derive(Clone, Debug)]
pub struct Founder {
    /// Its id.
    pub id: u64,
    /// Its name and address.
    pub node: Node,
    /// The new incarnation, random.
    pub incarnation: Incarnation,
    /// The keys that its ring holds.
    pub keys: Vec<KeyCheck>,
    /// The key of the ring that new tokens are minted with from now on.
    pub active_key: KeyCheck,
    /// The time of day.
    pub now: Timestamp,
    /// What becomes of the tokens.
    pub grants: GrantsAfterRestore,
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// The snapshot that it began with.
    pub from: SnapshotInfo,
    /// The snapshot that the new cluster begins with.
    pub founded: SnapshotInfo,
    /// Revocations and rotations since this time are lost, up to the moment of the restore.
    pub lost_since: Timestamp,
    /// How long that is.
    pub lost: Ttl,
    /// How many authorization codes were dropped.
    pub codes_dropped: u64,
}

/// Founds a one-node cluster in an empty folder of snapshots from a snapshot file. Blocks on the disk.
///
/// The node that starts with that folder and an empty log cuts its log to it and carries on from there.
///
/// # Errors
/// The snapshot is damaged or was never founded, its keys are missing, or the folder is not empty.
pub fn restore(
    disk: &dyn Disk,
    name: &str,
    folder: &SnapshotFolder,
    founder: &Founder,
    progress: &mut dyn FnMut(Progress),
) -> Result<Restored, SnapshotError> {
    let from = super::inspect(disk, name, progress)?;
    check_keys(&from, founder)?;
    let path = disk.path_of(name);
    if from.head.cluster == [0; 16] {
        return Err(SnapshotError::NotFounded { path });
    }
    let file = disk.open(name).map_err(io_error("open", path.clone()))?;
    let mut reader = SnapshotReader::open(file, path)?;
    let head = founding_head(&from.head, founder);
    let mut codes_dropped = 0;
    let founded = folder.found(head, |writer| {
        codes_dropped = copy_records(&mut reader, writer, founder, progress)?;
        Ok(())
    })?;
    // The state's clock stands still when nothing happens, so this may name too long a span, never too short a one.
    let lost_since = from.head.clock;
    Ok(Restored {
        lost: founder.now.since(lost_since),
        lost_since,
        from,
        founded,
        codes_dropped,
    })
}

/// The founder's ring must hold every key that the snapshot names, and the same ones.
fn check_keys(from: &SnapshotInfo, founder: &Founder) -> Result<(), SnapshotError> {
    let held: BTreeSet<KeyId> = founder.keys.iter().map(|key| key.id).collect();
    let needed = from.totals.keys.iter().chain([&founder.active_key.id]);
    let missing: BTreeSet<KeyId> = needed.filter(|key| !held.contains(key)).copied().collect();
    if !missing.is_empty() {
        let missing = missing.into_iter().collect();
        return Err(SnapshotError::MissingKeys { missing });
    }
    let is_other = |known: &&KeyCheck| {
        let own = founder.keys.iter().find(|own| own.id == known.id);
        own.is_some_and(|own| own.value != known.value)
    };
    let foreign = from.head.keys.iter().filter(is_other);
    let foreign: Vec<KeyId> = foreign.map(|key| key.id).collect();
    if foreign.is_empty() {
        Ok(())
    } else {
        Err(SnapshotError::OtherKeys { foreign })
    }
}

fn founding_head(from: &SnapshotHead, founder: &Founder) -> SnapshotHead {
    let first = LogId::new(CommittedLeaderId::new(0, 0), FOUNDING_INDEX);
    let voters = vec![BTreeSet::from([founder.id])];
    let nodes = BTreeMap::from([(founder.id, founder.node.clone())]);
    let membership = openraft::Membership::new(voters, nodes);
    let mut ancestors = from.ancestors.clone();
    ancestors.push(from.incarnation);
    SnapshotHead {
        id: snapshot_id(Some(first), founder.now),
        origin: SnapshotOrigin::Restored,
        cluster: from.cluster,
        incarnation: founder.incarnation,
        ancestors,
        last_log_id: Some(first),
        keys: activated(&from.keys, founder),
        membership: StoredMembership::new(Some(first), membership),
        revision: Revision(from.revision.0.saturating_add(1)),
        clock: from.clock,
        created_at: founder.now,
    }
}

/// Copies what a new cluster takes over; answers how many codes it does not.
fn copy_records(
    reader: &mut SnapshotReader,
    writer: &mut SnapshotWriter<'_>,
    founder: &Founder,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, SnapshotError> {
    let mut codes_dropped = 0_u64;
    let everyone = RecordKey::Mark(Subject::Everyone);
    let mut marked_at = None;
    while let Some(records) = reader.next_records()? {
        for (key, record) in records {
            match record {
                // Whoever held such a code asks for a new one; requests of nodes that are gone are not repeated.
                Record::Code(_) => codes_dropped = codes_dropped.saturating_add(1),
                Record::Boot(_) => {}
                Record::Mark(_)
                    if key == everyone && founder.grants == GrantsAfterRestore::Revoke => {}
                Record::Meta(meta) => {
                    let meta = founding_meta(&meta, founder);
                    marked_at = Some(meta.revision);
                    writer.put(&key, &Record::Meta(Arc::new(meta)))?;
                }
                record => writer.put(&key, &record)?,
            }
        }
        progress(reader.progress());
    }
    progress(reader.progress());
    if founder.grants == GrantsAfterRestore::Revoke {
        let revision = marked_at.unwrap_or_default();
        writer.put(&everyone, &Record::Mark(revision))?;
    }
    Ok(codes_dropped)
}

/// The state's record of itself in its new incarnation; one revision on, as if a command had done it.
fn founding_meta(meta: &Meta, founder: &Founder) -> Meta {
    let revision = Revision(meta.revision.0.saturating_add(1));
    let newest_mark = match founder.grants {
        GrantsAfterRestore::Keep => meta.newest_mark,
        GrantsAfterRestore::Revoke => revision,
    };
    Meta {
        incarnation: founder.incarnation,
        ancestors: meta
            .ancestors
            .iter()
            .copied()
            .chain([meta.incarnation])
            .collect(),
        revision,
        newest_mark,
        active_key: founder.active_key.id,
        keys: activated(&meta.keys, founder).into(),
        ..meta.clone()
    }
}

/// The keys that have been active, the founder's with them.
fn activated(keys: &[KeyCheck], founder: &Founder) -> Vec<KeyCheck> {
    let others = keys.iter().filter(|key| key.id != founder.active_key.id);
    others.copied().chain([founder.active_key]).collect()
}
