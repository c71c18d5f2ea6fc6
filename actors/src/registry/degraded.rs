//! The APIs that do not run by their newest definition, and what keeps them from it.

use std::sync::Arc;

use raftgate_model::id::ApiId;

/// An API that does not run by its newest definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DegradedApi {
    /// The API.
    pub id: ApiId,
    /// Whether it may come by itself.
    pub hindrance: Hindrance,
    /// What is wrong, for logs and operators.
    pub reason: Arc<str>,
}

/// What keeps a definition from coming into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// It takes long, and is tried again.
    Late,
    /// It cannot be served; only a change of configuration mends that.
    Unservable,
}

/// The APIs that do not run by their newest definition.
pub type DegradedApis = Arc<[DegradedApi]>;
