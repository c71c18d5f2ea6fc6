//! Where a command says things: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// The two streams of a command. A stream that nobody reads any more is not an error of the command.
pub struct Terminal<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

impl<'a> Terminal<'a> {
    /// A terminal of these two streams.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self { out, err }
    }

    /// Prints a line of the result.
    pub fn say(&mut self, line: impl Display) {
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }

    /// Prints a warning.
    pub fn warn(&mut self, warning: impl Display) {
        let _ = writeln!(self.err, "warning: {warning}");
    }

    /// Prints how far long work is.
    pub fn progress(&mut self, line: impl Display) {
        let _ = writeln!(self.err, "{line}");
    }

    /// Prints why the command fails; each line of a long reason is one reason.
    pub fn complain(&mut self, reason: impl Display) {
        let _ = self.err.write_all(complaint(reason).as_bytes());
    }

    /// The stream of the result itself, for commands that write more than lines.
    pub fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    /// Prints a ready text as the result.
    pub(super) fn print_result(&mut self, text: impl Display) {
        let _ = write!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    /// Prints a ready text as what went wrong.
    pub(super) fn print_complaint(&mut self, text: impl Display) {
        let _ = write!(self.err, "{text}").and_then(|()| self.err.flush());
    }
}

/// Why a command fails, as its lines read.
pub(super) fn complaint(reason: impl Display) -> String {
    let mut text = String::new();
    for line in reason.to_string().lines() {
        text.push_str("error: ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked: 0.
    Success,
    /// It could not, or the answer is no: 1.
    Failure,
    /// The command line or the configuration is wrong: 2.
    Usage,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
