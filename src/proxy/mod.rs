//! The data plane: accepts requests, decides, forwards, records. No mailbox, no disk, no lock held across an await.
//!
//! The life of a request is told in `exchange.rs`; the stages that decide are pure and stand in `stages/`; HTTP/1 itself is
//! in `wire/`. Heads are parsed by `httparse` and written anew, so what leaves has exactly one framing.

mod admit;
mod allowed_paths;
mod answer;
mod answer_edits;
mod client_meta;
mod connection;
mod dial;
mod endpoint;
mod exchange;
mod forward;
mod head_time;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod http2;
mod key_judge;
mod local;
mod outages;
mod overrides;
mod pool;
mod pump;
mod reach;
mod record;
mod refusal;
mod relay;
mod request;
mod request_id;
mod server;
mod settings;
mod shared;
mod shortages;
mod stages;
mod timer;
mod tls;
mod token_judge;
mod transport;
mod trust;
mod tunnel;
mod waits;
mod wire;
mod worker;

pub use endpoint::{
    BodyFault, BodyRefusal, Endpoint, EndpointAnswer, EndpointFuture, EndpointHandler,
    EndpointName, EndpointRequest, EndpointResponse,
};
pub use http2::StreamRefusal;
pub use overrides::MessageOverrides;
pub use pool::PoolLimits;
pub use record::{AccessRecord, GatewayCounters};
pub use refusal::{ConnectionFate, Refusal, RenderedRefusal};
pub use server::{Gateway, GatewayStartError};
pub use settings::{ClientTimeouts, GatewaySettings, RequestLimits};
pub use token_judge::{JudgeParts, TokenJudge};
pub use trust::TrustedProxies;
pub use worker::{GatewayParts, HEAD_BYTES_CEILING, Serving};
