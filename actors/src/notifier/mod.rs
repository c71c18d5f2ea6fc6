//! Telling resource owners' applications of tokens: the replicated queue, worked off by the leader.

mod breaker;
mod deliver;
mod payload;
mod plan;

pub use breaker::{Breaker, IN_FLIGHT_MAX};
pub use deliver::{client, post};
pub use payload::{Payload, parse_webhook_id, payload, type_name, webhook_id};
pub use plan::{Waiting, due};
