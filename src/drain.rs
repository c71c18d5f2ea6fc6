//! How long the listeners may take to finish what is in flight at the end.

use std::time::Duration;

/// The limit in the whole seconds that the servers count in, never shorter than what was asked for.
#[must_use]
pub const fn whole_seconds(limit: Duration) -> u64 {
    let begun = limit.subsec_nanos() > 0;
    limit.as_secs().saturating_add(begun as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_counts_as_one() {
        assert_eq!(whole_seconds(Duration::ZERO), 0);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_millis(900)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::from_millis(2001)), 3);
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
