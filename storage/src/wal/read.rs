//! Reading entries: the newest from memory, older ones from their segments, neighbours by one read.

use std::ops::Range;

use bytes::Bytes;

use super::index::Located;
use super::segment::{EntryPlace, Segment};
use super::shared::{Inner, Shared};
use super::{Damage, WalError};

/// Most bytes that are read from a segment at once, unless a single entry is larger.
const RUN_BYTES_MAX: u64 = 1 << 20;

/// Entries that stand close enough in one segment to be read at once.
struct Run {
    segment: Segment,
    start: u64,
    end: u64,
    places: Vec<EntryPlace>,
}

enum Step {
    Ready(u64, Bytes),
    Load(Run),
}

pub(super) fn read(
    shared: &Shared,
    range: Range<u64>,
    bytes_max: usize,
) -> Result<Vec<(u64, Bytes)>, WalError> {
    let steps = {
        let inner = shared.inner.lock();
        inner.check_open()?;
        plan(&inner, inner.index.locate(range, bytes_max))?
    };
    let mut entries = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            Step::Ready(index, payload) => entries.push((index, payload)),
            Step::Load(run) => {
                let sectors = run.segment.read_sectors(run.start, run.end)?;
                for place in &run.places {
                    let payload = run.segment.entry_in(&sectors, run.start, place)?;
                    entries.push((place.index, payload));
                }
            }
        }
    }
    Ok(entries)
}

fn plan(inner: &Inner, located: Vec<Located>) -> Result<Vec<Step>, WalError> {
    let mut steps = Vec::new();
    for entry in located {
        let (number, place) = match entry {
            Located::Cached { index, payload } => {
                steps.push(Step::Ready(index, payload));
                continue;
            }
            Located::Written { segment, place } => (segment, place),
        };
        if let Some(Step::Load(run)) = steps.last_mut()
            && run.segment.number == number
            && place.first_sector() >= run.start
            && place.sectors_end() - run.start <= RUN_BYTES_MAX
        {
            run.end = run.end.max(place.sectors_end());
            run.places.push(place);
            continue;
        }
        let segment = inner.segment(number).ok_or_else(|| WalError::Corrupt {
            file: super::segment::segment_name(number),
            offset: place.offset,
            damage: Damage::LostSegment { number },
        })?;
        steps.push(Step::Load(Run {
            segment: segment.clone(),
            start: place.first_sector(),
            end: place.sectors_end(),
            places: vec![place],
        }));
    }
    Ok(steps)
}
