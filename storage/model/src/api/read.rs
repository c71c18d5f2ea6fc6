//! From a Tyk Classic definition to an [`ApiSpec`].

use std::sync::Arc;

use serde_json::{Map, Value};

use super::document::{ClassicDocument, DEFAULT_ORG};
use super::domain::Domain;
use super::fields::DEFINITION;
use super::listen_path::ListenPath;
use super::read_auth;
use super::request_rules::RequestRules;
use super::settings::ApiSettings;
use super::spec::ApiSpec;
use super::target::Target;
use super::unsupported::{self, ImportWarning};
use super::upstream::{Rotation, UpstreamSpec};
use crate::id::{ApiId, NOT_FOR_PATHS, OrgId, fits_paths};
use crate::json::{DocumentFaults, Node, Shape};
use crate::session::SessionLifetime;

/// Ids that name something else in the control API's paths.
const RESERVED_IDS: [&str; 5] = ["oas", "apis", "oauth", "import", "export"];

/// The longest name of an API, in bytes.
const NAME_BYTES_MAX: usize = 256;

impl ApiSpec {
    /// Reads a Tyk Classic definition; see [`ClassicDocument::parse`] for its forms.
    ///
    /// # Errors
    /// Every place that is malformed, contradicts another, or holds something that must not be ignored.
    pub fn from_classic(text: &str) -> Result<(Self, Vec<ImportWarning>), DocumentFaults> {
        Self::from_document(&ClassicDocument::parse(text)?)
    }

    /// Reads a definition that has already been parsed.
    ///
    /// # Errors
    /// As [`ApiSpec::from_classic`].
    pub(super) fn from_document(
        document: &ClassicDocument,
    ) -> Result<(Self, Vec<ImportWarning>), DocumentFaults> {
        let definition = document.object();
        let mut faults = DocumentFaults::default();
        let mut warnings = Vec::new();
        Shape::check_members(DEFINITION, definition, &mut faults);
        let spec = read_spec(definition, &mut warnings, &mut faults);
        match spec {
            Some(spec) => faults.or((spec, warnings)),
            None => Err(faults),
        }
    }
}

/// Reads everything before it gives up: what is wrong in one place hides nothing that is wrong in another.
fn read_spec(
    definition: &Map<String, Value>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> Option<ApiSpec> {
    let (rules, versions) = RequestRules::read(definition, warnings, faults);
    warnings.extend(unsupported::check(definition, &versions, faults));
    let id = read_id(definition, faults);
    let org = read_org(definition, faults);
    let proxy = Node::member(definition, "proxy", faults);
    let listen_path = read_listen_path(&proxy.get("listen_path", faults), faults);
    let upstream = UpstreamSpec::read(definition, warnings, faults);
    let target = read_target(&proxy.get("target_url", faults), &upstream, faults);
    let auth = read_auth::read(definition, warnings, faults);
    let active = read_active(definition, warnings, faults);
    let name = read_name(definition, faults);
    let domain = read_domain(definition, faults);
    let [strip_listen_path, preserve_host_header, disable_strip_slash] = [
        "strip_listen_path",
        "preserve_host_header",
        "disable_strip_slash",
    ]
    .map(|name| proxy.get(name, faults).flag(faults));
    let strip_auth_data = Node::member(definition, "strip_auth_data", faults).flag(faults);
    let session_lifetime = SessionLifetime::read(definition, faults);
    let settings = ApiSettings::read(definition, faults);
    let id = id?;
    Some(ApiSpec {
        name: name.unwrap_or_else(|| Arc::from(id.as_str())),
        id,
        org: org?,
        active,
        domain,
        listen_path: listen_path?,
        target: target?,
        upstream,
        strip_listen_path,
        preserve_host_header,
        disable_strip_slash,
        auth: auth?,
        strip_auth_data,
        session_lifetime,
        rules,
        settings,
    })
}

fn read_active(
    definition: &Map<String, Value>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> bool {
    let active = Node::member(definition, "active", faults);
    if active.value().is_none() {
        let reason = "is missing, so the API is not served; set it to true".to_owned();
        warnings.push(ImportWarning {
            path: active.path().to_owned(),
            reason,
        });
    }
    active.flag(faults)
}

fn read_id(definition: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<ApiId> {
    let node = Node::member(definition, "api_id", faults);
    let Some(text) = node.filled_text(faults) else {
        if node.value().is_none_or(Value::is_string) {
            faults.add(node.path(), "is missing");
        }
        return None;
    };
    if !fits_paths(text) {
        faults.add(node.path(), NOT_FOR_PATHS);
        return None;
    }
    if RESERVED_IDS.contains(&text) {
        faults.add(
            node.path(),
            "stands in paths, where this is a word of the control API",
        );
        return None;
    }
    ApiId::new(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

fn read_org(definition: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<OrgId> {
    let node = Node::member(definition, "org_id", faults);
    let text = node.filled_text(faults).unwrap_or(DEFAULT_ORG);
    OrgId::new(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

/// The name goes into a challenge's quoted string and into logs, so it must be one line of text.
fn read_name(definition: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<Arc<str>> {
    let node = Node::member(definition, "name", faults);
    let name = node.filled_text(faults)?;
    if name.len() > NAME_BYTES_MAX {
        faults.add(node.path(), format!("has at most {NAME_BYTES_MAX} bytes"));
    }
    if name.chars().any(char::is_control) {
        faults.add(node.path(), "must not hold control characters");
    }
    Some(Arc::from(name))
}

fn read_listen_path(node: &Node<'_>, faults: &mut DocumentFaults) -> Option<ListenPath> {
    let text = required_text(node, faults)?;
    ListenPath::parse(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

/// Several targets need no other one beside them, and the first of them stands for all (Tyk).
fn read_target(
    node: &Node<'_>,
    upstream: &UpstreamSpec,
    faults: &mut DocumentFaults,
) -> Option<Target> {
    if let Some(first) = upstream.rotation.as_ref().and_then(Rotation::first) {
        let _ = node.text(faults);
        return Some(first.clone());
    }
    let text = required_text(node, faults)?;
    Target::parse(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

fn read_domain(definition: &Map<String, Value>, faults: &mut DocumentFaults) -> Option<Domain> {
    if Node::member(definition, "domain_disabled", faults).flag(faults) {
        return None;
    }
    let node = Node::member(definition, "domain", faults);
    let text = node.filled_text(faults)?;
    Domain::parse(text)
        .map_err(|error| faults.add(node.path(), error.to_string()))
        .ok()
}

fn required_text<'v>(node: &Node<'v>, faults: &mut DocumentFaults) -> Option<&'v str> {
    if node.value().is_none() {
        faults.add(node.path(), "is missing");
        return None;
    }
    node.text(faults)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
