//! The records of the stream and their bytes: kind, fixed numbers, length, payload; little endian.

use bytes::Bytes;

use super::sector::{HEADER_BYTES, field};

const ENTRY: u8 = 1;
const VOTE: u8 = 2;
const COMMITTED: u8 = 3;
const TRUNCATE: u8 = 4;
const PURGE: u8 = 5;
const CONTINUE: u8 = 6;

/// One change of the log; payloads mean nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// An entry is added at the end.
    Entry { index: u64, payload: Bytes },
    /// The vote is replaced.
    Vote(Bytes),
    /// The committed position is replaced.
    Committed(Bytes),
    /// Entries from this index on are dropped.
    Truncate { from: u64 },
    /// Entries up to this index are dropped, and the payload says what the last of them was.
    Purge { upto: u64, payload: Bytes },
    /// The stream goes on in the segment with this number, and nowhere in this one.
    Continue { segment: u64 },
}

impl Record {
    fn parts(&self) -> (u8, Option<u64>, Option<&Bytes>) {
        match self {
            Self::Entry { index, payload } => (ENTRY, Some(*index), Some(payload)),
            Self::Vote(payload) => (VOTE, None, Some(payload)),
            Self::Committed(payload) => (COMMITTED, None, Some(payload)),
            Self::Truncate { from } => (TRUNCATE, Some(*from), None),
            Self::Purge { upto, payload } => (PURGE, Some(*upto), Some(payload)),
            Self::Continue { segment } => (CONTINUE, Some(*segment), None),
        }
    }

    /// Bytes of the record in a frame.
    pub(super) fn encoded_bytes(&self) -> usize {
        let (_, number, payload) = self.parts();
        1 + number.map_or(0, |_| 8) + payload.map_or(0, |payload| 4 + payload.len())
    }

    pub(super) fn encode(&self, content: &mut Vec<u8>) {
        let (kind, number, payload) = self.parts();
        content.push(kind);
        if let Some(number) = number {
            content.extend_from_slice(&number.to_le_bytes());
        }
        if let Some(payload) = payload {
            // Payloads are limited to a segment, far below 4 GiB.
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            content.extend_from_slice(&length.to_le_bytes());
            content.extend_from_slice(payload);
        }
    }
}

/// Reads the records of a frame's content one by one.
pub(super) struct Records<'content> {
    content: &'content [u8],
    position: usize,
}

impl<'content> Records<'content> {
    pub(super) fn new(content: &'content [u8]) -> Self {
        Self {
            content,
            position: 0,
        }
    }

    /// Gives the next record and where in the content it starts, or `None` at the padding after the last.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Record)>, &'static str> {
        let start = self.position;
        let rest = self.content.get(start..).unwrap_or_default();
        let Some(kind) = rest.first().copied().filter(|kind| *kind != 0) else {
            return if rest.iter().all(|byte| *byte == 0) {
                Ok(None)
            } else {
                Err("bytes after the last record")
            };
        };
        self.position += 1;
        let record = match kind {
            ENTRY => Record::Entry {
                index: self.number()?,
                payload: self.payload()?,
            },
            VOTE => Record::Vote(self.payload()?),
            COMMITTED => Record::Committed(self.payload()?),
            TRUNCATE => Record::Truncate {
                from: self.number()?,
            },
            PURGE => Record::Purge {
                upto: self.number()?,
                payload: self.payload()?,
            },
            CONTINUE => Record::Continue {
                segment: self.number()?,
            },
            _ => return Err("unknown record kind"),
        };
        Ok(Some((start, record)))
    }

    fn take(&mut self, bytes: usize) -> Result<&'content [u8], &'static str> {
        let end = self.position.saturating_add(bytes);
        let taken = self
            .content
            .get(self.position..end)
            .ok_or("a record ends beyond its frame")?;
        self.position = end;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, &'static str> {
        Ok(u64::from_le_bytes(field(self.take(8)?)))
    }

    fn payload(&mut self) -> Result<Bytes, &'static str> {
        let length = u32::from_le_bytes(field(self.take(4)?));
        let length = usize::try_from(length).map_err(|_| "a record ends beyond its frame")?;
        Ok(Bytes::copy_from_slice(self.take(length)?))
    }
}

/// Gives the payload of an entry's record if it is that entry's.
pub(super) fn entry_payload(record: Bytes, index: u64) -> Option<Bytes> {
    let kind = record.first().copied()?;
    let found = u64::from_le_bytes(field(record.get(1..9)?));
    let length = u32::from_le_bytes(field(record.get(9..HEADER_BYTES)?));
    let matches = kind == ENTRY
        && found == index
        && usize::try_from(length).ok()? == record.len() - HEADER_BYTES;
    matches.then(|| record.slice(HEADER_BYTES..))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_kinds() -> Vec<Record> {
        vec![
            Record::Entry {
                index: 9,
                payload: Bytes::from_static(b"entry"),
            },
            Record::Vote(Bytes::from_static(b"vote")),
            Record::Committed(Bytes::new()),
            Record::Truncate { from: 3 },
            Record::Continue { segment: 2 },
            Record::Purge {
                upto: u64::MAX,
                payload: Bytes::from_static(b"purged"),
            },
        ]
    }

    #[test]
    fn records_survive_encoding_with_padding() {
        let mut content = Vec::new();
        let mut starts = Vec::new();
        for record in all_kinds() {
            starts.push(content.len());
            record.encode(&mut content);
            assert_eq!(
                content.len() - starts.last().unwrap_or(&0),
                record.encoded_bytes()
            );
        }
        content.resize(content.len() + 100, 0);
        let mut records = Records::new(&content);
        let mut found = Vec::new();
        while let Some((start, record)) = records.next().unwrap_or(None) {
            found.push(record);
            assert!(starts.contains(&start));
        }
        assert_eq!(found, all_kinds());
    }

    #[test]
    fn unreadable_contents_are_refused() {
        for content in [
            &[9_u8][..],
            &[ENTRY, 1],
            &[VOTE, 255, 255, 255, 255],
            &[0, 1],
        ] {
            assert!(Records::new(content).next().is_err(), "{content:?}");
        }
    }

    #[test]
    fn an_entry_is_given_only_under_its_own_index() {
        let mut content = Vec::new();
        Record::Entry {
            index: 9,
            payload: Bytes::from_static(b"entry"),
        }
        .encode(&mut content);
        let record = Bytes::from(content);
        assert_eq!(
            entry_payload(record.clone(), 9),
            Some(Bytes::from_static(b"entry"))
        );
        assert_eq!(entry_payload(record.clone(), 8), None);
        assert_eq!(entry_payload(record.slice(..record.len() - 1), 9), None);
    }
}
