//! What a definition demands of single requests, beyond where it is served and who may call.

use serde_json::{Map, Value};

use super::cors::Cors;
use super::date;
use super::headers::{self, HeaderRules};
use super::ip_access::IpAccess;
use super::timeouts::ApiTimeouts;
use super::unsupported::ImportWarning;
use super::versioning::{self, VersionApis, Versions};
use crate::json::{DocumentFaults, Node};
use crate::time::Timestamp;

/// The per-request rules of an API.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRules {
    /// The versions inside the definition; one without a name for most APIs.
    pub versions: Versions,
    /// Versions that are APIs of their own.
    pub version_apis: Option<VersionApis>,
    /// From when on the API is refused (`expiration`).
    pub expires: Option<Timestamp>,
    /// From which addresses it may be called.
    pub ip_access: Option<IpAccess>,
    /// What browsers are told about requests from other sites.
    pub cors: Option<Cors>,
    /// How long its upstream may take.
    pub timeouts: ApiTimeouts,
    /// What is done to the fields of all answers of the upstream, after what a version does (`response_processors`).
    pub response_headers: HeaderRules,
}

impl RequestRules {
    /// Reads the rules; also the places of the versions that are served.
    pub(super) fn read<'v>(
        definition: &'v Map<String, Value>,
        warnings: &mut Vec<ImportWarning>,
        faults: &mut DocumentFaults,
    ) -> (Self, Vec<Node<'v>>) {
        let read = versioning::read(definition, warnings, faults);
        let processors = Node::member(definition, "response_processors", faults);
        let rules = Self {
            versions: read.versions,
            version_apis: read.apis,
            expires: date::read(&Node::member(definition, "expiration", faults), faults),
            ip_access: IpAccess::read(definition, warnings, faults),
            cors: Cors::read(definition, warnings, faults),
            timeouts: ApiTimeouts::read(definition, faults),
            response_headers: headers::read_processors(&processors, faults),
        };
        (rules, read.nodes)
    }
}
