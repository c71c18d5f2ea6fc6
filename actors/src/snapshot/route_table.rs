//! From host and path to an API: the longest listen path that ends at a segment boundary, APIs of the host first.

use std::sync::Arc;

use raftgate_model::api::{LISTEN_PATH_SEGMENTS_MAX, ListenPath};
use raftgate_model::id::ApiId;
use raftgate_model::path_pattern::MatchedPath;

use super::compiled_api::CompiledApi;
use super::depths::Depths;
use super::shared_map::SharedMap;

/// Two APIs claim the same place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("listen path {listen_path} of API {refused} is already taken by API {holder}")]
pub struct RouteConflict {
    /// The place, with its host in front when it has one.
    pub listen_path: String,
    /// The API that has it.
    pub holder: ApiId,
    /// The API that wanted it too.
    pub refused: ApiId,
}

/// The API of a path, and what of the path is left behind its listen path.
#[derive(Clone, Copy, Debug)]
pub struct PathMatch<'t, 'p> {
    /// The API.
    pub api: &'t Arc<CompiledApi>,
    /// The rest of the path: empty, or beginning with a slash.
    pub rest: &'p str,
}

/// An API whose newest definition cannot be served, and a place that is its own nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnservedApi {
    /// The API.
    pub id: ApiId,
    /// The only host it answers to, in lower case and without port; `None` for any.
    pub host: Option<Box<str>>,
    /// Where it is mounted.
    pub listen_path: ListenPath,
}

/// Whose a path is.
#[derive(Clone, Copy, Debug)]
pub enum Place<'t, 'p> {
    /// An API's that is served.
    Served(PathMatch<'t, 'p>),
    /// That of an API which exists and cannot be served there: no other API's requests.
    Unserved(&'t ApiId),
}

/// All listen paths of all hosts; a copy shares what is not changed in it.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    by_host: SharedMap<Arc<str>, HostPaths>,
    any_host: HostPaths,
}

impl RouteTable {
    /// Mounts a further API where nobody stands, or where its own place was kept.
    pub(super) fn insert(&mut self, api: Arc<CompiledApi>) -> Result<(), RouteConflict> {
        let host = api.host.clone();
        self.change(host.as_deref(), |paths| paths.insert(api))
    }

    /// Frees the place of an API, if it is served there.
    pub(super) fn remove(&mut self, api: &CompiledApi) {
        self.change(api.host.as_deref(), |paths| paths.remove(api));
    }

    /// Keeps the places of APIs that cannot be served, where nobody else stands.
    #[must_use]
    pub fn keeping(mut self, unserved: impl IntoIterator<Item = UnservedApi>) -> Self {
        for api in unserved {
            self.change(api.host.as_deref(), |paths| {
                paths.keep(&api.listen_path, api.id);
            });
        }
        self
    }

    /// Changes the paths of a host, or those of any.
    fn change<T>(&mut self, host: Option<&str>, change: impl FnOnce(&mut HostPaths) -> T) -> T {
        let Some(host) = host else {
            return change(&mut self.any_host);
        };
        let host: Arc<str> = host.to_ascii_lowercase().into();
        // Taken out, so that it is shared with nobody but an older table.
        let mut paths = self.by_host.remove(&*host).unwrap_or_default();
        let done = change(&mut paths);
        if !paths.by_prefix.is_empty() {
            self.by_host.insert(host, paths);
        }
        done
    }

    /// Whose `path` is on `host`.
    ///
    /// `host` is the value of the `Host` header, with or without port, in any case; `path` is the request's path without
    /// query, compared byte for byte. Dot segments must have been refused before.
    #[must_use]
    pub fn place<'p>(&self, host: Option<&str>, path: &'p str) -> Option<Place<'_, 'p>> {
        self.spot(host, path).map(Spot::place)
    }

    /// Whether an upstream may read `path` as one of another API, whose listen path is deeper than the one where it stands as
    /// it was sent.
    ///
    /// Some undo percent-encoding, take runs of slashes or a backslash for a slash, or take the parameters off segments: what
    /// the other API demands of its callers would be demanded of nobody.
    #[must_use]
    pub fn is_read_as_anothers(&self, host: Option<&str>, path: &str) -> bool {
        if MatchedPath::is_plain(path) {
            return false;
        }
        let as_sent = self.spot(host, path);
        let Some(as_sent) = as_sent.filter(|spot| self.has_deeper(host, spot.depth)) else {
            return false;
        };
        let matched = MatchedPath::new(path, 0, 0);
        let mut readings = matched.readings_of_all();
        readings.any(|reading| {
            let spot = self.spot(host, reading);
            spot.is_some_and(|spot| spot.depth > as_sent.depth)
        })
    }

    /// The deepest listen path that a path stands under.
    fn spot<'p>(&self, host: Option<&str>, path: &'p str) -> Option<Spot<'_, 'p>> {
        let of_host = self.paths_of(host).and_then(|paths| paths.find(path));
        of_host.or_else(|| self.any_host.find(path))
    }

    /// The listen paths that a host has for itself.
    fn paths_of(&self, host: Option<&str>) -> Option<&HostPaths> {
        let name = host_name(host.filter(|_| !self.by_host.is_empty())?);
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.by_host.get(name.to_ascii_lowercase().as_str())
        } else {
            self.by_host.get(name)
        }
    }

    /// Whether a path on this host may stand under a listen path of more segments.
    fn has_deeper(&self, host: Option<&str>, segments: usize) -> bool {
        let of_host = self.paths_of(host);
        let mut tables = of_host.into_iter().chain([&self.any_host]);
        tables.any(|paths| paths.depths.has_beyond(segments))
    }
}

