//! The rules of an API before anybody proves anything: CORS, version, paths, addresses and sizes, in Tyk's order.

use std::sync::Arc;
use std::time::Duration;

use raftgate_actors::snapshot::{
    CompiledAccess, CompiledApi, CompiledPath, CompiledRules, CompiledVersion, ErrorStyle,
    GatewaySnapshot, UpstreamTimeouts,
};
use raftgate_model::path_pattern::MatchedPath;
use raftgate_model::time::Timestamp;

use super::cors::{Behind, CorsVerdict, judge};
use super::selected::{Proof, Selected};
use super::version::resolve;
use crate::proxy::answer_edits::AnswerEdits;
use crate::proxy::endpoint::EndpointName;
use crate::proxy::refusal::Refusal;
use crate::proxy::request::RequestView;
use crate::proxy::trust::TrustedProxies;
use crate::proxy::wire::body::BodyLength;

/// What a request meets the rules with.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// The configuration in force.
    pub(crate) snapshot: &'a GatewaySnapshot,
    /// Whose word about the client is believed.
    pub(crate) trusted: &'a TrustedProxies,
    /// The time of day.
    pub(crate) now: Timestamp,
}

/// What the rules make of a request.
#[derive(Debug)]
pub(crate) enum Gate {
    /// It may go on.
    Open(Selected),
    /// The gateway answers it, for this API.
    Preflight(Arc<CompiledApi>),
}

/// A refusal, and the API whose words it is in.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) refusal: Refusal,
    pub(crate) api: Arc<CompiledApi>,
}

/// Applies the rules of an API; what every answer has to say by them is in `edits` whatever comes out.
///
/// A preflight is answered whatever version and path it speaks of: browsers send neither header nor credential with it,
/// and it opens nothing. What is refused can be read by the site that asked.
pub(crate) fn pass(
    circumstances: Circumstances<'_>,
    api: &Arc<CompiledApi>,
    view: &RequestView<'_>,
    edits: &mut AnswerEdits,
) -> Result<Gate, Closed> {
    let resolved = resolve(circumstances.snapshot, api, view);
    let speaker = Arc::clone(resolved.as_ref().map_or(api, |selected| &selected.api));
    let closed = |refusal| Closed {
        refusal,
        api: Arc::clone(&speaker),
    };
    let rules = speaker.rules.as_deref();
    let mut proof = Proof::Demanded;
    if let Some(cors) = rules.and_then(|rules| rules.cors.as_ref()) {
        match judge(cors, view, Behind::Upstream) {
            CorsVerdict::Preflight(lines) => {
                edits.replace_cors(&lines);
                return Ok(Gate::Preflight(speaker));
            }
            CorsVerdict::GoesOn(lines) => edits.replace_cors(&lines),
            CorsVerdict::Upstream => proof = Proof::Waived,
        }
    }
    let mut selected = resolved.map_err(closed)?;
    let Some((rules, version)) = rules.zip(selected.version.clone()) else {
        return Ok(Gate::Open(selected));
    };
    selected.proof = proof;
    check_expiry(circumstances.now, rules, &version, edits)
        .and_then(|()| apply(circumstances, rules, &version, view, &mut selected))
        .map_err(closed)?;
    Ok(Gate::Open(selected))
}

/// The rules that hold for the OAuth endpoints of an API as well: who may not call the API gets no tokens for it.
///
/// No browser is told that it may ask the one that takes the control secret.
pub(crate) fn pass_endpoint(
    circumstances: Circumstances<'_>,
    rules: &CompiledRules,
    endpoint: EndpointName,
    view: &RequestView<'_>,
    edits: &mut AnswerEdits,
) -> Result<Endpoint, Refusal> {
    let is_for_browsers = endpoint != EndpointName::AuthorizeClient;
    if let Some(cors) = rules.cors.as_ref().filter(|_| is_for_browsers) {
        match judge(cors, view, Behind::Endpoint) {
            CorsVerdict::Preflight(lines) => {
                edits.replace_cors(&lines);
                return Ok(Endpoint::Preflight);
            }
            CorsVerdict::GoesOn(lines) => edits.replace_cors(&lines),
            CorsVerdict::Upstream => {}
        }
    }
    check_address(circumstances, rules, view)?;
    Ok(Endpoint::Asked)
}

/// What the rules make of a request to an endpoint of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The endpoint answers.
    Asked,
    /// The gateway answers for it.
    Preflight,
}

