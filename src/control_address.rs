//! Where a running node's control listener is bound, for commands on the same machine: a file in the data directory.
//!
//! It matters when the port was chosen by the system or by a flag, which the configuration file does not know.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::Path;

use raftgate_storage::data_dir::CONTROL_ADDRESS_FILE as FILE;
use raftgate_storage::private_file::{self, Existing};

/// The most bytes that are read; an address is shorter.
const BYTES_MAX: u64 = 128;

/// Writes the address down, at each start once the listener is bound.
///
/// # Errors
/// The data directory cannot be written.
pub fn publish(data_dir: &Path, address: SocketAddr) -> io::Result<()> {
    let line = format!("{address}\n");
    private_file::write(&data_dir.join(FILE), line.as_bytes(), Existing::Replace)
}

/// The address that the node wrote at its last start; `None` when there is none or it cannot be read.
#[must_use]
pub fn published(data_dir: &Path) -> Option<SocketAddr> {
    let mut text = String::new();
    let file = File::open(data_dir.join(FILE)).ok()?;
    file.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    #[test]
    fn what_was_published_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(published(folder.path()), None);
        for text in ["127.0.0.1:40001", "[::1]:40002"] {
            let address: SocketAddr = text.parse().unwrap();
            publish(folder.path(), address).unwrap();
            assert_eq!(published(folder.path()), Some(address));
        }
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        for damaged in ["", "here", "127.0.0.1"] {
            std::fs::write(folder.path().join(FILE), damaged).unwrap();
            assert_eq!(published(folder.path()), None, "{damaged}");
        }
    }
}
