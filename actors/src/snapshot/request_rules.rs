//! The per-request rules of an API, compiled; an API without any carries none.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use raftgate_model::api::{
    Cors, HeaderTemplate, IpAccess, Target, VersionApis, VersionSelector, is_same_variable,
};
use raftgate_model::path_pattern::{MatchedPath, Methods, PathPattern};
use raftgate_model::time::Timestamp;

/// What an API demands of single requests.
#[derive(Debug)]
pub struct CompiledRules {
    /// From when on every request is refused.
    pub expires: Option<Timestamp>,
    /// From which addresses it may be called.
    pub ip_access: Option<IpAccess>,
    /// What browsers are told about requests from other sites.
    pub cors: Option<Cors>,
    /// Versions that are APIs of their own.
    pub version_apis: Option<VersionApis>,
    /// The versions inside the definition.
    pub versions: CompiledVersions,
}

/// The versions inside a definition.
#[derive(Debug)]
pub enum CompiledVersions {
    /// All requests are of one version.
    Single(Arc<CompiledVersion>),
    /// Each request names its version.
    Named {
        /// How.
        selector: VersionSelector,
        /// The versions.
        versions: HashMap<Arc<str>, Arc<CompiledVersion>, ahash::RandomState>,
    },
}

/// What holds for the requests of one version.
#[derive(Debug)]
pub struct CompiledVersion {
    /// Its name, which a session's rights must hold; none where the API has no versions.
    pub name: Option<Arc<str>>,
    /// From when on it is refused.
    pub expires: Option<Timestamp>,
    /// Where its requests go instead of the API's target.
    pub target: Option<Target>,
    /// Which paths are served, and for whom.
    pub access: Option<CompiledAccess>,
    /// What is done to the fields of requests.
    pub request_headers: PathTable<Arc<HeaderEdits>>,
    /// What is done to the fields of answers.
    pub response_headers: PathTable<Arc<HeaderEdits>>,
    /// How long the upstream may take.
    pub timeouts: PathTable<Duration>,
    /// The largest body of a request, in bytes.
    pub sizes: PathTable<u64>,
}

impl CompiledVersion {
    /// Whether anything of it depends on a request's path.
    #[must_use]
    pub fn looks_at_paths(&self) -> bool {
        self.access.is_some()
            || !self.request_headers.paths.is_empty()
            || !self.response_headers.paths.is_empty()
            || !self.timeouts.paths.is_empty()
            || !self.sizes.paths.is_empty()
    }
}

/// The lists of paths of a version.
#[derive(Debug)]
pub struct CompiledAccess {
    /// Paths that are never served.
    pub blocked: Box<[CompiledPath]>,
    /// The only paths that are served, unless there are none.
    pub allowed: Box<[CompiledPath]>,
    /// Paths that need no credential.
    pub ignored: Box<[CompiledPath]>,
}

/// Where a rule holds.
#[derive(Debug)]
pub struct CompiledPath {
    /// Its paths.
    pub pattern: PathPattern,
    /// Its methods.
    pub methods: Methods,
}

impl CompiledPath {
    /// Whether a request is one of those that the rule holds for.
    #[must_use]
    pub fn covers(&self, method: &[u8], path: &MatchedPath<'_>) -> bool {
        self.methods.contain(method) && self.pattern.covers(path)
    }

    /// Whether a request is one that the rule opens, however the parameters in its path are read.
    #[must_use]
    pub fn grants(&self, method: &[u8], path: &MatchedPath<'_>) -> bool {
        self.methods.contain(method) && self.pattern.grants(path)
    }
}

/// Something that holds everywhere, and on single paths something else in place of it.
#[derive(Debug)]
pub struct PathTable<T> {
    /// What holds where no path has its own.
    pub everywhere: Option<T>,
    /// Paths that have their own; the first one that covers a request counts.
    pub paths: Box<[(CompiledPath, T)]>,
}

impl<T> PathTable<T> {
    /// Whether nothing holds anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.everywhere.is_none() && self.paths.is_empty()
    }

    /// What holds for a request; its path is not needed where no path has its own.
    #[must_use]
    pub fn find(&self, method: &[u8], path: Option<&MatchedPath<'_>>) -> Option<&T> {
        let own = path.and_then(|path| {
            let mut paths = self.paths.iter();
            paths.find(|(at, _)| at.covers(method, path))
        });
        own.map(|(_, value)| value).or(self.everywhere.as_ref())
    }
}

/// What is done to the fields of a message.
#[derive(Debug)]
pub struct HeaderEdits {
    /// The names, in any case, of the fields that do not go on: what is removed and what is set.
    pub dropped: Box<[Box<str>]>,
    /// The fields that go on in their place.
    pub set: Box<[(Box<str>, HeaderTemplate)]>,
}

impl HeaderEdits {
    /// Whether a field of the message does not go on; `_` for `-` evades no rule, as some upstreams read them as one.
    #[must_use]
    pub fn drops(&self, name: &[u8]) -> bool {
        let mut dropped = self.dropped.iter();
        dropped.any(|dropped| is_same_variable(dropped.as_bytes(), name))
    }
}
