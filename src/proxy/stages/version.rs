//! Version: which API and which version of it a request asks for.

use std::borrow::Cow;
use std::sync::Arc;

use raftgate_actors::snapshot::{CompiledApi, CompiledVersions, GatewaySnapshot};
use raftgate_model::api::{
    NameForwarding, UnknownVersion, VersionApis, VersionPlace, VersionSelector,
};

use super::selected::{HiddenName, Selected};
use crate::proxy::refusal::Refusal;
use crate::proxy::request::RequestView;

/// Finds the API and the version that a request to `api` asks for; nothing of the rest is decided yet.
pub(crate) fn resolve(
    snapshot: &GatewaySnapshot,
    api: &Arc<CompiledApi>,
    view: &RequestView<'_>,
) -> Result<Selected, Refusal> {
    let mut selected = Selected::whole(Arc::clone(api));
    let apis = api
        .rules
        .as_ref()
        .and_then(|rules| rules.version_apis.as_ref());
    if let Some(apis) = apis {
        let other = other_api(apis, view, &mut selected)?;
        selected.hidden.of_api = hidden_name(&apis.selector);
        if let Some(other) = other {
            let other = snapshot.api(other).ok_or(Refusal::VersionApiUnknown)?;
            selected.timeouts = other.timeouts;
            selected.api = Arc::clone(other);
        }
    }
    let Some(rules) = selected.api.rules.clone() else {
        return Ok(selected);
    };
    let version = match &rules.versions {
        CompiledVersions::Single(version) => version,
        CompiledVersions::Named { selector, versions } => {
            let is_known = |name: &str| versions.contains_key(name);
            let name = choose(selector, view, is_known, &mut selected)?;
            selected.hidden.of_version = hidden_name(selector);
            versions.get(&*name).ok_or(Refusal::VersionUnknown)?
        }
    };
    selected.version = Some(Arc::clone(version));
    Ok(selected)
}

/// The API of another version than the base itself.
fn other_api<'r>(
    apis: &'r VersionApis,
    view: &RequestView<'_>,
    selected: &mut Selected,
) -> Result<Option<&'r raftgate_model::id::ApiId>, Refusal> {
    let is_known = |name: &str| apis.is_own(name) || apis.versions.contains_key(name);
    let name = match choose(&apis.selector, view, is_known, selected) {
        // Tyk's status for a version that would be an API.
        Err(Refusal::VersionUnknown) => return Err(Refusal::VersionApiUnknown),
        other => other?,
    };
    Ok(apis.versions.get(&*name).filter(|_| !apis.is_own(&name)))
}

/// The name of the version that a request is of; where it stands in the path and is not to go on, `selected` tells so
/// afterwards.
fn choose<'r>(
    selector: &'r VersionSelector,
    view: &RequestView<'r>,
    is_known: impl Fn(&str) -> bool,
    selected: &mut Selected,
) -> Result<Cow<'r, str>, Refusal> {
    let default = || selector.default.as_deref().map(Cow::Borrowed);
    let named = match &selector.place {
        VersionPlace::Nowhere => None,
        VersionPlace::Header(field) => header(view, field)?.map(Cow::Borrowed),
        VersionPlace::Query(parameter) => query(view, parameter),
        VersionPlace::Path(pattern) => {
            let segment = first_segment(view.path(), selected.rest_at);
            let names = segment.filter(|(name, _)| {
                pattern
                    .as_ref()
                    .is_none_or(|pattern| pattern.is_match(name))
            });
            if let Some((name, end)) = names
                && selector.forwarding == NameForwarding::Stripped
                && (is_known(name) || pattern.is_some())
            {
                selected.rest_at = end;
            }
            names.map(|(name, _)| Cow::Borrowed(name))
        }
    };
    match (named, selector.unknown) {
        (None, _) => default().ok_or(Refusal::VersionMissing),
        (Some(name), _) if is_known(&name) => Ok(name),
        (Some(_), UnknownVersion::Default) => default().ok_or(Refusal::VersionUnknown),
        (Some(_), UnknownVersion::Refused) => Err(Refusal::VersionUnknown),
    }
}

/// Where the name stands that the upstream does not see.
fn hidden_name(selector: &VersionSelector) -> HiddenName {
    if selector.forwarding != NameForwarding::Stripped {
        return HiddenName::None;
    }
    match &selector.place {
        VersionPlace::Header(field) => HiddenName::Header(Arc::clone(field)),
        VersionPlace::Query(parameter) => HiddenName::Query(Arc::clone(parameter)),
        VersionPlace::Nowhere | VersionPlace::Path(_) => HiddenName::None,
    }
}

/// A field that comes twice names no version: the upstream might read the other one.
fn header<'r>(view: &RequestView<'r>, name: &str) -> Result<Option<&'r str>, Refusal> {
    let mut values = view
        .head()
        .fields()
        .filter(|(_, candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, _, value)| value);
    let first = values.next();
    if values.next().is_some() {
        return Err(Refusal::VersionUnknown);
    }
    first
        .filter(|value| !value.is_empty())
        .map(|value| std::str::from_utf8(value).map_err(|_| Refusal::VersionUnknown))
        .transpose()
}

fn query<'r>(view: &RequestView<'r>, name: &str) -> Option<Cow<'r, str>> {
    form_urlencoded::parse(view.head().query()?.as_bytes())
        .find(|(candidate, _)| candidate == name)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// The first segment of a path behind `start` that is not empty, and where it ends.
fn first_segment(path: &str, start: usize) -> Option<(&str, usize)> {
    let rest = path.get(start..)?;
    let trimmed = rest.trim_start_matches('/');
    let segment = trimmed
        .split('/')
        .next()
        .filter(|segment| !segment.is_empty())?;
    let begin = path.len().checked_sub(trimmed.len())?;
    Some((segment, begin.checked_add(segment.len())?))
}
