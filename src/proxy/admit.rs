//! Admit: the stages before a request is forwarded, in their order, or who answers it instead.

use std::sync::Arc;

use raftgate_actors::snapshot::{CompiledApi, GatewaySnapshot};
use raftgate_model::id::ApiId;

use super::answer_edits::AnswerEdits;
use super::client_meta::ClientMeta;
use super::connection::Connection;
use super::endpoint::{Endpoint, EndpointName};
use super::pump::Pump;
use super::refusal::Refusal;
use super::request::RequestView;
use super::stages::authorize::{Permit, authorize};
use super::stages::gate::{self, Circumstances, Closed, Gate};
use super::stages::header_values::HeaderValues;
use super::stages::identify::{Identified, Pending, identify};
use super::stages::prepare::{credential_header, prepare};
use super::stages::route::{Destination, NoRoute, own_endpoint, route};
use super::stages::selected::{Proof, Selected};
use super::token_judge::TokenJudge;
use super::wire::body::BodyLength;
use super::wire::response_head::BodyCoding;
use super::worker::{Serving, Worker};

/// What becomes of a request that is not refused.
pub(super) enum Admitted {
    /// The upload pump holds its head for the upstream.
    Forward(Selected),
    /// The gateway answers a browser that asks what it may send, in place of this endpoint or the upstream.
    Preflight(Arc<CompiledApi>, Option<EndpointName>),
    /// An endpoint of our own is asked.
    Answer(Endpoint),
    /// The caller is known after a wait.
    Wait {
        pending: Pending,
        api: Arc<CompiledApi>,
    },
}

/// A request that is not served.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) by: Refuser,
}

/// In whose name a request is refused.
pub(super) enum Refuser {
    Api(Arc<CompiledApi>),
    /// An API that cannot be served, and has no style of its own.
    Unserved(ApiId),
    Gateway,
}

impl From<NoRoute> for Refused {
    fn from(none: NoRoute) -> Self {
        Self {
            refusal: none.refusal,
            by: none.api.map_or(Refuser::Gateway, Refuser::Unserved),
        }
    }
}

impl From<Closed> for Refused {
    fn from(closed: Closed) -> Self {
        Self {
            refusal: closed.refusal,
            by: Refuser::Api(closed.api),
        }
    }
}

/// Runs the stages before forwarding; each yields what the next one demands.
pub(super) fn admit(worker: &Worker, connection: &mut Connection) -> Result<Admitted, Refused> {
    let Connection {
        head,
        upload,
        peer,
        request_id,
        edits,
        ..
    } = connection;
    *edits = None;
    let view = RequestView::new(head, peer, request_id.as_bytes());
    let Some(serving) = worker.serving() else {
        let endpoint = own_endpoint(&view).ok_or(Refused {
            refusal: Refusal::Starting,
            by: Refuser::Gateway,
        });
        return endpoint.map(Admitted::Answer);
    };
    let mut snapshots = worker.snapshot(serving).borrow_mut();
    let snapshot = snapshots.load();
    let api = match route(snapshot, &view)? {
        Destination::Endpoint(endpoint) => {
            return admit_endpoint(worker, snapshot, endpoint, &view, edits);
        }
        Destination::Api(api) => api,
    };
    let selected = if api.rules.is_none() {
        Selected::whole(api)
    } else {
        let edits = edits.insert(Box::default());
        match gate::pass(circumstances(worker, snapshot), &api, &view, edits)? {
            Gate::Open(selected) => selected,
            Gate::Preflight(api) => return Ok(Admitted::Preflight(api, None)),
        }
    };
    let checked = check_size(worker, &view)
        .and_then(|()| permit(worker, serving, snapshot, &selected, &view));
    match checked {
        Ok(Err(pending)) => Ok(Admitted::Wait {
            pending,
            api: selected.api,
        }),
        Ok(Ok(permit)) => {
            let mut selected = selected;
            choose_target(&mut selected)?;
            let values = HeaderValues {
                view: &view,
                permit: &permit,
                client_meta: &ClientMeta::known_to(serving.tokens.as_deref()),
                trusted: &worker.settings.trusted_proxies,
            };
            let bytes_max = worker.settings.limits.body_bytes_max;
            write_request(&values, &selected, bytes_max, upload, edits);
            Ok(Admitted::Forward(selected))
        }
        Err(refusal) => Err(Refused {
            refusal,
            by: Refuser::Api(selected.api),
        }),
    }
}

