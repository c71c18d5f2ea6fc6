//! Keys and basic-auth users on this node: finding them by what is presented, and checking passwords.

mod hash_pool;
mod known_passwords;
mod users;

pub use hash_pool::{HashPool, PoolBusy};
pub use users::{Claim, Login, Recollection, User, UserDenied, Users, UsersParts};
