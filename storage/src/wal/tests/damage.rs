//! Damage of every kind: told apart from a torn tail exactly, and never repaired by forgetting.

use bytes::Bytes;

use super::harness::{FOLDER, Rig, config, payload};
use super::model::Content;
use super::specimen::{Specimen, change, clear, damage_of, frames_of, image, specimen};
use crate::disk::SECTOR_BYTES;
use crate::disk::sim::SimMachine;
use crate::wal::segment::segment_name;
use crate::wal::{Damage, OpenMode, WalError, WalId};

#[test]
fn the_last_frame_may_be_torn_in_any_way_and_nothing_else_is_forgotten() {
    let whole = specimen();
    let last = whole.frames.last().unwrap().clone();
    for kept in 0..1_u32 << last.len() {
        let Specimen {
            machine, content, ..
        } = specimen();
        change(&machine, 2, |bytes| {
            for (bit, sector) in last.clone().enumerate() {
                if kept & (1 << bit) == 0 {
                    clear(bytes, sector);
                }
            }
        });
        let rig = Rig::reopen(&machine).unwrap();
        let complete = kept == (1 << last.len()) - 1;
        assert_eq!(rig.wal.status().repaired, !complete && kept != 0);
        let found = Content::of(&rig).unwrap();
        assert_eq!(found == content, complete);
        assert_eq!(
            rig.wal.state().last_index,
            Some(if complete { 8 } else { 7 })
        );
        assert_eq!(rig.wal.state().vote.as_deref(), Some(&b"newer vote"[..]));
        // What was torn is gone for good and gives no room to mix frames.
        if !complete {
            rig.append(8, b"instead").unwrap();
        }
        drop(rig);
        assert!(damage_of(&machine).is_ok());
    }
}

#[test]
fn a_broken_frame_before_any_sector_of_a_later_one_is_damage() {
    let whole = specimen();
    let last = whole.frames.last().unwrap().clone();
    let before = whole.frames[whole.frames.len() - 2].clone();
    assert!(before.len() > 2);
    for kept in 1..1_u32 << last.len() {
        for cleared in 1..1_u32 << before.len() {
            let Specimen { machine, .. } = specimen();
            change(&machine, 2, |bytes| {
                for (bit, sector) in last.clone().enumerate() {
                    if kept & (1 << bit) == 0 {
                        clear(bytes, sector);
                    }
                }
                for (bit, sector) in before.clone().enumerate() {
                    if cleared & (1 << bit) != 0 {
                        clear(bytes, sector);
                    }
                }
            });
            let found = damage_of(&machine);
            assert!(matches!(found, Err(Damage::LostFrame { .. })), "{found:?}");
        }
    }
}

