//! What an [`ApiActor`](super::ApiActor) is asked and answers.

use std::sync::Arc;

use actix::Message;
use raftgate_model::state::record::ApiRecord;

use crate::snapshot::CompiledApi;

/// Compile this version of the API and make it the one in force.
#[derive(Message)]
#[rtype(result = "Compiled")]
pub struct Compile(pub Arc<ApiRecord>);

/// What is in force after an attempt to compile.
pub struct Compiled {
    /// The version to serve: the new one, else the last good one; none for an inactive API.
    pub in_force: Option<Arc<CompiledApi>>,
    /// Whether it is the new one.
    pub health: ApiHealth,
}

/// Whether an API runs by its newest definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiHealth {
    /// It does.
    Good,
    /// Its newest definition cannot be served; the last good one is, if there was one.
    Degraded {
        /// What is wrong with it; for logs and operators.
        reason: Arc<str>,
    },
    /// Its newest definition was not compiled in time, and is tried again; the last good one is served, if there was one.
    Late,
}
