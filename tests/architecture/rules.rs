//! The rules that production code keeps: sizes, names, and which words may stand where.

use crate::scan::{Source, Violation};

/// Most lines of a production file, inline tests included.
const FILE_LINES: usize = 400;
/// Most lines of a function, from its signature to its closing brace.
const FUNCTION_LINES: usize = 70;
/// Most parameters of a function, `self` not counted and the members of tuples each for itself.
const PARAMETERS: usize = 5;
/// The one file that reads the clock and the system's randomness.
const CLOCK: &str = "src/clock.rs";
/// The one file that names the record encoding.
const CODEC: &str = "storage/src/codec.rs";
/// The one file that names the public authorities.
const UPSTREAM_TRUST: &str = "actors/src/snapshot/upstream_tls.rs";
/// File and folder names that say nothing about what is inside.
const VAGUE_NAMES: [&str; 8] = [
    "utils", "util", "helpers", "helper", "common", "manager", "service", "misc",
];

/// Files, functions and parameter lists stay small enough to read in one go.
pub(crate) fn sizes(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let lines = source.text.lines().count();
    if lines > FILE_LINES {
        found.push(Violation::new(
            &source.path,
            1,
            format!("{lines} lines, at most {FILE_LINES}"),
        ));
    }
    for function in &source.functions {
        let lines = function.last_line - function.first_line + 1;
        let name = &function.name;
        if lines > FUNCTION_LINES {
            let what = format!("fn {name} has {lines} lines, at most {FUNCTION_LINES}");
            found.push(Violation::new(&source.path, function.first_line, what));
        }
        if function.parameters > PARAMETERS {
            let count = function.parameters;
            let what = format!("fn {name} has {count} parameters, at most {PARAMETERS}");
            found.push(Violation::new(&source.path, function.first_line, what));
        }
    }
    found
}

/// Every file opens with a `//!` header.
pub(crate) fn header(source: &Source) -> Vec<Violation> {
    let first = source.text.lines().find(|line| !line.trim().is_empty());
    match first.is_some_and(|line| line.starts_with("//!")) {
        true => Vec::new(),
        false => vec![Violation::new(&source.path, 1, "no `//!` header")],
    }
}

/// A file is named after what it holds.
pub(crate) fn file_name(path: &str) -> Vec<Violation> {
    let vague = path.split('/').map(|part| part.trim_end_matches(".rs"));
    vague
        .filter(|part| VAGUE_NAMES.contains(part))
        .map(|part| Violation::new(path, 1, format!("`{part}` does not say what is inside")))
        .collect()
}

/// The data plane has no mailbox, no store and no consensus.
pub(crate) fn data_plane(source: &Source) -> Vec<Violation> {
    if !source.path.starts_with("src/proxy") {
        return Vec::new();
    }
    ["actix", "Addr", "Recipient", "sled", "openraft"]
        .iter()
        .flat_map(|word| named(source, word, "the data plane must not know it"))
        .collect()
}

/// Crates below stay free of what only their neighbours may know.
pub(crate) fn knowledge(source: &Source) -> Vec<Violation> {
    let path = source.path.as_str();
    let in_storage = path.starts_with("storage/src/");
    let mut found = Vec::new();
    if path != CODEC {
        found.extend(named(source, "bincode", "only the codec names it"));
    }
    if !in_storage {
        found.extend(named(source, "sled", "only storage names it"));
    }
    if !in_storage && !path.starts_with("cluster/src/") {
        found.extend(named(
            source,
            "openraft",
            "only storage and cluster name it",
        ));
    }
    if path != UPSTREAM_TRUST {
        let why = "one file decides whom TLS trusts";
        found.extend(named(source, "webpki_roots", why));
    }
    if path.starts_with("cluster/src/") {
        let words = source
            .tokens
            .iter()
            .filter(|token| is_oauth_word(&token.text));
        found.extend(words.map(|token| {
            Violation::new(
                path,
                token.line,
                format!("`{}`: cluster knows no OAuth words", token.text),
            )
        }));
    }
    found
}

