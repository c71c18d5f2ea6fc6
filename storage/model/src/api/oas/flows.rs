//! The flows of an OAuth 2.0 scheme: which grants it allows, and which scopes may be asked for.

use serde_json::Value;

use super::projection::Projection;
use super::schemes::Scheme;
use super::shape::{self, Shape};
use crate::json::{DocumentFaults, Node};

/// The flows of OpenAPI, and the grants that they stand for.
const FLOWS: [(&str, &str); 4] = [
    ("authorizationCode", "authorization_code"),
    ("clientCredentials", "client_credentials"),
    ("password", "password"),
    ("implicit", "implicit"),
];

/// The URLs of a flow, and where the gateway's own endpoints stand below the listen path.
const URLS: [(&str, &str); 3] = [
    ("authorizationUrl", "/oauth/authorize"),
    ("tokenUrl", "/oauth/token"),
    ("refreshUrl", "/oauth/token"),
];

/// The list of grants of a Classic definition.
const GRANTS: &str = "oauth_meta.allowed_access_types";

/// The list of scopes of a Classic definition: those of all flows, none of which leaves the choice to the caller.
const SCOPES: &str = "raftgate.allowed_scopes";

/// Projects the grants and scopes of an OAuth scheme.
pub(super) fn project(
    projection: &mut Projection,
    scheme: &Scheme<'_>,
    faults: &mut DocumentFaults,
) {
    let flows = scheme.declared.get("flows", faults);
    if flows.value().is_none() {
        shape::missing(&scheme.declared, "flows", "object", faults);
    }
    if !Shape::Map.fits(&flows, faults) {
        return;
    }
    let (mut grants, mut scopes) = (Vec::new(), Vec::new());
    for (name, grant) in FLOWS {
        let flow = flows.get(name, faults);
        if flow.value().is_none() || !Shape::Map.fits(&flow, faults) {
            continue;
        }
        if grant == "implicit" {
            warn_of_implicit(projection, scheme, &flow);
        } else {
            let place = format!("{GRANTS}[{}]", grants.len());
            projection.origins.note(&place, flow.path(), false, true);
            grants.push(Value::from(grant));
        }
        urls(projection, &flow, faults);
        scopes.extend(scopes_of(&flow, faults));
    }
    let own = projection.classic.get("raftgate");
    if !scopes.is_empty() && own.is_none_or(|own| own.get("allowed_scopes").is_none()) {
        projection.make(SCOPES, Value::from(scopes), &flows);
    }
    let refresh = scheme.setup.get("refreshToken", faults);
    if refresh.value() == Some(&Value::Bool(true)) {
        let place = format!("{GRANTS}[{}]", grants.len());
        projection.origins.note(&place, refresh.path(), false, true);
        grants.push(Value::from("refresh_token"));
    }
    projection.make(GRANTS, Value::Array(grants), &flows);
}

/// The implicit grant is a response type; a flow alone does not switch it on.
fn warn_of_implicit(projection: &mut Projection, scheme: &Scheme<'_>, flow: &Node<'_>) {
    let types = scheme
        .setup
        .get("allowedAuthorizeTypes", &mut DocumentFaults::default());
    let types = types.value().and_then(Value::as_array);
    if !types.is_some_and(|types| types.iter().any(|name| name == "token")) {
        projection.warn(
            flow.path(),
            "has no effect, because allowedAuthorizeTypes does not hold token",
        );
    }
}

/// URLs of other places than the gateway's own are a promise to callers that it does not keep.
fn urls(projection: &mut Projection, flow: &Node<'_>, faults: &mut DocumentFaults) {
    for (name, own) in URLS {
        let url = flow.get(name, faults);
        if !Shape::Text.fits(&url, faults) {
            continue;
        }
        let text = url.value().and_then(Value::as_str).unwrap_or_default();
        if !text.is_empty() && !text.trim_end_matches('/').ends_with(own) {
            let reason =
                format!("is for people only: the gateway serves {own} below the listen path");
            projection.warn(url.path(), reason);
        }
    }
}

/// The scopes that a flow declares.
fn scopes_of<'v>(flow: &Node<'v>, faults: &mut DocumentFaults) -> Vec<&'v str> {
    let node = flow.get("scopes", faults);
    let fits = Shape::Map.fits(&node, faults);
    let declared = node.value().and_then(Value::as_object).filter(|_| fits);
    let names = declared.into_iter().flat_map(|scopes| scopes.keys());
    names.map(String::as_str).collect()
}
