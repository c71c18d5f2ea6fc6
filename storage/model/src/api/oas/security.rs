//! Who may call: the schemes that `security` chooses, as OpenAPI declares them and the extension sets them up.

use serde_json::{Map, Value};

use super::projection::Projection;
use super::schemes::{self, Scheme};
use super::shape::Shape;
use crate::json::{DocumentFaults, Node};

/// The most alternatives, and the most schemes of one.
const REQUIREMENTS_MAX: usize = 64;
/// The most schemes that the extension sets up.
const SCHEMES_MAX: usize = 64;

/// The flags of a Classic definition that one of the schemes sets.
const KINDS: [&str; 4] = [
    "use_keyless",
    "use_oauth2",
    "use_standard_auth",
    "use_basic_auth",
];

/// Where the parts of the answer stand.
struct Places<'v> {
    /// `components.securitySchemes`.
    declared: Node<'v>,
    /// The extension's `server.authentication`.
    authentication: Node<'v>,
    /// Its `securitySchemes`.
    schemes: Node<'v>,
}

/// Projects authentication: keyless unless it is enabled, else by the schemes of the first requirement.
pub(super) fn project(
    projection: &mut Projection,
    document: &Map<String, Value>,
    extension: &Node<'_>,
    faults: &mut DocumentFaults,
) {
    let authentication = extension
        .get("server", faults)
        .get("authentication", faults);
    let places = Places {
        declared: Node::member(document, "components", faults).get("securitySchemes", faults),
        schemes: authentication.get("securitySchemes", faults),
        authentication,
    };
    for kind in KINDS {
        let origin = places.authentication.path();
        projection.origins.note(kind, origin, false, false);
    }
    Shape::Map.fits(&places.declared, faults);
    let requirements = requirements(document, &places.declared, faults);
    let enabled = places.authentication.get("enabled", faults);
    if enabled.value() != Some(&Value::Bool(true)) {
        let is_declared = |(name, _): &(&str, _)| places.declared.named(name).value().is_some();
        if requirements.iter().flatten().any(is_declared) {
            unprotected(projection, &places.authentication, faults);
        }
        projection.set("use_keyless", Value::Bool(true));
        return;
    }
    let mut requirements = requirements.into_iter();
    let chosen = requirements.next().unwrap_or_default();
    let alternative = requirements.next().and_then(|next| next.into_iter().next());
    if let Some((_, alternative)) = alternative {
        alternatives(projection, &places.authentication, &alternative, faults);
    }
    vendor_requirements(projection, &places.authentication, faults);
    choose(projection, &places, &chosen, faults);
}

/// A document that demands a credential of callers and is to be served without: that is its author's word to say.
fn unprotected(
    projection: &mut Projection,
    authentication: &Node<'_>,
    faults: &mut DocumentFaults,
) {
    if authentication.value().is_none() {
        let reason = "is required, because security demands a scheme: with \"enabled\": false the API is open to everybody";
        faults.add(authentication.path(), reason);
    } else {
        let reason = "is off, so the API is open to everybody, although security demands a scheme";
        projection.warn(authentication.path(), reason);
    }
}

/// The schemes of each requirement, by their places; a scheme that is not declared is a fault.
fn requirements<'v>(
    document: &'v Map<String, Value>,
    declared: &Node<'_>,
    faults: &mut DocumentFaults,
) -> Vec<Vec<(&'v str, Node<'v>)>> {
    let list = Node::member(document, "security", faults);
    if !Shape::List(&Shape::Map).fits(&list, faults) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for requirement in list.items(REQUIREMENTS_MAX, faults) {
        let schemes = requirement.members(REQUIREMENTS_MAX, faults);
        for (name, scheme) in &schemes {
            Shape::List(&Shape::Text).fits(scheme, faults);
            if declared.named(name).value().is_none() {
                let reason =
                    "unknown security scheme: components.securitySchemes has none of this name";
                faults.add(scheme.path(), reason);
            }
        }
        all.push(schemes);
    }
    all
}

/// A second requirement is an alternative, which is not offered.
fn alternatives(
    projection: &mut Projection,
    authentication: &Node<'_>,
    alternative: &Node<'_>,
    faults: &mut DocumentFaults,
) {
    if is_compliant(authentication) {
        let reason =
            "alternatives are not supported yet; leave one requirement to import the document";
        faults.add(alternative.path(), reason);
    } else {
        let reason = "only the first requirement counts (securityProcessingMode is legacy)";
        projection.warn(alternative.path(), reason);
    }
}

fn vendor_requirements(
    projection: &mut Projection,
    authentication: &Node<'_>,
    faults: &mut DocumentFaults,
) {
    let own = authentication.get("security", faults);
    if own.is_set() && is_compliant(authentication) {
        faults.add(
            own.path(),
            "alternatives are not supported yet; remove it to import the document",
        );
    } else if own.is_set() {
        projection.warn(
            own.path(),
            "has no effect unless securityProcessingMode is compliant",
        );
    }
}

fn is_compliant(authentication: &Node<'_>) -> bool {
    let mode = authentication.get("securityProcessingMode", &mut DocumentFaults::default());
    mode.value().and_then(Value::as_str) == Some("compliant")
}

fn choose(
    projection: &mut Projection,
    places: &Places<'_>,
    chosen: &[(&str, Node<'_>)],
    faults: &mut DocumentFaults,
) {
    if !places.schemes.value().is_none_or(Value::is_object) {
        return;
    }
    for (name, setup) in places.schemes.members(SCHEMES_MAX, faults) {
        if !Shape::Map.fits(&setup, faults) || chosen.iter().any(|(other, _)| *other == name) {
            continue;
        }
        if places.declared.named(name).value().is_none() {
            let reason =
                "unknown security scheme: components.securitySchemes has none of this name";
            faults.add(setup.path(), reason);
        } else if setup.get("enabled", faults).is_set() {
            projection.warn(
                setup.path(),
                "security does not choose this scheme, so it is not used",
            );
        }
    }
    let mut taken: Vec<&str> = Vec::new();
    for (name, requirement) in chosen {
        let declared = places.declared.named(name);
        let setup = places.schemes.named(name);
        if !declared.value().is_some_and(Value::is_object) {
            Shape::Map.fits(&declared, faults);
            continue;
        }
        if setup.value().is_none() {
            faults.add(
                setup.path(),
                "is required, because security chooses this scheme",
            );
            continue;
        }
        let scheme = Scheme { declared, setup };
        let Some(kind) = schemes::project(projection, &scheme, faults) else {
            continue;
        };
        if taken.contains(&kind) {
            let reason = "two schemes of one kind cannot be required together";
            faults.add(requirement.path(), reason);
        }
        taken.push(kind);
    }
}
