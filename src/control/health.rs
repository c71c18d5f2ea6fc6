//! `/hello`, `/ready` and `/metrics`: how this node fares, for people, balancers and Prometheus.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use raftgate_actors::registry::RegistryHandle;
use raftgate_cluster::handle::ClusterHandle;
use serde::Serialize;

use crate::proxy::EndpointResponse;
use crate::telemetry::answers::AnswerNote;

/// Where a process stands between its start and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Lifecycle {
    /// Not all of it is there yet.
    Starting = 0,
    /// It serves.
    Serving = 1,
    /// It finishes what it has and takes nothing new.
    Draining = 2,
}

/// Who reads how this node fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever reaches the gateway: that something is wrong, and not what.
    Public,
    /// Operators, at the control listener: in words, with the names of APIs and nodes.
    Operators,
}

/// How this node fares.
pub struct Health {
    lifecycle: AtomicU8,
    sources: OnceLock<Sources>,
}

/// Who knows how the parts of the node fare.
struct Sources {
    cluster: ClusterHandle,
    registry: RegistryHandle,
}

#[derive(Serialize)]
struct Hello<'a> {
    status: &'a str,
    version: &'a str,
    description: &'a str,
    details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    store: Component<'a>,
    configuration: Component<'a>,
}

#[derive(Serialize)]
struct Component<'a> {
    status: &'a str,
    #[serde(rename = "componentType")]
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    output: &'a str,
}

#[derive(Serialize)]
struct Ready<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    output: &'a str,
}

impl Health {
    /// The health of a node that is starting.
    #[must_use]
    pub fn starting() -> Self {
        Self {
            lifecycle: AtomicU8::new(Lifecycle::Starting as u8),
            sources: OnceLock::new(),
        }
    }

    /// Says whom to ask from now on; the first ones stay.
    pub fn attach(&self, cluster: ClusterHandle, registry: RegistryHandle) {
        self.sources.get_or_init(|| Sources { cluster, registry });
    }

    /// Moves the process on.
    pub fn enter(&self, lifecycle: Lifecycle) {
        self.lifecycle.store(lifecycle as u8, Ordering::Release);
    }

    /// Why the node does not serve, if it does not.
    fn hindrance(&self) -> Option<&'static str> {
        let lifecycle = self.lifecycle.load(Ordering::Acquire);
        if lifecycle == Lifecycle::Serving as u8 {
            None
        } else if lifecycle == Lifecycle::Starting as u8 {
            Some("starting")
        } else {
            Some("draining")
        }
    }

    /// What is wrong with the store and with the configuration, in words; empty when nothing is.
    fn troubles(&self) -> (String, String) {
        let Some(sources) = self.sources.get() else {
            return ("starting".to_owned(), "starting".to_owned());
        };
        let store = sources.cluster.status().verdict;
        let degraded = sources.registry.status().degraded;
        let names: Vec<_> = degraded.iter().map(|api| api.id.as_str()).collect();
        let configuration = if names.is_empty() {
            String::new()
        } else {
            format!(
                "APIs that do not run by their newest definition: {}",
                names.join(", ")
            )
        };
        (store, configuration)
    }

    /// `/hello`: 200 in any case, the body tells.
    #[must_use]
    pub fn hello(&self, audience: Audience) -> EndpointResponse {
        let (store, configuration) = self.troubles();
        hello(audience, &store, &configuration)
    }

    /// `/ready`: 200 while it serves, also without quorum; 503 while it starts or drains.
    #[must_use]
    pub fn ready(&self, audience: Audience) -> EndpointResponse {
        if let Some(output) = self.hindrance() {
            let body = Ready {
                status: "fail",
                output,
            };
            return json(StatusCode::SERVICE_UNAVAILABLE, &body);
        }
        let (store, configuration) = self.troubles();
        let trouble = if store.is_empty() {
            &configuration
        } else {
            &store
        };
        ready(audience, trouble)
    }
}

fn hello(audience: Audience, store: &str, configuration: &str) -> EndpointResponse {
    let is_fine = store.is_empty() && configuration.is_empty();
    json(
        StatusCode::OK,
        &Hello {
            status: status_of(is_fine),
            version: env!("CARGO_PKG_VERSION"),
            description: "raftgate",
            details: Details {
                store: component(audience, "datastore", store),
                configuration: component(audience, "configuration", configuration),
            },
        },
    )
}

fn component<'a>(audience: Audience, kind: &'a str, trouble: &'a str) -> Component<'a> {
    Component {
        status: status_of(trouble.is_empty()),
        kind,
        output: shown(audience, trouble),
    }
}

fn ready(audience: Audience, trouble: &str) -> EndpointResponse {
    let body = Ready {
        status: status_of(trouble.is_empty()),
        output: shown(audience, trouble),
    };
    json(StatusCode::OK, &body)
}

fn status_of(is_fine: bool) -> &'static str {
    if is_fine { "pass" } else { "warn" }
}

fn shown(audience: Audience, trouble: &str) -> &str {
    match audience {
        Audience::Public => "",
        Audience::Operators => trouble,
    }
}

impl Health {
    /// The answer to any other method than GET and HEAD.
    #[must_use]
    pub fn wrong_method() -> EndpointResponse {
        let body = serde_json::json!({"status": "error", "message": "Method not supported"});
        let mut response = json(StatusCode::METHOD_NOT_ALLOWED, &body);
        response
            .headers
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        response.note = Some(AnswerNote::of_caller("method_not_allowed"));
        response
    }
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> EndpointResponse {
    let bytes = serde_json::to_vec(body)
        .map(Bytes::from)
        .unwrap_or_default();
    let mut response = EndpointResponse::new(status, bytes);
    response
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test that meets the unexpected must fail"
    )]

    use serde_json::Value;

    use super::*;

    fn bodies(audience: Audience) -> [String; 2] {
        let hello = hello(audience, "node-2 is cut off", "older: payments");
        let ready = ready(audience, "node-2 is cut off");
        [hello, ready].map(|answer| String::from_utf8(answer.body.to_vec()).unwrap())
    }

    #[test]
    fn the_public_learns_that_something_is_wrong_and_not_what() {
        for body in bodies(Audience::Public) {
            let read: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(read["status"], "warn", "{body}");
            assert!(
                !body.contains("node-2") && !body.contains("payments"),
                "{body}"
            );
        }
        let [hello, _] = bodies(Audience::Public);
        let read: Value = serde_json::from_str(&hello).unwrap();
        assert_eq!(read["details"]["configuration"]["status"], "warn");
    }

    #[test]
    fn operators_learn_what_is_wrong() {
        let [hello, ready] = bodies(Audience::Operators);
        assert!(
            hello.contains("node-2 is cut off") && hello.contains("payments"),
            "{hello}"
        );
        assert!(ready.contains("node-2 is cut off"), "{ready}");
    }
}
