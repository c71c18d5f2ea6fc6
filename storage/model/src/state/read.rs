//! Reading the state, whoever keeps it.

use super::{Record, RecordKey};
use crate::id::ApiId;

/// A state that can be read record by record.
///
/// One of the few traits with a purpose besides mocking: `apply` runs over the sharded read view of a
/// node and over the ordered map of the tests alike.
pub trait ReadState {
    /// The record under a key, `None` when there is none.
    fn get(&self, key: &RecordKey) -> Option<Record>;

    /// The sequence of an API's first notification that waits, from one on; found in an index, whatever stood between.
    fn first_queued(&self, api: &ApiId, from: u64) -> Option<u64>;
}
