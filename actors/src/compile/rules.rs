//! From the per-request rules of a definition to those that a request meets.

use std::sync::Arc;
use std::time::Duration;

use raftgate_model::api::{
    HeaderRules, HeaderTransforms, NamedVersions, PathAccess, PathEntry, PathRule, RequestRules,
    SizeLimits, VersionSpec, Versions,
};
use raftgate_model::path_pattern::{Anchoring, InvalidPattern, PathMatching, PatternTerms};
use raftgate_model::time::Ttl;

use crate::snapshot::{
    CompiledAccess, CompiledPath, CompiledRules, CompiledVersion, CompiledVersions, HeaderEdits,
    PathTable,
};

/// Compiles the rules of an API; `None` when it has none, so that its requests meet none.
///
/// # Errors
/// A pattern that was checked when the definition was read does not compile.
pub(super) fn compile(
    rules: &RequestRules,
    matching: PathMatching,
) -> Result<Option<Arc<CompiledRules>>, InvalidPattern> {
    let compiler = Compiler {
        matching,
        all_answers: &rules.response_headers,
    };
    let versions = match &rules.versions {
        Versions::Single(version) => {
            CompiledVersions::Single(Arc::new(compiler.version(version, None)?))
        }
        Versions::Named(named) => compiler.named(named)?,
    };
    let compiled = CompiledRules {
        expires: rules.expires,
        ip_access: rules.ip_access.clone(),
        cors: rules.cors.clone(),
        version_apis: rules.version_apis.clone(),
        versions,
    };
    Ok((!is_empty(&compiled)).then(|| Arc::new(compiled)))
}

fn is_empty(rules: &CompiledRules) -> bool {
    let CompiledVersions::Single(version) = &rules.versions else {
        return false;
    };
    rules.expires.is_none()
        && rules.ip_access.is_none()
        && rules.cors.is_none()
        && rules.version_apis.is_none()
        && version.target.is_none()
        && version.access.is_none()
        && version.request_headers.is_empty()
        && version.response_headers.is_empty()
        && version.timeouts.is_empty()
        && version.sizes.is_empty()
}

struct Compiler<'a> {
    matching: PathMatching,
    all_answers: &'a HeaderRules,
}

impl Compiler<'_> {
    fn named(&self, named: &NamedVersions) -> Result<CompiledVersions, InvalidPattern> {
        let versions = named.versions.iter().map(|(name, version)| {
            let compiled = self.version(version, Some(Arc::clone(name)))?;
            Ok((Arc::clone(name), Arc::new(compiled)))
        });
        Ok(CompiledVersions::Named {
            selector: named.selector.clone(),
            versions: versions.collect::<Result<_, InvalidPattern>>()?,
        })
    }

    fn version(
        &self,
        version: &VersionSpec,
        name: Option<Arc<str>>,
    ) -> Result<CompiledVersion, InvalidPattern> {
        let timeouts = self.entries(&version.timeouts, |timeout: &Ttl| {
            Duration::from_millis(timeout.as_ms())
        })?;
        Ok(CompiledVersion {
            name,
            expires: version.expires,
            target: version.target.clone(),
            access: self.access(&version.access)?,
            request_headers: self.request_headers(&version.request_headers)?,
            response_headers: self.response_headers(&version.response_headers)?,
            timeouts: PathTable {
                everywhere: None,
                paths: timeouts,
            },
            sizes: self.sizes(&version.sizes)?,
        })
    }

    fn access(&self, access: &PathAccess) -> Result<Option<CompiledAccess>, InvalidPattern> {
        if access.is_empty() {
            return Ok(None);
        }
        let list = |rules: &[PathRule], anchoring| -> Result<Box<[_]>, InvalidPattern> {
            rules.iter().map(|rule| path(rule, anchoring)).collect()
        };
        Ok(Some(CompiledAccess {
            blocked: list(&access.blocked, self.matching.refusing())?,
            allowed: list(&access.allowed, self.matching.granting())?,
            ignored: list(&access.ignored, self.matching.granting())?,
        }))
    }

    /// What a path says comes after what holds everywhere (Tyk).
    fn request_headers(
        &self,
        transforms: &HeaderTransforms,
    ) -> Result<PathTable<Arc<HeaderEdits>>, InvalidPattern> {
        let everywhere = &transforms.everywhere;
        Ok(PathTable {
            everywhere: edits_unless_empty(everywhere),
            paths: self.entries(&transforms.paths, |rules| edits(&everywhere.then(rules)))?,
        })
    }

    /// What a path says comes before what holds everywhere (Tyk).
    fn response_headers(
        &self,
        transforms: &HeaderTransforms,
    ) -> Result<PathTable<Arc<HeaderEdits>>, InvalidPattern> {
        let everywhere = transforms.everywhere.then(self.all_answers);
        Ok(PathTable {
            everywhere: edits_unless_empty(&everywhere),
            paths: self.entries(&transforms.paths, |rules| edits(&rules.then(&everywhere)))?,
        })
    }

    fn sizes(&self, sizes: &SizeLimits) -> Result<PathTable<u64>, InvalidPattern> {
        Ok(PathTable {
            everywhere: sizes.everywhere,
            paths: self.entries(&sizes.paths, |bytes| *bytes)?,
        })
    }

    /// Rules that say something of paths without closing them cover whole segments.
    fn entries<T, U>(
        &self,
        entries: &[PathEntry<T>],
        value: impl Fn(&T) -> U,
    ) -> Result<Box<[(CompiledPath, U)]>, InvalidPattern> {
        entries
            .iter()
            .map(|entry| {
                Ok((
                    path(&entry.at, self.matching.granting())?,
                    value(&entry.value),
                ))
            })
            .collect()
    }
}

fn path(rule: &PathRule, anchoring: Anchoring) -> Result<CompiledPath, InvalidPattern> {
    let terms = PatternTerms {
        anchoring,
        case: rule.case,
    };
    Ok(CompiledPath {
        pattern: rule.pattern.compile(terms)?,
        methods: rule.methods.clone(),
    })
}

fn edits_unless_empty(rules: &HeaderRules) -> Option<Arc<HeaderEdits>> {
    (!rules.is_empty()).then(|| edits(rules))
}

fn edits(rules: &HeaderRules) -> Arc<HeaderEdits> {
    let set = rules.set.iter().map(|(name, _)| name.clone());
    Arc::new(HeaderEdits {
        dropped: rules.remove.iter().cloned().chain(set).collect(),
        set: rules.set.iter().cloned().collect(),
    })
}
