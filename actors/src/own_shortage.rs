//! Failures that say that this node lacks something, and nothing about whom it speaks to.

use std::io;

use rustix::io::Errno;

/// What a system call fails with where this node has no descriptor, no memory, no buffer or no address of its own left.
const SHORTAGES: [Errno; 5] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    Errno::NOBUFS,
    Errno::ADDRNOTAVAIL,
];

/// Whether something failed for want of what this node itself has to have; it says nothing about the other side.
#[must_use]
pub fn is_own_shortage(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|number| SHORTAGES.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_node_lacks_is_its_own_shortage() {
        for number in SHORTAGES {
            assert!(is_own_shortage(&number.into()), "{number}");
        }
        for number in [Errno::CONNREFUSED, Errno::TIMEDOUT, Errno::CONNRESET] {
            assert!(!is_own_shortage(&number.into()), "{number}");
        }
        for kind in [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData] {
            assert!(!is_own_shortage(&kind.into()), "{kind}");
        }
    }
}
