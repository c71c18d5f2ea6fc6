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
        let names: Vec<_> = degraded.iter().map(|(api, _)| api.as_str()).collect();
        let configuration = if names.is_empty() {
            String::new()
        } else {
            format!("APIs that run by an older definition: {}", names.join(", "))
        };
        (store, configuration)
    }

    /// `/hello`: 200 in any case, the body tells.
    #[must_use]
    pub fn hello(&self) -> EndpointResponse {
        let (store, configuration) = self.troubles();
        let component = |kind, output: &str| {
            let status = if output.is_empty() { "pass" } else { "warn" };
            (status, kind)
        };
        let (store_status, store_kind) = component("datastore", &store);
        let (config_status, config_kind) = component("configuration", &configuration);
        let fine = store.is_empty() && configuration.is_empty();
        json(
            StatusCode::OK,
            &Hello {
                status: if fine { "pass" } else { "warn" },
                version: env!("CARGO_PKG_VERSION"),
                description: "raftgate",
                details: Details {
                    store: Component {
                        status: store_status,
                        kind: store_kind,
                        output: &store,
                    },
                    configuration: Component {
                        status: config_status,
                        kind: config_kind,
                        output: &configuration,
                    },
                },
            },
        )
    }

    /// `/ready`: 200 while it serves, also without quorum; 503 while it starts or drains.
    #[must_use]
    pub fn ready(&self) -> EndpointResponse {
        if let Some(output) = self.hindrance() {
            let body = Ready {
                status: "fail",
                output,
            };
            return json(StatusCode::SERVICE_UNAVAILABLE, &body);
        }
        let (store, configuration) = self.troubles();
        let output = [store, configuration]
            .into_iter()
            .find(|text| !text.is_empty());
        let output = output.unwrap_or_default();
        let status = if output.is_empty() { "pass" } else { "warn" };
        json(
            StatusCode::OK,
            &Ready {
                status,
                output: &output,
            },
        )
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
