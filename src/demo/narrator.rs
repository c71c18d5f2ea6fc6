//! What the tour prints: plain text, each request as a command, each answer as far as it matters.

use super::exchange::Answer;
use super::request::Request;
use crate::cli::terminal::Terminal;

/// The headers of an answer that say something to the reader.
const SHOWN_HEADERS: [&str; 5] = [
    "content-type",
    "location",
    "www-authenticate",
    "retry-after",
    "cache-control",
];
/// The longest body that is shown, in bytes; of a longer one the beginning.
const BODY_BYTES_SHOWN: usize = 1500;

/// Tells the tour to a terminal.
pub(super) struct Narrator<'a, 's> {
    terminal: &'a mut Terminal<'s>,
    steps: usize,
    title: String,
}

impl<'a, 's> Narrator<'a, 's> {
    pub(super) fn new(terminal: &'a mut Terminal<'s>) -> Self {
        Self {
            terminal,
            steps: 0,
            title: "Start".to_owned(),
        }
    }

    /// Begins a step.
    pub(super) fn step(&mut self, title: &str) {
        self.steps = self.steps.saturating_add(1);
        title.clone_into(&mut self.title);
        let heading = format!("{}. {title}", self.steps);
        let line = "-".repeat(heading.chars().count());
        self.terminal.say(format_args!("\n{heading}\n{line}"));
    }

    /// The number and the title of the step that is under way.
    pub(super) fn current(&self) -> String {
        format!("step {}, {}", self.steps, self.title)
    }

    /// How many steps there were.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Prints a request as a command.
    pub(super) fn request(&mut self, request: &Request) {
        self.terminal.say(request.curl());
    }

    /// Prints an answer, set off from the command.
    pub(super) fn answer(&mut self, answer: &Answer) {
        let reason = answer.status.canonical_reason().unwrap_or_default();
        let status = format!("HTTP/1.1 {} {reason}", answer.status.as_u16());
        self.aside(status.trim_end());
        for name in SHOWN_HEADERS {
            if let Some(value) = answer.header(name) {
                self.aside(&format!("{name}: {value}"));
            }
        }
        if !answer.body.is_empty() {
            self.aside("");
            self.aside(&shown_body(answer));
        }
    }

    /// Prints what arrived or happened without a request of the tour's own.
    pub(super) fn aside(&mut self, text: &str) {
        for line in text.split('\n') {
            self.terminal.say(format!("    {line}").trim_end());
        }
    }

    /// Prints that something was checked and is so.
    pub(super) fn confirmed(&mut self, what: &str) {
        self.terminal.say(format_args!("  ok: {what}"));
    }
}

fn shown_body(answer: &Answer) -> String {
    let kind = answer.header("content-type").unwrap_or_default();
    if kind.starts_with("text/html") {
        let title = answer.body.split_once("<title>").map(|(_, rest)| rest);
        let title = title.and_then(|rest| rest.split_once("</title>"));
        let title = title.map_or("without a title", |(title, _)| title);
        return format!("(a page of {} bytes: {title})", answer.body.len());
    }
    let mut end = BODY_BYTES_SHOWN.min(answer.body.len());
    while !answer.body.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let shown = answer.body.get(..end).unwrap_or_default().trim_end();
    let rest = answer.body.len().saturating_sub(end);
    match rest {
        0 => shown.to_owned(),
        _ => format!("{shown} ... ({rest} bytes more)"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use actix_web::http::StatusCode;

    use super::*;

    fn told(tell: impl FnOnce(&mut Narrator<'_, '_>)) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut terminal = Terminal::new(&mut out, &mut err);
        tell(&mut Narrator::new(&mut terminal));
        assert!(err.is_empty());
        String::from_utf8(out).unwrap()
    }

    fn answer(kind: &str, body: String) -> Answer {
        Answer {
            status: StatusCode::UNAUTHORIZED,
            headers: vec![
                ("date".to_owned(), "today".to_owned()),
                ("content-type".to_owned(), kind.to_owned()),
            ],
            body,
        }
    }

    #[test]
    fn a_step_is_a_heading_a_command_an_answer_and_what_holds() {
        let text = told(|narrator| {
            narrator.step("Ask");
            narrator.request(&Request::get("http://h/"));
            narrator.answer(&answer("application/json", "{}".to_owned()));
            narrator.confirmed("it is so");
            assert_eq!(narrator.current(), "step 1, Ask");
        });
        assert_eq!(
            text,
            "\n1. Ask\n------\ncurl -i 'http://h/'\n    HTTP/1.1 401 Unauthorized\n    \
             content-type: application/json\n\n    {}\n  ok: it is so\n"
        );
    }

    #[test]
    fn long_bodies_are_cut_and_pages_are_named() {
        let long = "é".repeat(BODY_BYTES_SHOWN);
        let text = told(|narrator| narrator.answer(&answer("text/plain", long)));
        assert!(text.ends_with("é ... (1500 bytes more)\n"), "{text}");
        let page = "<html><title>Sign in</title>".to_owned();
        let text = told(|narrator| narrator.answer(&answer("text/html; charset=utf-8", page)));
        assert!(text.ends_with("(a page of 28 bytes: Sign in)\n"), "{text}");
    }
}