/// The host without port and without the dot that ends an absolute name.
fn host_name(host: &str) -> &str {
    let name = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => host.get(..colon).unwrap_or(host),
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

/// Who holds a place.
#[derive(Clone, Debug)]
enum Holder {
    Served(Arc<CompiledApi>),
    Unserved(ApiId),
}

impl Holder {
    fn id(&self) -> &ApiId {
        match self {
            Self::Served(api) => &api.id,
            Self::Unserved(id) => id,
        }
    }

    fn is_kept_for(&self, api: &ApiId) -> bool {
        matches!(self, Self::Unserved(id) if id == api)
    }
}

/// A listen path that a path stands under.
struct Spot<'t, 'p> {
    holder: &'t Holder,
    /// How many segments it has.
    depth: usize,
    /// What of the path is left behind it.
    rest: &'p str,
}

impl<'t, 'p> Spot<'t, 'p> {
    fn place(self) -> Place<'t, 'p> {
        let rest = self.rest;
        match self.holder {
            Holder::Served(api) => Place::Served(PathMatch { api, rest }),
            Holder::Unserved(id) => Place::Unserved(id),
        }
    }
}

/// The listen paths of one host.
#[derive(Clone, Debug, Default)]
struct HostPaths {
    by_prefix: SharedMap<Arc<str>, Holder>,
    /// How many segments listen paths have: prefixes of other lengths need no look-up.
    depths: Depths,
}

impl HostPaths {
    fn insert(&mut self, api: Arc<CompiledApi>) -> Result<(), RouteConflict> {
        let holder = self.by_prefix.get(api.listen_path.prefix());
        if let Some(holder) = holder.filter(|holder| !holder.is_kept_for(&api.id)) {
            let host = api.host.as_deref().unwrap_or_default();
            return Err(RouteConflict {
                listen_path: format!("{host}{}", api.listen_path),
                holder: holder.id().clone(),
                refused: api.id.clone(),
            });
        }
        let (prefix, segments) = (api.listen_path.prefix().into(), api.listen_path.segments());
        if self.by_prefix.insert(prefix, Holder::Served(api)).is_none() {
            self.depths.add(segments);
        }
        Ok(())
    }

    fn keep(&mut self, listen_path: &ListenPath, id: ApiId) {
        if self.by_prefix.get(listen_path.prefix()).is_none() {
            let prefix = listen_path.prefix().into();
            self.by_prefix.insert(prefix, Holder::Unserved(id));
            self.depths.add(listen_path.segments());
        }
    }

    fn remove(&mut self, api: &CompiledApi) {
        let prefix = api.listen_path.prefix();
        if let Some(Holder::Served(holder)) = self.by_prefix.get(prefix)
            && holder.id == api.id
        {
            self.by_prefix.remove(prefix);
            self.depths.remove(api.listen_path.segments());
        }
    }

    fn find<'p>(&self, path: &'p str) -> Option<Spot<'_, 'p>> {
        let mut depth = path.bytes().filter(|byte| *byte == b'/').count();
        let mut end = path.len();
        loop {
            if depth <= LISTEN_PATH_SEGMENTS_MAX
                && self.depths.has(depth)
                && let Some((prefix, rest)) = path.split_at_checked(end)
                && let Some(holder) = self.by_prefix.get(prefix)
            {
                return Some(Spot {
                    holder,
                    depth,
                    rest,
                });
            }
            end = path.get(..end)?.rfind('/')?;
            depth = depth.checked_sub(1)?;
        }
    }
}

#[cfg(test)]
#[path = "route_table_tests.rs"]
mod tests;