/// An endpoint of our own under the rules of its API.
fn admit_endpoint(
    worker: &Worker,
    snapshot: &GatewaySnapshot,
    endpoint: Endpoint,
    view: &RequestView<'_>,
    edits: &mut Option<Box<AnswerEdits>>,
) -> Result<Admitted, Refused> {
    let Some((api, rules)) = endpoint
        .api()
        .and_then(|api| Some((api, api.rules.as_deref()?)))
    else {
        return Ok(Admitted::Answer(endpoint));
    };
    let edits = edits.insert(Box::default());
    let name = endpoint.name();
    match gate::pass_endpoint(circumstances(worker, snapshot), rules, name, view, edits) {
        Ok(gate::Endpoint::Asked) => Ok(Admitted::Answer(endpoint)),
        Ok(gate::Endpoint::Preflight) => Ok(Admitted::Preflight(Arc::clone(api), Some(name))),
        Err(refusal) => Err(Refused {
            refusal,
            by: Refuser::Api(Arc::clone(api)),
        }),
    }
}

fn circumstances<'a>(worker: &'a Worker, snapshot: &'a GatewaySnapshot) -> Circumstances<'a> {
    Circumstances {
        snapshot,
        trusted: &worker.settings.trusted_proxies,
        now: worker.parts.clock.now(),
    }
}

/// Chooses among several targets.
fn choose_target(selected: &mut Selected) -> Result<(), Refused> {
    let Some(balancer) = selected.balancer() else {
        return Ok(());
    };
    match balancer.next() {
        Some(place) => {
            selected.place = place;
            Ok(())
        }
        None => Err(Refused {
            refusal: Refusal::AllTargetsDown,
            by: Refuser::Api(Arc::clone(&selected.api)),
        }),
    }
}

fn check_size(worker: &Worker, view: &RequestView<'_>) -> Result<(), Refusal> {
    match view.head().facts().body {
        BodyLength::Sized(bytes) if bytes > worker.settings.limits.body_bytes_max => {
            Err(Refusal::BodyTooLarge)
        }
        _ => Ok(()),
    }
}

/// The permit of a request, or what has to be waited for first.
fn permit(
    worker: &Worker,
    serving: &Serving,
    snapshot: &GatewaySnapshot,
    selected: &Selected,
    view: &RequestView<'_>,
) -> Result<Result<Permit, Pending>, Refusal> {
    if selected.proof == Proof::Waived {
        return Ok(Ok(Permit::waived()));
    }
    let tokens = serving.tokens.as_deref();
    let client_ip = || view.client_ip(&worker.settings.trusted_proxies);
    match identify(view, &selected.api, tokens, client_ip)? {
        Identified::Caller(caller) => {
            let paths = tokens.map(TokenJudge::allowed_paths);
            authorize(snapshot, paths, selected, caller, view).map(Ok)
        }
        Identified::Later(pending) => Ok(Err(pending)),
    }
}

/// Writes the head for the upstream, and decides what the rules do to the answer.
fn write_request(
    values: &HeaderValues<'_>,
    selected: &Selected,
    bytes_max: u64,
    upload: &mut Pump,
    edits: &mut Option<Box<AnswerEdits>>,
) {
    let view = values.view;
    prepare(view, selected, values, &mut upload.pending);
    if let Some((edits, transform)) = edits.as_mut().zip(selected.response_edits.as_ref()) {
        edits.transform(Arc::clone(transform), values.lines(&transform.set));
    }
    if edits.as_ref().is_some_and(|edits| edits.is_empty()) {
        *edits = None;
    }
    let facts = view.head().facts();
    let coding = match facts.body {
        BodyLength::Chunked => {
            upload.bar_trailers(view.head().connection_values());
            upload.bar_trailers(credential_header(&selected.api).map(str::as_bytes));
            let of_versions = selected.names.headers().into_iter().flatten();
            upload.bar_trailers(of_versions.map(str::as_bytes));
            if let Some(edits) = &selected.request_edits {
                upload.bar_trailers(edits.dropped.iter().map(|name| name.as_bytes()));
            }
            BodyCoding::Chunked
        }
        _ => BodyCoding::Identity,
    };
    upload.start_body(facts.body, coding, bytes_max.min(selected.body_bytes_max));
}