fn apply(
    circumstances: Circumstances<'_>,
    rules: &CompiledRules,
    version: &CompiledVersion,
    view: &RequestView<'_>,
    selected: &mut Selected,
) -> Result<(), Refusal> {
    let path = version
        .looks_at_paths()
        .then(|| matched_path(selected, view));
    let path = path.as_ref();
    if let Some((access, path)) = version.access.as_ref().zip(path)
        && is_ignored(access, view.method(), path)?
    {
        selected.proof = Proof::Waived;
    }
    check_address(circumstances, rules, view)?;
    if let Some(bytes_max) = version.sizes.find(view.method(), path) {
        check_size(view, selected.api.error_style, *bytes_max)?;
        selected.body_bytes_max = *bytes_max;
    }
    if let Some(timeout) = version.timeouts.find(view.method(), path) {
        selected.timeouts = enforced(selected.timeouts, *timeout);
    }
    selected.request_edits = version.request_headers.find(view.method(), path).cloned();
    selected.response_edits = version.response_headers.find(view.method(), path).cloned();
    Ok(())
}

/// When the API ends is said before when its version does (Tyk).
fn check_expiry(
    now: Timestamp,
    rules: &CompiledRules,
    version: &CompiledVersion,
    edits: &mut AnswerEdits,
) -> Result<(), Refusal> {
    if let Some(expires) = rules.expires.or(version.expires) {
        edits.say_expiry(expires);
    }
    let is_over = |expires: Option<Timestamp>| expires.is_some_and(|expires| expires <= now);
    if is_over(rules.expires) {
        return Err(Refusal::ApiExpired);
    }
    if is_over(version.expires) {
        return Err(Refusal::VersionExpired);
    }
    Ok(())
}

fn matched_path<'r>(selected: &Selected, view: &RequestView<'r>) -> MatchedPath<'r> {
    MatchedPath::new(view.path(), selected.listen_bytes, selected.rest_at)
}

/// Whether a path needs no credential; one that is closed is refused, also where it is listed as open (safer than Tyk).
fn is_ignored(
    access: &CompiledAccess,
    method: &[u8],
    path: &MatchedPath<'_>,
) -> Result<bool, Refusal> {
    if access.blocked.iter().any(|at| at.covers(method, path)) {
        return Err(Refusal::PathForbidden);
    }
    let is_granted = |list: &[CompiledPath]| list.iter().any(|at| at.grants(method, path));
    if is_granted(&access.ignored) {
        return Ok(true);
    }
    if access.allowed.is_empty() || is_granted(&access.allowed) {
        return Ok(false);
    }
    Err(Refusal::PathForbidden)
}

fn check_address(
    circumstances: Circumstances<'_>,
    rules: &CompiledRules,
    view: &RequestView<'_>,
) -> Result<(), Refusal> {
    match &rules.ip_access {
        Some(access) if !access.admits(view.client_ip(circumstances.trusted)) => {
            Err(Refusal::AddressForbidden)
        }
        _ => Ok(()),
    }
}

/// In Tyk's style a method that has a body must say how long it is. A body that does not is counted as it comes.
fn check_size(view: &RequestView<'_>, style: ErrorStyle, bytes_max: u64) -> Result<(), Refusal> {
    let needs_length = matches!(style, ErrorStyle::Tyk { .. })
        && !matches!(
            view.method(),
            b"GET" | b"DELETE" | b"TRACE" | b"OPTIONS" | b"HEAD"
        );
    match view.head().facts().body {
        BodyLength::Sized(bytes) if bytes > bytes_max => Err(Refusal::RequestTooLarge),
        BodyLength::Sized(_) => Ok(()),
        _ if needs_length => Err(Refusal::LengthRequired),
        _ => Ok(()),
    }
}

/// A path's timeout is the upstream's whole time until the head of its answer, whatever is tried in it. It never lengthens
/// the wait for a connection, and where it is shorter, a connection has no more time than that: a target that takes all of it
/// counts as one that cannot be connected to, or a black hole behind short timeouts would never be spared.
fn enforced(timeouts: UpstreamTimeouts, timeout: Duration) -> UpstreamTimeouts {
    UpstreamTimeouts {
        connect: timeouts.connect.min(timeout),
        head: timeout,
        until_head: Some(timeout),
        ..timeouts
    }
}
