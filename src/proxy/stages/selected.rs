//! Which part of an API a request is about, and what holds for it there.

use std::sync::Arc;

use raftgate_actors::snapshot::{
    Balancer, CompiledApi, CompiledVersion, HeaderEdits, UpstreamTimeouts,
};
use raftgate_model::api::{NameForwarding, Target, TargetPlace};

/// Whether the caller must prove itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// As the API demands.
    Demanded,
    /// The path is free of it (Tyk's `ignored`, and `OPTIONS` that the upstream answers): a credential is not judged.
    Waived,
}

/// Where the name of a version was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamePlace {
    /// Nowhere, or in the path, whose rest the upstream is asked for.
    Elsewhere,
    /// In this header field.
    Header(Arc<str>, NameForwarding),
    /// In this query parameter.
    Query(Arc<str>, NameForwarding),
}

/// Where the names of versions were looked for, at each level at which a version is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamePlaces {
    /// That of the API among those that are versions of one.
    pub(crate) of_api: NamePlace,
    /// That of the version inside the definition.
    pub(crate) of_version: NamePlace,
}

impl NamePlaces {
    const NONE: Self = Self {
        of_api: NamePlace::Elsewhere,
        of_version: NamePlace::Elsewhere,
    };

    /// The header fields among them, also those that the upstream sees.
    pub(crate) fn headers(&self) -> [Option<&str>; 2] {
        [&self.of_api, &self.of_version].map(|place| match place {
            NamePlace::Header(field, _) => Some(&**field),
            NamePlace::Elsewhere | NamePlace::Query(..) => None,
        })
    }

    /// The header fields that the upstream does not see.
    pub(crate) fn hidden_headers(&self) -> [Option<&str>; 2] {
        [&self.of_api, &self.of_version].map(|place| match place {
            NamePlace::Header(field, NameForwarding::Stripped) => Some(&**field),
            NamePlace::Elsewhere | NamePlace::Header(..) | NamePlace::Query(..) => None,
        })
    }

    /// The query parameters that the upstream does not see.
    pub(crate) fn hidden_parameters(&self) -> [Option<&str>; 2] {
        [&self.of_api, &self.of_version].map(|place| match place {
            NamePlace::Query(parameter, NameForwarding::Stripped) => Some(&**parameter),
            NamePlace::Elsewhere | NamePlace::Header(..) | NamePlace::Query(..) => None,
        })
    }
}

/// What a request was found to be about.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    /// The API that serves it.
    pub(crate) api: Arc<CompiledApi>,
    /// Its version, if the API has rules at all.
    pub(crate) version: Option<Arc<CompiledVersion>>,
    /// Which of several targets it goes to.
    pub(crate) place: TargetPlace,
    /// How long the listen path is that it was found by: another than the API's own if the API is a version of that one.
    pub(crate) listen_bytes: usize,
    /// Where in its path the rest begins that the upstream is asked for.
    pub(crate) rest_at: usize,
    /// Where the names of versions were looked for.
    pub(crate) names: NamePlaces,
    /// Whether the caller must prove itself.
    pub(crate) proof: Proof,
    /// How long the upstream may take.
    pub(crate) timeouts: UpstreamTimeouts,
    /// The largest body, in bytes.
    pub(crate) body_bytes_max: u64,
    /// What is done to its fields.
    pub(crate) request_edits: Option<Arc<HeaderEdits>>,
    /// What is done to the fields of its answer.
    pub(crate) response_edits: Option<Arc<HeaderEdits>>,
}

impl Selected {
    /// All of an API that has no rules.
    pub(crate) fn whole(api: Arc<CompiledApi>) -> Self {
        let prefix_bytes = api.listen_path.prefix().len();
        Self {
            version: None,
            place: TargetPlace::default(),
            listen_bytes: prefix_bytes,
            rest_at: prefix_bytes,
            names: NamePlaces::NONE,
            proof: Proof::Demanded,
            timeouts: api.timeouts,
            body_bytes_max: u64::MAX,
            request_edits: None,
            response_edits: None,
            api,
        }
    }

    /// Where the request goes.
    pub(crate) fn target(&self) -> &Target {
        let own = self.version.as_deref();
        own.and_then(|version| version.target.as_ref())
            .or_else(|| self.api.balancer.as_ref()?.target(self.place))
            .unwrap_or(&self.api.target)
    }

    /// What chooses among its targets; none where there is one, as where its version has a target of its own.
    pub(crate) fn balancer(&self) -> Option<&Balancer> {
        let balancer = self.api.balancer.as_deref()?;
        let own = self.version.as_deref();
        own.is_none_or(|version| version.target.is_none())
            .then_some(balancer)
    }

    /// The name of its version, which a session's rights must hold; none where the API has no versions.
    pub(crate) fn version_name(&self) -> Option<&str> {
        self.version.as_deref()?.name.as_deref()
    }

    /// The listen path that it was found by, as a part of its path.
    pub(crate) fn listen_path<'p>(&self, path: &'p str) -> &'p str {
        path.get(..self.listen_bytes).unwrap_or_default()
    }

    /// What of its path the upstream is asked for: empty, or beginning with a slash.
    pub(crate) fn rest<'p>(&self, path: &'p str) -> &'p str {
        path.get(self.rest_at..).unwrap_or(path)
    }
}
