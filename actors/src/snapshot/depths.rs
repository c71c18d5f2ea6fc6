//! Which numbers of segments the listen paths of a table have.

/// The numbers of segments, as a set whose members are counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Depths {
    /// How many listen paths have so many segments.
    counts: Vec<u32>,
    /// Bit n is set when some listen path has n segments.
    present: u64,
}

impl Depths {
    /// Whether some listen path has so many segments.
    pub(super) const fn has(&self, segments: usize) -> bool {
        segments < 64 && self.present & (1 << segments) != 0
    }

    /// Whether some listen path has more segments.
    pub(super) const fn has_beyond(&self, segments: usize) -> bool {
        segments < 63 && self.present >> (segments + 1) != 0
    }

    /// Counts a listen path of so many segments, at most 63.
    pub(super) fn add(&mut self, segments: usize) {
        if self.counts.len() <= segments {
            self.counts.resize(segments.saturating_add(1), 0);
        }
        self.count(segments, |count| count.saturating_add(1));
    }

    /// Forgets one that was counted.
    pub(super) fn remove(&mut self, segments: usize) {
        self.count(segments, |count| count.saturating_sub(1));
    }

    fn count(&mut self, segments: usize, change: impl Fn(u32) -> u32) {
        if let Some(count) = self.counts.get_mut(segments).filter(|_| segments < 64) {
            *count = change(*count);
            let bit = 1 << segments;
            self.present = match *count {
                0 => self.present & !bit,
                _ => self.present | bit,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_is_there_as_long_as_one_listen_path_has_it() {
        let mut depths = Depths::default();
        for segments in [0, 2, 2, 32] {
            depths.add(segments);
        }
        depths.remove(2);
        depths.remove(7);
        let present = |depths: &Depths| (0..70).filter(|at| depths.has(*at)).collect::<Vec<_>>();
        assert_eq!(present(&depths), [0, 2, 32]);
        let beyond = [0, 2, 31, 32, 62, 63, 70].map(|at| depths.has_beyond(at));
        assert_eq!(beyond, [true, true, true, false, false, false, false]);
        depths.remove(2);
        depths.remove(0);
        assert_eq!(present(&depths), [32]);
    }
}
