//! How much is written about answers of our own: the first of each kind in full, and how many more there were.
//!
//! Whoever sends requests decides how many are refused. Written in full, all of them would push out of the queue of the log
//! what only an operator can mend, and each costs more than the refusal itself.

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::answers::{Account, AnswerNote, HeldBack};

/// The time in which lines of a kind are counted; it ends when it is looked at for the first time after that.
pub const WINDOW: Duration = Duration::from_secs(10);
/// The most lines of one kind and API in a window.
pub const LINES_PER_KIND_MAX: u32 = 20;
/// The most lines on one account in a window, of all kinds and APIs.
const LINES_PER_ACCOUNT_MAX: u32 = 500;
/// The most kinds and APIs that are counted apart.
const KINDS_MAX: usize = 1024;
/// What is said of kinds beyond that.
const OTHERS: AnswerNote = AnswerNote {
    what: "several_kinds",
    account: Account::Operator,
};

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It is written.
    InFull,
    /// It is counted, and the count written later.
    Counted,
}

/// The kinds of answers of late, for all workers.
#[derive(Debug, Default)]
pub struct AnswerLines(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    // Without an API, the empty name stands for it.
    by_api: HashMap<Box<str>, Vec<Kind>, ahash::RandomState>,
    kinds: usize,
    others: u64,
    written: [u32; Account::ALL.len()],
    // Of what was written on all accounts.
    began: Option<Instant>,
}

/// One kind of answer of one API.
#[derive(Debug)]
struct Kind {
    note: AnswerNote,
    began: Instant,
    written: u32,
    counted: u64,
}

impl AnswerLines {
    /// Decides about one more line; never about one that whoever reads wants in full.
    pub fn admit(&self, note: AnswerNote, api: Option<&str>, now: Instant) -> Telling {
        let mut table = self.0.lock();
        table.began.get_or_insert(now);
        let Some((kind, written)) = table.kind(note, api.unwrap_or_default(), now) else {
            table.others = table.others.saturating_add(1);
            return Telling::Counted;
        };
        if kind.written < LINES_PER_KIND_MAX && *written < LINES_PER_ACCOUNT_MAX {
            kind.written = kind.written.saturating_add(1);
            *written = written.saturating_add(1);
            Telling::InFull
        } else {
            kind.counted = kind.counted.saturating_add(1);
            Telling::Counted
        }
    }

    /// Ends the windows that are over, and says what was held back in them.
    pub fn end_windows(&self, now: Instant) -> Vec<HeldBack> {
        let is_over = |began: Instant| now.saturating_duration_since(began) >= WINDOW;
        self.0.lock().end(is_over)
    }

    /// Ends all windows.
    pub fn end(&self) -> Vec<HeldBack> {
        self.0.lock().end(|_| true)
    }
}

impl Table {
    /// The window of a kind, and how much was written on its account; `None` when there are too many kinds.
    fn kind(&mut self, note: AnswerNote, api: &str, now: Instant) -> Option<(&mut Kind, &mut u32)> {
        let written = self.written.get_mut(note.account as usize)?;
        if !self.by_api.contains_key(api) {
            if self.kinds >= KINDS_MAX {
                return None;
            }
            self.by_api.insert(api.into(), Vec::new());
        }
        let kinds = self.by_api.get_mut(api)?;
        let place = match kinds.iter().position(|kind| kind.note == note) {
            Some(place) => place,
            None if self.kinds >= KINDS_MAX => return None,
            None => {
                self.kinds = self.kinds.saturating_add(1);
                kinds.push(Kind {
                    note,
                    began: now,
                    written: 0,
                    counted: 0,
                });
                kinds.len().saturating_sub(1)
            }
        };
        Some((kinds.get_mut(place)?, written))
    }

    fn end(&mut self, is_over: impl Fn(Instant) -> bool) -> Vec<HeldBack> {
        let mut held_back = Vec::new();
        self.by_api.retain(|api, kinds| {
            for kind in kinds.extract_if(.., |kind| is_over(kind.began)) {
                self.kinds = self.kinds.saturating_sub(1);
                if kind.counted > 0 {
                    held_back.push(HeldBack {
                        api: Some(api.clone()).filter(|api| !api.is_empty()),
                        note: kind.note,
                        lines: kind.counted,
                    });
                }
            }
            !kinds.is_empty()
        });
        if self.began.is_some_and(is_over) {
            self.began = None;
            self.written = Default::default();
            let lines = mem::take(&mut self.others);
            if lines > 0 {
                held_back.push(HeldBack {
                    api: None,
                    note: OTHERS,
                    lines,
                });
            }
        }
        held_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_FOUND: AnswerNote = AnswerNote::of_caller("not_found");

    fn in_full(lines: &AnswerLines, note: AnswerNote, api: Option<&str>, now: Instant) -> bool {
        lines.admit(note, api, now) == Telling::InFull
    }

    #[test]
    fn the_first_of_a_kind_are_written_and_the_others_counted() {
        let lines = AnswerLines::default();
        let began = Instant::now();
        let written = (0..1_000)
            .filter(|_| in_full(&lines, NOT_FOUND, Some("a"), began))
            .count();
        assert_eq!(written, LINES_PER_KIND_MAX as usize);
        // Each kind and API has its own.
        let other = AnswerNote::of_caller("no_right");
        assert!(in_full(&lines, other, Some("a"), began));
        assert!(in_full(&lines, NOT_FOUND, Some("b"), began));
        assert!(in_full(&lines, NOT_FOUND, None, began));
        assert!(lines.end_windows(began + WINDOW / 2).is_empty());
        let told = lines.end_windows(began + WINDOW);
        let expected = HeldBack {
            api: Some("a".into()),
            note: NOT_FOUND,
            lines: 980,
        };
        assert_eq!(told, [expected]);
        assert!(in_full(&lines, NOT_FOUND, Some("a"), began + WINDOW));
        assert!(lines.end().is_empty(), "what was written is not told twice");
    }

    #[test]
    fn callers_cannot_use_up_what_is_for_the_operator() {
        let lines = AnswerLines::default();
        let now = Instant::now();
        let mut written = 0;
        for number in 0..KINDS_MAX / 2 {
            let api = number.to_string();
            for _ in 0..3 {
                written += u32::from(in_full(&lines, NOT_FOUND, Some(&api), now));
            }
        }
        assert_eq!(written, LINES_PER_ACCOUNT_MAX);
        let operators = AnswerNote {
            what: "upstream_broken",
            account: Account::Operator,
        };
        assert!(in_full(&lines, operators, Some("0"), now));
        let counted: u64 = lines.end().iter().map(|held_back| held_back.lines).sum();
        assert_eq!(counted, 3 * KINDS_MAX as u64 / 2 - u64::from(written));
    }

    #[test]
    fn kinds_beyond_the_bound_are_counted_together() {
        let lines = AnswerLines::default();
        let now = Instant::now();
        for number in 0..KINDS_MAX {
            lines.admit(NOT_FOUND, Some(&number.to_string()), now);
        }
        for _ in 0..7 {
            assert!(!in_full(&lines, NOT_FOUND, Some("one more"), now));
            assert!(!in_full(&lines, AnswerNote::of_caller("x"), Some("0"), now));
        }
        assert_eq!(lines.0.lock().by_api.len(), KINDS_MAX);
        let told = lines.end();
        let others = told.iter().find(|held_back| held_back.note == OTHERS);
        assert_eq!(others.map(|others| others.lines), Some(14));
        assert!(lines.0.lock().by_api.is_empty());
        assert_eq!(lines.0.lock().kinds, 0);
    }
}
