//! The one error enum of the log, and how it reads to the layer of Raft.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Why the log refused or failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WalError {
    /// The file system failed; the log takes no further writes.
    #[error("write-ahead log: cannot {action} {file}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path of the file or folder.
        file: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The files hold something that no power cut can leave behind.
    #[error(
        "write-ahead log is damaged: {file} at byte {offset}: {damage}. Records that this node acknowledged may be \
         lost, so it does not start with this log; join the cluster again as a new node with an empty data \
         directory, or restore a snapshot if this was the only node"
    )]
    Corrupt {
        /// The path of the file.
        file: String,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// The log was written in a newer format.
    #[error(
        "write-ahead log: {file} has format version {found}, this program knows up to {supported}"
    )]
    NewerVersion {
        /// The path of the segment.
        file: String,
        /// The version in the file.
        found: u32,
        /// The newest version understood.
        supported: u32,
    },
    /// A log was expected and there is none.
    #[error(
        "write-ahead log: {folder} holds no log although this node had one; join the cluster again as a new node \
         with an empty data directory, or restore a snapshot if this was the only node"
    )]
    Missing {
        /// The path of the folder.
        folder: String,
    },
    /// A new log was asked for where one exists.
    #[error("write-ahead log: {folder} already holds a log")]
    AlreadyExists {
        /// The path of the folder.
        folder: String,
    },
    /// The disk is too full for further entries; votes still succeed.
    #[error(
        "write-ahead log: disk full, {needed_bytes} bytes needed, {room_bytes} left for entries"
    )]
    StorageFull {
        /// Bytes on disk that were asked for.
        needed_bytes: u64,
        /// Bytes on disk that entries may still use.
        room_bytes: u64,
    },
    /// A payload is above its limit.
    #[error("write-ahead log: a record of {bytes} bytes is above the limit of {bytes_max}")]
    RecordTooLarge {
        /// The payload's size.
        bytes: usize,
        /// The largest size accepted.
        bytes_max: usize,
    },
    /// An entry does not follow the last one.
    #[error("write-ahead log: entry {found} does not follow, {expected} must come next")]
    OutOfOrder {
        /// The index that must come next.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// Entries that are purged were to be truncated.
    #[error("write-ahead log: cannot truncate from {from}, entries up to {purged} are purged")]
    TruncatesPurged {
        /// The first index to be dropped.
        from: u64,
        /// The last purged index.
        purged: u64,
    },
    /// An earlier write failed; nothing is accepted any more.
    #[error("write-ahead log stopped after a failure: {cause}")]
    Poisoned {
        /// The failure.
        cause: Arc<WalError>,
    },
    /// The writing thread panicked.
    #[error("write-ahead log: the {thread} thread panicked")]
    ThreadPanicked {
        /// Which thread.
        thread: &'static str,
    },
    /// The log is being closed.
    #[error("write-ahead log is closed")]
    Closed,
    /// The settings cannot work together.
    #[error("write-ahead log: {what}")]
    Config {
        /// What is wrong with them.
        what: &'static str,
    },
}

impl WalError {
    pub(super) fn io(action: &'static str, file: String, source: io::Error) -> Self {
        Self::Io {
            action,
            file,
            source: Arc::new(source),
        }
    }

    pub(super) fn poisoned(self) -> Self {
        match self {
            Self::Poisoned { .. } | Self::Closed => self,
            cause => Self::Poisoned {
                cause: Arc::new(cause),
            },
        }
    }
}

impl From<WalError> for io::Error {
    fn from(error: WalError) -> Self {
        let kind = match &error {
            WalError::StorageFull { .. } => io::ErrorKind::StorageFull,
            WalError::Corrupt { .. } | WalError::NewerVersion { .. } => io::ErrorKind::InvalidData,
            WalError::Missing { .. } => io::ErrorKind::NotFound,
            WalError::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
            WalError::RecordTooLarge { .. }
            | WalError::OutOfOrder { .. }
            | WalError::TruncatesPurged { .. }
            | WalError::Config { .. } => io::ErrorKind::InvalidInput,
            WalError::Io { source, .. } => source.kind(),
            WalError::Poisoned { .. } | WalError::ThreadPanicked { .. } | WalError::Closed => {
                io::ErrorKind::Other
            }
        };
        Self::new(kind, error)
    }
}

/// What exactly is wrong at a place of a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The file's size is not the one in its header.
    Size {
        /// The size that the header names; `None` if there is no room for a header.
        expected: Option<u64>,
        /// The file's size.
        found: u64,
    },
    /// The segment's header fails its checksum or contradicts the file's name.
    SegmentHeader,
    /// The segment belongs to another log.
    ForeignSegment,
    /// A sector is neither empty nor what was written there.
    Checksum,
    /// An intact sector stands where another frame's belongs.
    Misplaced {
        /// The frame that belongs here.
        expected: u64,
        /// The frame whose sector was found.
        found: u64,
    },
    /// A frame is missing or broken although a later one exists, which is begun only when this one is on disk.
    LostFrame {
        /// The frame that is lost.
        sequence: u64,
    },
    /// There is data after the end of the log.
    BeyondEnd,
    /// The segment with this number is gone although a later one exists.
    LostSegment {
        /// The number of the missing segment.
        number: u32,
    },
    /// An intact frame holds records that cannot be read.
    Records(&'static str),
    /// The entries do not begin where purging ended.
    LostEntries {
        /// The index that must come first.
        expected: u64,
        /// The index that comes first.
        found: u64,
    },
    /// A record of an entry is not the one that its index says.
    WrongEntry {
        /// The index that was looked for.
        expected: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size {
                expected: Some(expected),
                found,
            } => write!(
                formatter,
                "the file has {found} bytes instead of {expected}"
            ),
            Self::Size {
                expected: None,
                found,
            } => {
                write!(
                    formatter,
                    "the file has {found} bytes, too few for a header"
                )
            }
            Self::SegmentHeader => formatter.write_str("the segment header is broken"),
            Self::ForeignSegment => formatter.write_str("the segment belongs to another log"),
            Self::Checksum => formatter.write_str("a sector fails its checksum"),
            Self::Misplaced { expected, found } => write!(
                formatter,
                "a sector of frame {found} stands where frame {expected} belongs"
            ),
            Self::LostFrame { sequence } => write!(
                formatter,
                "frame {sequence} is missing or incomplete, and a later frame proves that it was on disk"
            ),
            Self::BeyondEnd => formatter.write_str("there is data after the end of the log"),
            Self::LostSegment { number } => write!(formatter, "segment {number} is missing"),
            Self::Records(what) => write!(
                formatter,
                "an intact frame holds unreadable records: {what}"
            ),
            Self::LostEntries { expected, found } => write!(
                formatter,
                "the first entry is {found}, but purging ended such that {expected} must come first"
            ),
            Self::WrongEntry { expected } => {
                write!(formatter, "the record found is not entry {expected}")
            }
        }
    }
}
