//! What stands at the control listener from its first moment, and lets requests in once the node is put together.

use std::rc::Rc;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use raftgate_model::clock::Entropy;
use tokio::time::interval;

use super::{Audience, Control, ControlFailure, Door, Health, shape};
use crate::telemetry::answer_lines::AnswerLines;
use crate::telemetry::answers::HeldBack;

/// How often the log is told what was held back in windows that are over.
const LOOK_BACK: Duration = Duration::from_secs(1);

/// The way into the control listener.
pub struct Entrance {
    control: OnceLock<Arc<Control>>,
    health: Arc<Health>,
    entropy: Arc<dyn Entropy>,
    lines: AnswerLines,
}

impl Entrance {
    /// An entrance behind which nothing stands yet.
    #[must_use]
    pub fn new(health: Arc<Health>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            control: OnceLock::new(),
            health,
            entropy,
            lines: AnswerLines::default(),
        }
    }

    /// Lets requests in from now on; a second call changes nothing.
    pub fn open(&self, control: Arc<Control>) {
        self.control.get_or_init(|| control);
    }

    /// An id for one request.
    pub(super) fn request_id(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.entropy.bytes16()))
    }

    /// How much the log was told of refusals.
    pub(super) fn lines(&self) -> &AnswerLines {
        &self.lines
    }

    /// Tells the log how many refusals were not told one by one, in the windows that are over, for as long as there is an
    /// entrance.
    pub(super) async fn look_back_forever(entrance: Weak<Self>) {
        let mut ticks = interval(LOOK_BACK);
        loop {
            ticks.tick().await;
            let Some(entrance) = entrance.upgrade() else {
                return;
            };
            let over = entrance.lines.end_windows(tokio::time::Instant::now());
            over.iter().for_each(HeldBack::log_of_control);
        }
    }

    /// Tells the log what was not told yet.
    pub(super) fn look_back_at_all(&self) {
        self.lines.end().iter().for_each(HeldBack::log_of_control);
    }

    /// What the handlers work on; none while the node starts.
    pub(super) fn control(&self) -> Option<&Arc<Control>> {
        self.control.get()
    }

    /// Tells the handlers of a request what they work on.
    pub(super) fn lead_in(control: &Arc<Control>, request: &mut ServiceRequest) {
        let mut data = Extensions::new();
        data.insert(web::Data::from(Arc::clone(control)));
        request.add_data_container(Rc::new(data));
    }

    /// The answer while the node starts: how it fares, and to all else that it cannot be asked yet.
    pub(super) fn while_starting(&self, request: &ServiceRequest, door: Door) -> HttpResponse {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.path() {
            "/ready" if is_read => shape::plain(self.health.ready(Audience::Operators)),
            "/hello" if is_read => shape::plain(self.health.hello(Audience::Operators)),
            _ => ControlFailure::Starting.answer(door),
        }
    }
}
