//! How far the state is loaded, said in tenths: a big one takes seconds.

use raftgate_storage::machine::OpenProgress;
use raftgate_storage::snapshot::Progress;

/// What was said so far.
#[derive(Default)]
pub(super) struct Loading {
    said: Option<Word>,
}

/// One word on the progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    from: &'static str,
    percent: u64,
}

impl Loading {
    /// Logs it if there is something new to say.
    pub(super) fn tell(&mut self, progress: OpenProgress) {
        if let Some(Word { from, percent }) = self.next(progress) {
            tracing::info!(from, percent, "loading the state");
        }
    }

    fn next(&mut self, progress: OpenProgress) -> Option<Word> {
        let (from, Progress { done, total }) = match progress {
            OpenProgress::Copy(at) => ("the persistent copy", at),
            OpenProgress::Snapshot(at) => ("a snapshot", at),
        };
        let tenths = done.saturating_mul(10) / total.max(1);
        let percent = tenths.min(10).saturating_mul(10);
        let word = Word { from, percent };
        let is_new = percent > 0 && self.said != Some(word);
        self.said = is_new.then_some(word).or(self.said);
        is_new.then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(steps: &[OpenProgress]) -> Vec<(&'static str, u64)> {
        let mut loading = Loading::default();
        let words = steps.iter().filter_map(|step| loading.next(*step));
        words.map(|word| (word.from, word.percent)).collect()
    }

    #[test]
    fn each_tenth_is_said_once_per_source() {
        let at = |done| Progress { done, total: 1000 };
        let mut steps: Vec<_> = (0..=50).map(|n| OpenProgress::Copy(at(n * 10))).collect();
        // The copy turns out to be damaged, and a snapshot is read instead.
        steps.extend((0..=100).map(|n| OpenProgress::Snapshot(at(n * 10))));
        let copy = (1..=5).map(|tenth| ("the persistent copy", tenth * 10));
        let snapshot = (1..=10).map(|tenth| ("a snapshot", tenth * 10));
        assert_eq!(said(&steps), copy.chain(snapshot).collect::<Vec<_>>());
    }

    #[test]
    fn a_total_that_is_not_known_or_wrong_does_no_harm() {
        for (done, total) in [(5, 0), (20, 10), (u64::MAX, 1)] {
            let step = OpenProgress::Copy(Progress { done, total });
            assert_eq!(said(&[step, step]), [("the persistent copy", 100)]);
        }
        assert_eq!(
            said(&[OpenProgress::Copy(Progress { done: 0, total: 9 })]),
            []
        );
    }
}
