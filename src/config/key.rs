//! What a configuration key is: its name, what it accepts, its default and its documentation.
//!
//! Unknown-key detection, validation, the environment's names, `--help` and the reference file all read this one definition.

/// One setting of the configuration file.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// The section, without brackets.
    pub section: &'static str,
    /// The name within its section.
    pub name: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// What applies when no source sets it.
    pub default: DefaultValue,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
}

/// What applies when a key is not set.
#[derive(Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// This TOML value.
    Toml(&'static str),
    /// Nothing; the text says in words what happens then.
    Unset(&'static str),
}

/// What a key accepts.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text of at most this many bytes.
    Text {
        /// The most bytes.
        bytes_max: usize,
    },
    /// Visible ASCII that is never shown.
    Secret,
    /// A path of the file system, relative to the working directory.
    Path,
    /// A node's name: letters, digits, `.`, `_` and `-`.
    NodeName,
    /// An address to bind.
    Listen,
    /// The address under which others reach a node.
    Remote,
    /// Several of [`Kind::Remote`], as a list or as one text with commas.
    Remotes,
    /// IP addresses and networks, as a list or as one text with commas.
    Networks,
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds, both included.
    Number(Bounds),
    /// A list of whole numbers.
    Numbers {
        /// The bounds of each.
        each: Bounds,
        /// The most entries; one is the least.
        entries_max: usize,
    },
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A log level, or several with the module that each is for.
    LogFilter,
    /// Tyk's `override_messages`: message ids with a code, a message, or both.
    Messages,
}

/// The least and the greatest number that a key accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
}

impl Key {
    /// The key with its section, as errors and documents name it.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!(
            "RAFTGATE_{}_{}",
            self.section.to_ascii_uppercase(),
            self.name.to_ascii_uppercase()
        )
    }
}

impl Kind {
    /// What is allowed, in words that complete "expected ...".
    #[must_use]
    pub fn allowed(&self) -> String {
        match self {
            Self::Text { bytes_max } => format!("text of at most {bytes_max} bytes"),
            Self::Secret => "1 to 512 visible ASCII characters without spaces".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::NodeName => {
                "1 to 63 letters, digits, '.', '_' or '-', beginning with a letter or digit"
                    .to_owned()
            }
            Self::Listen => {
                "IP:PORT, such as 127.0.0.1:8080 or [::]:8080; port 0 lets the system choose"
                    .to_owned()
            }
            Self::Remote => "HOST:PORT with a port from 1 to 65535".to_owned(),
            Self::Remotes => "a list of HOST:PORT, or one text with commas between them".to_owned(),
            Self::Networks => {
                "a list of IP addresses and networks, such as [\"10.0.0.0/8\", \"::1\"]".to_owned()
            }
            Self::Boolean => "true or false".to_owned(),
            Self::Number(bounds) => {
                format!("a whole number from {} to {}", bounds.min, bounds.max)
            }
            Self::Numbers { each, entries_max } => format!(
                "a list of 1 to {entries_max} whole numbers from {} to {}",
                each.min, each.max
            ),
            Self::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                quoted.join(" or ")
            }
            Self::LogFilter => {
                "a level (off, error, warn, info, debug, trace), or levels by module such as \
                 \"info,raftgate::proxy=debug\""
                    .to_owned()
            }
            Self::Messages => {
                "a table of message ids, each with a code from 400 to 599, a message, or both"
                    .to_owned()
            }
        }
    }

    /// Whether the environment gives this kind as plain text instead of a TOML value.
    #[must_use]
    pub fn takes_text_as_is(&self) -> bool {
        match self {
            Self::Text { .. }
            | Self::Secret
            | Self::Path
            | Self::NodeName
            | Self::Listen
            | Self::Remote
            | Self::Choice(_)
            | Self::LogFilter => true,
            Self::Remotes
            | Self::Networks
            | Self::Boolean
            | Self::Number(_)
            | Self::Numbers { .. }
            | Self::Messages => false,
        }
    }

    /// Whether a text with commas stands for a list.
    #[must_use]
    pub fn takes_commas(&self) -> bool {
        matches!(self, Self::Remotes | Self::Networks)
    }
}
