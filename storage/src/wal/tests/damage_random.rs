//! Damage at random places.

use proptest::prelude::*;

use super::harness::Rig;
use super::specimen::{Specimen, change, damage_of, specimen};
use crate::disk::SECTOR_BYTES;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_anywhere_is_damage(segment in 1..4_u32, byte in 0..65536_usize, bit in 0..8_u32) {
        let Specimen { machine, .. } = specimen();
        change(&machine, segment, |bytes| bytes[byte] ^= 1 << bit);
        prop_assert!(Rig::reopen(&machine).is_err());
    }

    #[test]
    fn garbage_over_any_range_never_loses_silently(
        segment in 1..4_u32,
        start in 0..65536_usize,
        garbage in proptest::collection::vec(any::<u8>(), 1..3000),
    ) {
        let Specimen { machine, content, .. } = specimen();
        change(&machine, segment, |bytes| {
            for (byte, new) in bytes[start..].iter_mut().zip(&garbage) {
                *byte = *new;
            }
        });
        if let Ok(found) = damage_of(&machine) {
            prop_assert_eq!(found, content);
        }
    }

    #[test]
    fn zeros_over_any_range_lose_at_most_the_last_frame(
        segment in 1..4_u32,
        start in 0..65536_usize,
        length in 1..3000_usize,
    ) {
        let Specimen { machine, content, frames } = specimen();
        change(&machine, segment, |bytes| bytes.iter_mut().skip(start).take(length).for_each(|byte| *byte = 0));
        let last = frames.last().unwrap();
        let in_last = segment == 2 && start + length > last.start * SECTOR_BYTES;
        if let Ok(found) = damage_of(&machine) {
            prop_assert!(in_last || found == content);
        }
    }
}
