//! A gateway on a thread of its own, with the settings and APIs that a test asks for.

use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode};
use raftgate::boot::gateway_settings;
use raftgate::clock::{SystemClock, SystemEntropy};
use raftgate::config::environment::Environment;
use raftgate::config::flags::Flags;
use raftgate::config::resolve;
use raftgate::proxy::{
    AccessRecord, Endpoint, EndpointAnswer, EndpointHandler, EndpointRequest, EndpointResponse,
    Gateway, GatewayCounters, GatewayParts, GatewaySettings, Refusal, Serving,
};
use raftgate_actors::snapshot::{CompiledApi, GatewaySnapshot, Publisher, gateway_tls};
use raftgate_model::api::{ListenPath, Target};
use raftgate_model::id::ApiId;
use rustls::ClientConfig;
use tokio::sync::{mpsc, oneshot};

use crate::wire::{PATIENCE, Upstream, Wire};

/// A running gateway.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) publisher: Publisher,
    pub(crate) counters: Arc<GatewayCounters>,
    pub(crate) records: mpsc::Receiver<AccessRecord>,
    serving: Arc<OnceLock<Serving>>,
    serves_later: Option<Serving>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the gateway does when nothing is configured.
fn default_settings() -> GatewaySettings {
    let nothing = Environment::from_pairs::<String, String>([]);
    let settings = resolve(None, &nothing, &Flags::default());
    gateway_settings(&settings.unwrap(), None)
}

/// A keyless API at `listen_path` in front of `upstream`.
pub(crate) fn api(listen_path: &str, upstream: SocketAddr) -> CompiledApi {
    CompiledApi::keyless(
        ApiId::new("api").unwrap(),
        ListenPath::parse(listen_path).unwrap(),
        Target::parse(&format!("http://{upstream}/")).unwrap(),
    )
}

/// The same behind TLS, for an upstream that never shakes hands: whoever asks waits for a connection longer than tests do.
pub(crate) fn slow_to_dial(upstream: SocketAddr) -> CompiledApi {
    let mut api = api("/", upstream);
    api.target = Target::parse(&format!("https://{upstream}/")).unwrap();
    api.timeouts.connect = PATIENCE * 2;
    api
}

impl Rig {
    /// A gateway with one keyless API at `/` in front of `upstream`.
    pub(crate) fn before(upstream: &Upstream) -> Self {
        Self::with(api("/", upstream.address), |_| {})
    }

    pub(crate) fn with(api: CompiledApi, adjust: impl FnOnce(&mut GatewaySettings)) -> Self {
        Self::start(api, 64, adjust)
    }

    pub(crate) fn start(
        api: CompiledApi,
        records_max: usize,
        adjust: impl FnOnce(&mut GatewaySettings),
    ) -> Self {
        Self::start_trusting(gateway_tls().unwrap(), api, records_max, adjust)
    }

    /// A gateway of a node that is starting; [`Rig::open`] lets requests in.
    pub(crate) fn starting(api: CompiledApi) -> Self {
        Self::starting_with(api, |_| {
            EndpointResponse::new(StatusCode::IM_A_TEAPOT, "starting")
        })
    }

    /// The same, with what answers `/hello` and `/ready` meanwhile.
    pub(crate) fn starting_with<A>(api: CompiledApi, answer: A) -> Self
    where
        A: Fn(EndpointRequest) -> EndpointResponse + Clone + Send + Sync + 'static,
    {
        let answer: EndpointAnswer = Arc::new(move |request| {
            let answer = answer.clone();
            Box::pin(async move { answer(request) })
        });
        Self::starting_on(api, answer, |_| {})
    }

    /// The same, with an answer that may take its time.
    pub(crate) fn starting_on(
        api: CompiledApi,
        answer: EndpointAnswer,
        adjust: impl FnOnce(&mut GatewaySettings),
    ) -> Self {
        Self::closed(gateway_tls().unwrap(), (api, answer), 64, adjust)
    }

    pub(crate) fn open(&mut self) {
        let serving = self.serves_later.take().unwrap();
        assert!(self.serving.set(serving).is_ok(), "it was open");
    }

