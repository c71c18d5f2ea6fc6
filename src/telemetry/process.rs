//! What the system says about this process, read when metrics are asked for.

use std::fs;

/// The memory that is resident, in bytes; `None` where `/proc` does not say.
#[must_use]
pub fn resident_memory_bytes() -> Option<u64> {
    resident_bytes(&fs::read_to_string("/proc/self/status").ok()?)
}

/// How many files and sockets are open, the one for counting them left out.
#[must_use]
pub fn open_files() -> Option<u64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(entries).ok()?.checked_sub(1)
}

/// How many files and sockets may be open at once.
#[must_use]
pub fn open_files_max() -> Option<u64> {
    files_max(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

fn files_max(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_read() {
        assert!(resident_memory_bytes() > Some(100_000));
        assert!(open_files() >= Some(3));
        assert!(open_files_max() >= Some(3));
    }

    #[test]
    fn lines_are_found_or_missed_without_harm() {
        assert_eq!(
            resident_bytes("Name:\tx\nVmRSS:\t   1224 kB\n"),
            Some(1224 * 1024)
        );
        assert_eq!(resident_bytes("VmRSS:\t many kB\n"), None);
        assert_eq!(resident_bytes(""), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(files_max(limits), Some(1024));
        assert_eq!(
            files_max("Max open files  unlimited  unlimited  files"),
            None
        );
    }
}
