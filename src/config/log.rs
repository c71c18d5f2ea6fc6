//! The section `[log]`.

use super::reader::Reader;
use super::table;

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A level, or levels by module, checked and ready for the subscriber.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
    /// Whether proxied requests are logged.
    pub access: bool,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            filter: reader.log_filter(table::LOG_LEVEL),
            format: match reader.choice(table::LOG_FORMAT) {
                "json" => LogFormat::Json,
                _ => LogFormat::Text,
            },
            access: reader.boolean(table::LOG_ACCESS),
        }
    }
}
