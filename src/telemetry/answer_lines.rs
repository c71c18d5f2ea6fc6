//! How much is written about answers of our own: the first of each kind in full, and how many more there were.
//!
//! Whoever sends requests decides how many are refused. Written in full, all of them would push out of the queue of the log
//! what only an operator can mend, and each costs more than the refusal itself.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::answers::{Account, AnswerNote, HeldBack};

/// The time in which lines of a kind are counted; it ends when it is looked at for the first time after that.
pub const WINDOW: Duration = Duration::from_secs(10);
/// The most lines of one kind and place in a window.
pub const LINES_PER_KIND_MAX: u32 = 20;
/// The most lines on one account in a window, of all kinds and places, but for the first of a kind that is no caller's.
const LINES_PER_ACCOUNT_MAX: u32 = 500;
/// The most kinds and places on one account that are counted apart.
const KINDS_MAX: usize = 1024;
/// What is said of kinds beyond that.
const OTHERS: &str = "several_kinds";

/// Lines that were counted since the process began, by account.
static HELD_BACK: [AtomicU64; Account::ALL.len()] = [const { AtomicU64::new(0) }; 3];

/// How many lines on an account were counted instead of written, since the process began.
#[must_use]
pub fn lines_held_back(account: Account) -> u64 {
    let counter = HELD_BACK.get(account as usize);
    counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It is written.
    InFull,
    /// It is counted, and the count written later.
    Counted,
}

/// The kinds of answers of late at one listener, for all of its workers.
#[derive(Debug, Default)]
pub struct AnswerLines(Mutex<[Table; Account::ALL.len()]>);

/// The kinds on one account: what callers bring about takes no room from the others.
#[derive(Debug, Default)]
struct Table {
    // Without a place, the empty name stands for it.
    by_place: HashMap<Box<str>, Vec<Kind>, ahash::RandomState>,
    kinds: usize,
    others: u64,
    written: u32,
    // Of what was written, of all kinds.
    began: Option<Instant>,
}

/// One kind of answer at one place.
#[derive(Debug)]
struct Kind {
    note: AnswerNote,
    began: Instant,
    written: u32,
    counted: u64,
}

impl AnswerLines {
    /// Decides about one more line; never about one that whoever reads wants in full. A place is an API of the gateway or a
    /// resource of the control API.
    pub fn admit(&self, note: AnswerNote, place: Option<&str>, now: Instant) -> Telling {
        let account = note.account as usize;
        let mut tables = self.0.lock();
        let Some(table) = tables.get_mut(account) else {
            return Telling::InFull;
        };
        let telling = table.admit(note, place.unwrap_or_default(), now);
        if let (Telling::Counted, Some(counter)) = (telling, HELD_BACK.get(account)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        telling
    }

    /// Ends the windows that are over, and says what was held back in them.
    pub fn end_windows(&self, now: Instant) -> Vec<HeldBack> {
        let is_over = |began: Instant| now.saturating_duration_since(began) >= WINDOW;
        self.end_those(is_over)
    }

    /// Ends all windows.
    pub fn end(&self) -> Vec<HeldBack> {
        self.end_those(|_| true)
    }

    fn end_those(&self, is_over: impl Fn(Instant) -> bool) -> Vec<HeldBack> {
        let mut tables = self.0.lock();
        let of_accounts = tables.iter_mut().zip(Account::ALL);
        of_accounts
            .flat_map(|(table, account)| table.end(account, &is_over))
            .collect()
    }
}

impl Table {
    fn admit(&mut self, note: AnswerNote, place: &str, now: Instant) -> Telling {
        self.began.get_or_insert(now);
        let has_room = self.written < LINES_PER_ACCOUNT_MAX;
        let is_callers = note.account == Account::Caller;
        let telling = match self.kind(note, place, now) {
            Some(kind) => kind.admit(has_room),
            // What only the operator can mend is not counted away for want of a kind, only for want of lines.
            None if has_room && !is_callers => Telling::InFull,
            None => {
                self.others = self.others.saturating_add(1);
                Telling::Counted
            }
        };
        if telling == Telling::InFull {
            self.written = self.written.saturating_add(1);
        }
        telling
    }

