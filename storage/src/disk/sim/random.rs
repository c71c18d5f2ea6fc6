//! The seeded choices of what survives a power cut.

use super::Survival;

/// A source of survival choices that gives the same answers for the same seed.
#[derive(Debug)]
pub(super) struct Choices {
    survival: Survival,
    state: u64,
}

impl Choices {
    /// Starts the choices of one power cut.
    pub(super) fn new(survival: Survival) -> Self {
        let state = match survival {
            Survival::Random(seed) => seed,
            Survival::Nothing | Survival::Everything => 0,
        };
        Self { survival, state }
    }

    /// Chooses one of the versions 0 (the synced one) to `newest`.
    pub(super) fn version(&mut self, newest: usize) -> usize {
        match self.survival {
            Survival::Nothing => 0,
            Survival::Everything => newest,
            Survival::Random(_) => {
                let count = newest as u64 + 1;
                usize::try_from(self.next() % count).unwrap_or(0)
            }
        }
    }

    /// Draws the next 64 bits (splitmix64, Steele, Lea and Flood 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