    /// A gateway with its own idea of which TLS upstreams to believe.
    pub(crate) fn start_trusting(
        upstream_tls: Arc<ClientConfig>,
        api: CompiledApi,
        records_max: usize,
        adjust: impl FnOnce(&mut GatewaySettings),
    ) -> Self {
        let starting: EndpointAnswer = Arc::new(|_| {
            Box::pin(async { EndpointResponse::new(StatusCode::IM_A_TEAPOT, "starting") })
        });
        let mut rig = Self::closed(upstream_tls, (api, starting), records_max, adjust);
        rig.open();
        rig
    }

    fn closed(
        upstream_tls: Arc<ClientConfig>,
        (api, starting): (CompiledApi, EndpointAnswer),
        records_max: usize,
        adjust: impl FnOnce(&mut GatewaySettings),
    ) -> Self {
        let publisher = Publisher::new(GatewaySnapshot::build([Arc::new(api)], []).0);
        let counters = Arc::new(GatewayCounters::default());
        let (record_sender, records) = mpsc::channel(records_max);
        let serving = Arc::new(OnceLock::new());
        let serves_later = Serving {
            tokens: None,
            snapshots: publisher.source(),
            endpoints: EndpointHandler {
                answer: Arc::new(|request| Box::pin(async move { describe(&request) })),
                refuse_body: Arc::new(|_, endpoint, fault| {
                    EndpointResponse::new(
                        StatusCode::IM_A_TEAPOT,
                        format!("{endpoint:?} {fault:?}"),
                    )
                }),
            },
            records: Some(record_sender),
        };
        let parts = GatewayParts {
            serving: Arc::clone(&serving),
            starting,
            upstream_tls,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            counters: Arc::clone(&counters),
        };
        let mut settings = default_settings();
        settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.workers = 1;
        adjust(&mut settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, start) = sync_channel(1);
        let thread = thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let gateway = Gateway::start(settings, parts).await.unwrap();
                started.send(gateway.address()).unwrap();
                let _ = stopped.await;
                gateway.drain().await;
            });
        });
        let address = start.recv_timeout(PATIENCE).unwrap();
        Self {
            address,
            publisher,
            counters,
            records,
            serving,
            serves_later: Some(serves_later),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.address)
    }

    /// The record of the request that ended last, in turn.
    pub(crate) fn record(&mut self) -> AccessRecord {
        eventually("an access record", || self.records.try_recv().ok())
    }

    /// A refusal is counted when its answer is out, which a client may be ahead of.
    pub(crate) fn expect_refused(&self, refusal: Refusal, count: u64) {
        eventually("the refusals counted", || {
            (self.counters.refusals(refusal) == count).then_some(())
        });
    }

    /// Begins to drain; [`Rig::wait`] returns when the gateway has ended.
    pub(crate) fn begin_drain(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub(crate) fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // Tests hold no open request here, so this takes a moment; a failed test must not hang on one that does.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// Answers with what the handler was given.
fn describe(request: &EndpointRequest) -> EndpointResponse {
    let name = match &request.endpoint {
        Endpoint::Hello => "hello".to_owned(),
        Endpoint::Ready => "ready".to_owned(),
        Endpoint::OAuth { api, endpoint } => format!("{} {endpoint:?}", api.id),
    };
    let text = format!(
        "{name}|{}|{}|{}|{}|{}",
        request.method,
        request.path,
        request.query.as_deref().unwrap_or("-"),
        request.client_ip,
        String::from_utf8_lossy(&request.body)
    );
    let mut response = EndpointResponse::new(StatusCode::CREATED, text);
    let seen = request.headers.get("x-probe").cloned();
    response.headers.insert(
        "x-seen",
        seen.unwrap_or(HeaderValue::from_static("nothing")),
    );
    response
        .headers
        .insert("connection", HeaderValue::from_static("x-seen"));
    response
        .headers
        .insert("content-length", HeaderValue::from_static("9999"));
    response
}

/// Looks at `condition` until it yields a value.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
