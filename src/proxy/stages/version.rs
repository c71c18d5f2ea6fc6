//! Version: which API and which version of it a request asks for.

use std::borrow::Cow;
use std::sync::Arc;

use raftgate_actors::snapshot::{CompiledApi, CompiledVersions, GatewaySnapshot};
use raftgate_model::api::{
    NameForwarding, UnknownVersion, VersionApis, VersionPlace, VersionSelector, is_same_variable,
};

use super::selected::{NamePlace, Selected};
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
        selected.names.of_api = name_place(&apis.selector);
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
            selected.names.of_version = name_place(selector);
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
        VersionPlace::Query(parameter) => query(view, parameter)?,
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

/// Where the name is looked for.
fn name_place(selector: &VersionSelector) -> NamePlace {
    match &selector.place {
        VersionPlace::Header(field) => NamePlace::Header(Arc::clone(field), selector.forwarding),
        VersionPlace::Query(parameter) => {
            NamePlace::Query(Arc::clone(parameter), selector.forwarding)
        }
        VersionPlace::Nowhere | VersionPlace::Path(_) => NamePlace::Elsewhere,
    }
}

/// A field that comes twice names no version, and neither does another spelling of its name: the upstream might read the
/// other one.
fn header<'r>(view: &RequestView<'r>, name: &str) -> Result<Option<&'r str>, Refusal> {
    let mut fields = view
        .head()
        .fields()
        .filter(|(_, candidate, _)| is_same_variable(candidate, name.as_bytes()));
    let Some((_, spelling, value)) = fields.next() else {
        return Ok(None);
    };
    if fields.next().is_some() || !spelling.eq_ignore_ascii_case(name.as_bytes()) {
        return Err(Refusal::VersionUnknown);
    }
    Some(value)
        .filter(|value| !value.is_empty())
        .map(|value| std::str::from_utf8(value).map_err(|_| Refusal::VersionUnknown))
        .transpose()
}

/// A parameter that comes twice names no version either.
fn query<'r>(view: &RequestView<'r>, name: &str) -> Result<Option<Cow<'r, str>>, Refusal> {
    let Some(query) = view.head().query() else {
        return Ok(None);
    };
    let mut values = form_urlencoded::parse(query.as_bytes())
        .filter(|(candidate, _)| candidate == name)
        .map(|(_, value)| value);
    let first = values.next();
    match values.next() {
        Some(_) => Err(Refusal::VersionUnknown),
        None => Ok(first.filter(|value| !value.is_empty())),
    }
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
