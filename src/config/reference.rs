//! The configuration reference, written from the table so that it cannot drift from what is read.

use std::fmt::Write as _;

use super::key::{DefaultValue, Key, Kind};
use super::table;

/// The width of the comments, in characters.
const WIDTH: usize = 100;

const HEAD: &str = "\
# The configuration of a raftgate node, with every key at its default.
#
# Flags beat the environment, which beats this file. Each key has an environment variable,
# RAFTGATE_<SECTION>_<KEY>: keys of text take the variable's text as it is, others a TOML value,
# lists of addresses also text with commas. Paths are relative to the working directory.
# An unknown key or variable keeps the node from starting.
";

/// The text of the reference file.
#[must_use]
pub(super) fn reference_file() -> String {
    let mut text = format!("{HEAD}\n");
    let mut section = "";
    for key in table::ALL {
        // Writing to a String cannot fail.
        if key.section != section {
            section = key.section;
            let _ = writeln!(text, "[{section}]");
        }
        let _ = write!(text, "{}", entry(key));
    }
    let end = text.trim_end().len();
    text.truncate(end);
    text + "\n"
}

fn entry(key: &Key) -> String {
    let mut lines = wrapped(&format!("{} {}", key.doc, expected(key)));
    match key.default {
        DefaultValue::Toml(value) => lines.push_str(&format!("{} = {value}\n\n", key.name)),
        DefaultValue::Unset(otherwise) => {
            lines.push_str(&wrapped(&format!("Not set: {otherwise}.")));
            lines.push_str(&format!("#{} = {}\n\n", key.name, example(&key.kind)));
        }
    }
    lines
}

fn expected(key: &Key) -> String {
    match key.kind {
        Kind::Boolean | Kind::Path => String::new(),
        _ => {
            let allowed = key.kind.allowed();
            let mut chars = allowed.chars();
            let first = chars.next().map(|first| first.to_ascii_uppercase());
            let sentence: String = first.into_iter().chain(chars).collect();
            format!("{sentence}.")
        }
    }
}

fn example(kind: &Kind) -> &'static str {
    match kind {
        Kind::Number(_) => "2",
        Kind::Remotes => "[\"node-1.example.org:8082\"]",
        Kind::Remote => "\"node-2.example.org:8082\"",
        Kind::NodeName => "\"node-1\"",
        _ => "\"...\"",
    }
}

fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}
