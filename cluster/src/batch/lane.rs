//! Which commands go first.

use raftgate_model::id::ApiId;

/// The lane that a command waits in; an earlier one goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Revocations and changes of membership.
    Revocation,
    /// Everything that operators and definition files change.
    Administration,
    /// Codes and tokens of one API; APIs take turns.
    Tokens(ApiId),
    /// Removal of what expired.
    Sweep,
}

/// The names of the lanes for metrics, by [`Lane::position`].
pub const LANE_NAMES: [&str; 4] = ["revocation", "administration", "tokens", "sweep"];

impl Lane {
    /// The lane's place in the order, from 0.
    #[must_use]
    pub fn position(&self) -> usize {
        match self {
            Self::Revocation => 0,
            Self::Administration => 1,
            Self::Tokens(_) => 2,
            Self::Sweep => 3,
        }
    }
}
