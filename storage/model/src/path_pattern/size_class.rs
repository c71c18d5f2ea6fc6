//! The sizes by which compiled patterns are accounted for: what they take themselves, and what matching takes per thread.

/// What is kept of a pattern beside its automata, in bytes.
const BESIDE_BYTES: usize = 2 * 1024;

/// How large a pattern is once compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeClass {
    /// The most that its automaton takes, in bytes; what the patterns of a document are counted by.
    pub(super) automaton_bytes: usize,
    /// From how many bytes on the states are given up that matching made on its way, per thread. Which it makes, the paths
    /// decide, and so whoever asks for them; a pattern that needs more goes on without them, more slowly.
    pub(super) states_bytes: usize,
}

impl SizeClass {
    /// All classes, the smallest first.
    pub(super) const ALL: [Self; 4] = [
        Self::of_kib(4, 8),
        Self::of_kib(16, 16),
        Self::of_kib(64, 64),
        Self::of_kib(256, 128),
    ];

    const fn of_kib(automaton: usize, states: usize) -> Self {
        Self {
            automaton_bytes: automaton * 1024,
            states_bytes: states * 1024,
        }
    }

    /// The most that a pattern takes, in bytes: there is an automaton for each direction.
    pub(super) const fn bytes_max(self) -> usize {
        2 * self.automaton_bytes + BESIDE_BYTES
    }

    /// The most that matching takes per thread, in bytes: tables grow by doubling, and while they do there are two of each.
    pub(super) const fn thread_bytes_max(self) -> usize {
        4 * self.states_bytes
    }
}
