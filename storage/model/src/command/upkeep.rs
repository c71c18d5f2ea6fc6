//! Commands of the cluster's own upkeep.

use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, CodeId, FamilyId, GrantId, Incarnation};
use crate::keyring::KeyCheck;

/// Founds the cluster or begins a new incarnation of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Names the cluster; a restored one keeps its name.
    pub cluster: [u8; 16],
    /// The new incarnation, random.
    pub incarnation: Incarnation,
    /// The key that new tokens are minted with.
    pub active_key: KeyCheck,
}

/// One record that a sweep may remove, if its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SweepItem {
    /// An access token's grant.
    Grant(GrantId),
    /// A code.
    Code(CodeId),
    /// A refresh-token family.
    Family(FamilyId),
    /// A key or a basic-auth user.
    ApiKey(ApiKeyId),
}
