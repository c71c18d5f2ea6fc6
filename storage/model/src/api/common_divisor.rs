//! What the weights of targets are reduced by.

/// The greatest common divisor; the other number where one is zero.
pub(super) fn common_divisor(one: u64, other: u64) -> u64 {
    match one.checked_rem(other) {
        Some(rest) => common_divisor(other, rest),
        None => one,
    }
}