    /// The window of a kind; `None` when there are too many kinds.
    fn kind(&mut self, note: AnswerNote, place: &str, now: Instant) -> Option<&mut Kind> {
        if !self.by_place.contains_key(place) {
            if self.kinds >= KINDS_MAX {
                return None;
            }
            self.by_place.insert(place.into(), Vec::new());
        }
        let kinds = self.by_place.get_mut(place)?;
        let position = match kinds.iter().position(|kind| kind.note == note) {
            Some(position) => position,
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
        kinds.get_mut(position)
    }

    fn end(&mut self, account: Account, is_over: impl Fn(Instant) -> bool) -> Vec<HeldBack> {
        let mut held_back = Vec::new();
        self.by_place.retain(|place, kinds| {
            for kind in kinds.extract_if(.., |kind| is_over(kind.began)) {
                self.kinds = self.kinds.saturating_sub(1);
                if kind.counted > 0 {
                    held_back.push(HeldBack {
                        place: Some(place.clone()).filter(|place| !place.is_empty()),
                        note: kind.note,
                        lines: kind.counted,
                    });
                }
            }
            !kinds.is_empty()
        });
        if self.began.is_some_and(is_over) {
            self.began = None;
            self.written = 0;
            let lines = mem::take(&mut self.others);
            if lines > 0 {
                let what = OTHERS;
                held_back.push(HeldBack {
                    place: None,
                    note: AnswerNote { what, account },
                    lines,
                });
            }
        }
        held_back
    }
}

impl Kind {
    /// Decides about one more line of the kind; the first one that is no caller's needs no room.
    fn admit(&mut self, has_room: bool) -> Telling {
        let is_needed = self.written == 0 && self.note.account != Account::Caller;
        if is_needed || (has_room && self.written < LINES_PER_KIND_MAX) {
            self.written = self.written.saturating_add(1);
            Telling::InFull
        } else {
            self.counted = self.counted.saturating_add(1);
            Telling::Counted
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::indexing_slicing,
        reason = "a table that is missing fails the test"
    )]

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
            place: Some("a".into()),
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

    const UNREACHABLE: AnswerNote = AnswerNote {
        what: "upstream_unreachable",
        account: Account::Operator,
    };

    #[test]
    fn callers_kinds_beyond_the_bound_are_counted_together_and_take_nobody_elses_room() {
        let lines = AnswerLines::default();
        let now = Instant::now();
        for number in 0..KINDS_MAX {
            lines.admit(NOT_FOUND, Some(&number.to_string()), now);
        }
        let before = lines_held_back(Account::Caller);
        for _ in 0..7 {
            assert!(!in_full(&lines, NOT_FOUND, Some("one more"), now));
            assert!(!in_full(&lines, AnswerNote::of_caller("x"), Some("0"), now));
        }
        assert!(lines_held_back(Account::Caller) >= before + 14);
        assert_eq!(lines.0.lock()[0].by_place.len(), KINDS_MAX);
        assert!(in_full(&lines, UNREACHABLE, Some("one more"), now));
        let told = lines.end();
        let others = |held_back: &&HeldBack| held_back.note.what == OTHERS;
        let others: Vec<_> = told.iter().filter(others).collect();
        let expected = HeldBack {
            place: None,
            note: AnswerNote::of_caller(OTHERS),
            lines: 14,
        };
        assert_eq!(others, [&expected]);
        let table = &lines.0.lock()[0];
        assert!(table.by_place.is_empty() && table.kinds == 0);
    }

    /// One upstream that fails all the time does not hide that another one fails too.
    #[test]
    fn the_first_line_of_each_kind_of_the_operators_is_written() {
        let lines = AnswerLines::default();
        let now = Instant::now();
        for number in 0..KINDS_MAX {
            let api = number.to_string();
            assert!(in_full(&lines, UNREACHABLE, Some(&api), now), "{number}");
            in_full(&lines, UNREACHABLE, Some(&api), now);
        }
        // All kinds and all lines are used up: only now is the first of a kind counted.
        assert!(!in_full(&lines, UNREACHABLE, Some("one more"), now));
        let told = lines.end();
        let of_one_more = |held_back: &HeldBack| held_back.note.what == OTHERS;
        assert!(told.iter().any(of_one_more));
    }

    #[test]
    fn for_want_of_a_kind_alone_no_line_of_the_operators_is_counted() {
        let lines = AnswerLines::default();
        let began = Instant::now();
        let later = began + WINDOW / 2;
        for number in 0..KINDS_MAX {
            lines.admit(UNREACHABLE, Some(&number.to_string()), later);
        }
        // The window of the account ends before those of its kinds.
        lines.0.lock()[Account::Operator as usize].began = Some(began);
        lines.end_windows(began + WINDOW);
        assert!(in_full(&lines, UNREACHABLE, Some("one more"), later));
    }
}
