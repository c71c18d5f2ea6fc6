//! One log line for each answer of our own that refuses or changes something: which request, what happened, on whose account.
//! Where one kind comes in floods, most of its lines are counted instead (`answer_lines.rs`).
//!
//! The request's id is the one in `X-Request-Id`. No line holds anything that the caller sent but that id, since all else may
//! be a secret: not the query, not the path, no header and no body.

use tokio::time::Instant;
use tracing::Level;

use super::answer_lines::{AnswerLines, Telling};

/// The target of these lines, by which `[log] level` turns them up and down.
pub const ANSWER_TARGET: &str = "raftgate::answer";

/// Who can do something about it; this decides the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Whoever sent the request: `info`.
    Caller,
    /// Whoever runs this node, its upstreams and its cluster: `warn`.
    Operator,
    /// Whoever wrote this program: `error`.
    Program,
}

impl Account {
    /// Every account, in the order of its declaration.
    pub const ALL: [Self; 3] = [Self::Caller, Self::Operator, Self::Program];

    /// The account as a label of metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Program => "program",
        }
    }

    /// Whether lines on this account are written at all.
    fn is_logged(self) -> bool {
        match self {
            Self::Caller => tracing::enabled!(target: ANSWER_TARGET, Level::INFO),
            Self::Operator => tracing::enabled!(target: ANSWER_TARGET, Level::WARN),
            Self::Program => tracing::enabled!(target: ANSWER_TARGET, Level::ERROR),
        }
    }
}

/// Logs at the level of an account; a level is part of where a line is written, and cannot be a value.
macro_rules! log_on_account {
    ($account:expr, $($line:tt)+) => {
        match $account {
            Account::Caller => tracing::info!(target: ANSWER_TARGET, $($line)+),
            Account::Operator => tracing::warn!(target: ANSWER_TARGET, $($line)+),
            Account::Program => tracing::error!(target: ANSWER_TARGET, $($line)+),
        }
    };
}

/// What happened, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerNote {
    /// One stable word for programs that read the log.
    pub what: &'static str,
    /// Who can do something about it.
    pub account: Account,
}

impl AnswerNote {
    /// Something that the caller brought about.
    #[must_use]
    pub const fn of_caller(what: &'static str) -> Self {
        Self {
            what,
            account: Account::Caller,
        }
    }
}

/// An answer of the gateway listener's own.
#[derive(Clone, Copy, Debug)]
pub struct OwnAnswer<'a> {
    /// The id in `X-Request-Id`.
    pub request_id: &'a str,
    /// The API that was asked, when one was found.
    pub api: Option<&'a str>,
    /// The status of the answer.
    pub status: u16,
    /// What happened.
    pub note: AnswerNote,
}

impl OwnAnswer<'_> {
    /// Writes the line, or has it counted when there were many of its kind of late; at `debug` it is always written.
    pub fn log(&self, lines: &AnswerLines, now: Instant) {
        if is_told(lines, self.note, self.api, now) {
            self.write();
        }
    }

    /// Writes that nothing was refused, at `debug` alone: such answers come by the thousand.
    pub fn log_done(&self) {
        tracing::debug!(
            target: ANSWER_TARGET,
            request_id = self.request_id,
            api = self.api,
            what = self.note.what,
            status = self.status,
            "answered"
        );
    }

    fn write(&self) {
        log_on_account!(
            self.note.account,
            request_id = self.request_id,
            api = self.api,
            what = self.note.what,
            status = self.status,
            "refused"
        );
    }
}

/// Whether the line of a refusal is written now, rather than never or counted.
fn is_told(lines: &AnswerLines, note: AnswerNote, place: Option<&str>, now: Instant) -> bool {
    note.account.is_logged()
        && (tracing::enabled!(target: ANSWER_TARGET, Level::DEBUG)
            || lines.admit(note, place, now) == Telling::InFull)
}

/// Answers of one kind that were counted instead of told one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The API or the resource of the control API that was asked, when one was found.
    pub place: Option<Box<str>>,
    /// What happened.
    pub note: AnswerNote,
    /// How often, since the last line in full.
    pub lines: u64,
}

impl HeldBack {
    /// Writes the line that stands for them, of the gateway listener.
    pub fn log(&self) {
        log_on_account!(
            self.note.account,
            api = self.place.as_deref(),
            what = self.note.what,
            held_back = self.lines,
            "refused, and not told one by one"
        );
    }

    /// Writes the line that stands for them, of the control listener.
    pub fn log_of_control(&self) {
        log_on_account!(
            self.note.account,
            resource = self.place.as_deref(),
            what = self.note.what,
            held_back = self.lines,
            "control requests refused, and not told one by one"
        );
    }
}

/// An answer of the control listener.
#[derive(Clone, Copy, Debug)]
pub struct ControlAnswer<'a> {
    /// The id in `X-Request-Id`.
    pub request_id: &'a str,
    /// The method.
    pub method: &'a str,
    /// The pattern of the path, without what the caller put into it; `None` where no resource is.
    pub resource: Option<&'a str>,
    /// The API that was written, when one was.
    pub api: Option<&'a str>,
    /// What else was written: the id of a policy or client.
    pub key: Option<&'a str>,
    /// The status of the answer.
    pub status: u16,
    /// What happened.
    pub note: AnswerNote,
}

/// From this status on an answer is a refusal or a failure: whoever reaches the port can have any number of them.
const REFUSED_FROM: u16 = 400;

impl ControlAnswer<'_> {
    /// Writes the line; a refusal of which there were many of late is counted instead, as at the gateway listener.
    pub fn log(&self, lines: &AnswerLines, now: Instant) {
        if self.status < REFUSED_FROM || is_told(lines, self.note, self.resource, now) {
            self.write();
        }
    }

    fn write(&self) {
        log_on_account!(
            self.note.account,
            request_id = self.request_id,
            method = self.method,
            resource = self.resource,
            api = self.api,
            key = self.key,
            what = self.note.what,
            status = self.status,
            "control request"
        );
    }
}
