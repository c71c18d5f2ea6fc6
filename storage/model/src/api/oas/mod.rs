//! Tyk OAS documents: projected to the Classic definition that they stand for, as Tyk does itself.
//!
//! What is judged and served is the Classic form alone; every fault and warning is told by the path in the author's document.

mod conversions;
mod document;
mod extension;
mod flows;
mod middleware;
mod openapi;
mod operations;
mod origins;
mod projection;
mod rule_conversions;
mod schemes;
mod security;
mod servers;
mod serving;
mod shape;
mod targets;
mod upstream;

use serde_json::{Map, Value};

pub use document::OasDocument;
use origins::Origins;
use projection::Projection;
pub use servers::Mount;
pub use serving::{Serving, ServingFault};
use shape::Shape;

use super::unsupported::ImportWarning;
use crate::json::{DocumentFault, DocumentFaults, Node};

/// The member that says how a document is served.
pub(crate) const EXTENSION: &str = "x-tyk-api-gateway";

/// The member with settings that Tyk does not have; `raftgate` in a Classic definition.
pub(crate) const OWN_EXTENSION: &str = "x-raftgate";

/// A document's Classic form, and what was wrong with it on the way there.
#[derive(Debug)]
pub(super) struct Projected {
    /// The Classic definition's fields.
    pub(super) classic: Map<String, Value>,
    origins: Origins,
    warnings: Vec<ImportWarning>,
    faults: DocumentFaults,
}

/// Projects a document as far as it can be understood; its faults are kept for [`Projected::judge`].
pub(super) fn project(document: &OasDocument) -> Projected {
    let object = document.object();
    let mut faults = DocumentFaults::default();
    let mut projection = Projection::default();
    if !document.has_extension() {
        faults.add("", "the payload should contain x-tyk-api-gateway");
    }
    if let Some(name) = OasDocument::classic_member(object) {
        faults.add(
            name,
            "is a member of Classic definitions, not of OpenAPI documents",
        );
    }
    let mut found = openapi::read(object, &mut faults);
    operations::by_precedence(&mut found);
    version_data(&mut projection);
    let own = Node::member(object, OWN_EXTENSION, &mut faults);
    projection
        .origins
        .note("raftgate", OWN_EXTENSION, true, false);
    if let Some(settings) = own.value().filter(|_| Shape::Map.fits(&own, &mut faults)) {
        projection.origins.note("raftgate", own.path(), true, true);
        projection.set("raftgate", settings.clone());
    }
    let node = Node::member(object, EXTENSION, &mut faults);
    if Shape::Map.fits(&node, &mut faults) {
        projection.members(&node, extension::EXTENSION_MEMBERS, &mut faults);
        upstream_is_there(&node, &mut faults);
        security::project(&mut projection, object, &node, &mut faults);
        operations::project(&mut projection, &node, &found, &mut faults);
    }
    Projected {
        classic: projection.classic,
        origins: projection.origins,
        warnings: projection.warnings,
        faults,
    }
}

impl Projected {
    /// The reading of the Classic form with its faults and warnings told by the author's paths, after those of the way there.
    pub(super) fn judge<T>(
        self,
        reading: Result<(T, Vec<ImportWarning>), DocumentFaults>,
    ) -> Result<(T, Vec<ImportWarning>), DocumentFaults> {
        let Self {
            origins,
            mut warnings,
            mut faults,
            ..
        } = self;
        let read = match reading {
            Ok(read) => Some(read),
            Err(classic) => {
                let on_the_way = faults.all().to_vec();
                for fault in classic.all() {
                    let path = origins.of(&fault.path);
                    if !on_the_way.iter().any(|known| is_around(known, &path)) {
                        faults.add(path, fault.problem.as_str());
                    }
                }
                None
            }
        };
        let faults = faults.or(());
        match (faults, read) {
            (Err(faults), _) => Err(faults),
            (Ok(()), Some((value, more))) => {
                warnings.extend(more.into_iter().map(|warning| ImportWarning {
                    path: origins.of(&warning.path),
                    reason: warning.reason,
                }));
                Ok((value, warnings))
            }
            (Ok(()), None) => Err(DocumentFaults::one("", "the document cannot be read")),
        }
    }
}

/// Whether a fault stands at a path or around it: what the Classic form says there follows from it.
fn is_around(fault: &DocumentFault, path: &str) -> bool {
    path.strip_prefix(fault.path.as_str()).is_some_and(|rest| {
        rest.is_empty() || fault.path.is_empty() || rest.starts_with(['.', '['])
    })
}

/// The one version of an OAS API, which is served whatever version a request names.
fn version_data(projection: &mut Projection) {
    for (at, value) in [
        ("version_data.not_versioned", Value::Bool(true)),
        ("version_data.versions.Default.name", Value::from("Default")),
        (
            "version_data.versions.Default.use_extended_paths",
            Value::Bool(true),
        ),
    ] {
        projection.set(at, value);
    }
}

fn upstream_is_there(extension: &Node<'_>, faults: &mut DocumentFaults) {
    let upstream = extension.get("upstream", faults);
    if !upstream.value().is_some_and(Value::is_object) {
        return;
    }
    let has = |name: &str| {
        upstream
            .get(name, &mut DocumentFaults::default())
            .value()
            .is_some()
    };
    if !has("url") && !has("loadBalancing") {
        let path = upstream.get("url", faults);
        faults.add(
            path.path(),
            "is required, unless loadBalancing names targets",
        );
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole_tests;