#[test]
fn a_cleared_frame_anywhere_before_the_last_is_damage() {
    for segment in 1..=2 {
        let frames = frames_of(&image(&specimen().machine, segment));
        let checked = if segment == 1 {
            frames.len()
        } else {
            frames.len() - 1
        };
        for frame in &frames[..checked] {
            let Specimen { machine, .. } = specimen();
            change(&machine, segment, |bytes| {
                frame.clone().for_each(|sector| clear(bytes, sector))
            });
            assert!(matches!(damage_of(&machine), Err(Damage::LostFrame { .. })));
        }
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_header_and_frames_is_damage() {
    let Specimen {
        machine,
        frames,
        content,
    } = specimen();
    let used = frames.last().unwrap().end * SECTOR_BYTES;
    let first = frames_of(&image(&machine, 1)).last().unwrap().end * SECTOR_BYTES;
    let places = (0..used).step_by(13).map(|byte| (2, byte));
    let places = places.chain(
        (0..SECTOR_BYTES)
            .step_by(7)
            .flat_map(|byte| [(1, byte), (3, byte)]),
    );
    let places = places.chain((first - 600..first).step_by(11).map(|byte| (1, byte)));
    for (segment, byte) in places {
        change(&machine, segment, |bytes| bytes[byte] ^= 0x10);
        let refused = Rig::reopen(&machine).map(|_| ());
        match refused {
            Err(WalError::Corrupt { file, offset, .. }) => {
                assert_eq!(file, format!("wal/{}", segment_name(segment)));
                assert_eq!(offset as usize / SECTOR_BYTES, byte / SECTOR_BYTES);
            }
            other => panic!("segment {segment} byte {byte}: {other:?}"),
        }
        change(&machine, segment, |bytes| bytes[byte] ^= 0x10);
    }
    assert_eq!(damage_of(&machine).unwrap(), content);
}

#[test]
fn files_of_the_wrong_size_are_damage() {
    for segment in 1..=3 {
        for size in [0, 100, 511, 512, 513, 1024, 5000, 65535, 65537, 70_000] {
            let Specimen { machine, .. } = specimen();
            change(&machine, segment, |bytes| bytes.resize(size, 0));
            let found = damage_of(&machine);
            assert!(
                matches!(found, Err(Damage::Size { .. })),
                "{segment} {size}: {found:?}"
            );
        }
    }
}

#[test]
fn a_missing_segment_is_damage_unless_nothing_was_in_it() {
    for (segment, lost) in [(1, true), (2, true), (3, false)] {
        let Specimen {
            machine, content, ..
        } = specimen();
        machine.steal(FOLDER, &segment_name(segment)).unwrap();
        match damage_of(&machine) {
            Ok(found) => assert!(!lost && found == content),
            Err(damage) => assert!(lost, "{damage}"),
        }
    }
    let Specimen { machine, .. } = specimen();
    for segment in 2..=3 {
        machine.steal(FOLDER, &segment_name(segment)).unwrap();
    }
    assert_eq!(damage_of(&machine), Err(Damage::LostSegment { number: 2 }));
    machine.steal(FOLDER, &segment_name(1)).unwrap();
    assert!(matches!(
        Rig::reopen(&machine),
        Err(WalError::Missing { .. })
    ));
}

#[test]
fn a_missing_oldest_segment_is_damage_when_entries_of_it_are_live() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    for index in 1..=300 {
        rig.append(index, &payload(index, 900)).unwrap();
    }
    rig.purge(100, b"p").unwrap();
    rig.wal.settle().unwrap();
    drop(rig);
    let oldest = (1..9).find(|number| {
        machine
            .damage(FOLDER, &segment_name(*number), |_| ())
            .is_ok()
    });
    machine
        .steal(FOLDER, &segment_name(oldest.unwrap()))
        .unwrap();
    let found = damage_of(&machine);
    assert!(
        matches!(found, Err(Damage::LostEntries { expected: 101, .. })),
        "{found:?}"
    );
}

#[test]
fn segments_of_another_log_or_in_another_place_are_damage() {
    let foreign = SimMachine::new();
    let mode = OpenMode::Create(WalId([8; 16]));
    drop(Rig::open_with(&foreign, config(), mode).unwrap());
    let stranger = image(&foreign, 1);
    let Specimen { machine, .. } = specimen();
    change(&machine, 2, |bytes| bytes.clone_from(&stranger));
    assert_eq!(damage_of(&machine), Err(Damage::ForeignSegment));

    let Specimen { machine, .. } = specimen();
    let second = image(&machine, 2);
    change(&machine, 3, |bytes| bytes.clone_from(&second));
    assert_eq!(damage_of(&machine), Err(Damage::SegmentHeader));

    let Specimen {
        machine, frames, ..
    } = specimen();
    change(&machine, 2, |bytes| {
        let (from, to) = (
            frames[1].start * SECTOR_BYTES,
            frames[2].start * SECTOR_BYTES,
        );
        bytes.copy_within(from..from + SECTOR_BYTES, to);
    });
    assert_eq!(damage_of(&machine), Err(Damage::Checksum));
}

#[test]
fn an_older_copy_of_a_closed_segment_is_damage() {
    let machine = SimMachine::new();
    let rig = Rig::create(&machine);
    rig.append(1, b"one").unwrap();
    rig.wal.settle().unwrap();
    let old = image(&machine, 1);
    rig.append(2, &payload(2, 40_000)).unwrap();
    rig.append(3, &payload(3, 40_000)).unwrap();
    rig.wal.settle().unwrap();
    drop(rig);
    change(&machine, 1, |bytes| bytes.clone_from(&old));
    assert!(matches!(damage_of(&machine), Err(Damage::LostFrame { .. })));
}

#[test]
fn damage_after_opening_is_found_when_the_entry_is_read() {
    let Specimen { machine, .. } = specimen();
    let rig = Rig::reopen(&machine).unwrap();
    change(&machine, 1, |bytes| bytes[20_000] ^= 1);
    let found = rig.wal.read(1..2, usize::MAX);
    assert!(
        matches!(
            found,
            Err(WalError::Corrupt {
                damage: Damage::Checksum,
                ..
            })
        ),
        "{found:?}"
    );
    assert_eq!(
        rig.wal.read(2..3, usize::MAX).unwrap(),
        [(2, Bytes::from(payload(2, 10_000)))]
    );
}

#[test]
fn the_message_names_file_place_and_way_out() {
    let Specimen {
        machine, frames, ..
    } = specimen();
    let byte = frames[1].start * SECTOR_BYTES + 100;
    change(&machine, 2, |bytes| bytes[byte] ^= 1);
    let message = Rig::reopen(&machine).err().unwrap().to_string();
    for part in [
        "0000000002.wal",
        &format!("byte {}", byte - 100),
        "checksum",
        "join",
        "snapshot",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_newer_format_is_named_and_not_called_damage() {
    let Specimen { machine, .. } = specimen();
    change(&machine, 1, |bytes| {
        bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&bytes[0..12]);
        hasher.update(&bytes[16..SECTOR_BYTES]);
        bytes[12..16].copy_from_slice(&hasher.finalize().to_le_bytes());
    });
    let refused = Rig::reopen(&machine).err().unwrap();
    assert!(matches!(
        refused,
        WalError::NewerVersion {
            found: 2,
            supported: 1,
            ..
        }
    ));
}