/// The domain crate computes: no I/O, threads or logs, and no map whose order differs from run to run.
pub(crate) fn pure_domain(source: &Source) -> Vec<Violation> {
    if !source.path.starts_with("storage/model/src/") {
        return Vec::new();
    }
    let words = [
        "HashMap",
        "HashSet",
        "RandomState",
        "async",
        "tracing",
        "println",
        "eprintln",
        "std :: env",
        "std :: fs",
        "std :: io",
        "std :: net",
        "std :: process",
        "std :: thread",
    ];
    let why = "the domain crate is deterministic and does no I/O";
    words
        .iter()
        .flat_map(|word| named(source, word, why))
        .collect()
}

fn is_oauth_word(text: &str) -> bool {
    let identifier = text.starts_with(|first: char| first.is_alphabetic() || first == '_');
    identifier && text.to_ascii_lowercase().contains("oauth")
}

/// Every queue is bounded and has an answer when full.
pub(crate) fn bounded_queues(source: &Source) -> Vec<Violation> {
    let words = [
        "do_send",
        "unbounded",
        "unbounded_channel",
        "UnboundedSender",
        "UnboundedReceiver",
    ];
    let mut found: Vec<_> = words
        .iter()
        .flat_map(|word| named(source, word, "queues are bounded"))
        .collect();
    for start in source.starts_of("mpsc :: channel") {
        let bounded = match source.text_at(start, 3) {
            "(" => source.text_at(start, 4) != ")",
            "::" => !closes_empty(source, start + 4),
            _ => false,
        };
        if !bounded {
            let what = "`mpsc::channel` without a bound, or imported by its bare name";
            found.push(Violation::new(&source.path, source.line_at(start), what));
        }
    }
    found
}

/// Whether the type arguments that start at `start` are followed by an empty argument list.
fn closes_empty(source: &Source, start: usize) -> bool {
    let mut depth = 0_usize;
    for offset in 0..64 {
        match source.text_at(start, offset) {
            "<" => depth += 1,
            ">" => depth = depth.saturating_sub(1),
            "(" if depth == 0 => return source.text_at(start, offset + 1) == ")",
            _ => {}
        }
    }
    false
}

/// Only the clock file reads the time and the system's randomness.
pub(crate) fn clock_and_randomness(source: &Source) -> Vec<Violation> {
    if source.path == CLOCK {
        return Vec::new();
    }
    let words = [
        "SystemTime :: now",
        "UNIX_EPOCH",
        "OsRng",
        "SysRng",
        "ThreadRng",
        "getrandom",
        "clock_gettime",
        "rand :: rng",
        "rand :: random",
    ];
    let why = "only the clock file reads time and randomness";
    let mut found: Vec<_> = words
        .iter()
        .flat_map(|word| named(source, word, why))
        .collect();
    for start in source.starts_of("Instant :: now") {
        // Timers of the runtime are measured with the runtime's own instant, spelled in full.
        let of_tokio = source.text_at(start, -2) == "time" && source.text_at(start, -4) == "tokio";
        if !of_tokio {
            let what = "`Instant::now`: take a `Clock`, or `tokio::time::Instant::now` for a timer";
            found.push(Violation::new(&source.path, source.line_at(start), what));
        }
    }
    found
}

/// Nothing is left unfinished, and no lint against panics is switched off.
pub(crate) fn finished(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for word in ["todo !", "unimplemented !"] {
        found.extend(named(source, word, "nothing is left unfinished"));
    }
    for word in ["unwrap_used", "expect_used", "panic", "indexing_slicing"] {
        let allowed = format!("clippy :: {word}");
        found.extend(named(source, &allowed, "production code does not panic"));
    }
    found
}

fn named(source: &Source, pattern: &str, why: &str) -> Vec<Violation> {
    let spelled = pattern.replace(' ', "");
    let lines = source.lines_with(pattern).into_iter();
    lines
        .map(|line| Violation::new(&source.path, line, format!("`{spelled}`: {why}")))
        .collect()
}
