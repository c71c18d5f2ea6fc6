//! What `/metrics` shows of a node: requests per API, refusals, the store and its tokens.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use raftgate_actors::notifier::NotifierValues;
use raftgate_actors::registry::RegistryHandle;
use raftgate_actors::snapshot::{ApiCounters, GatewaySnapshot, StatusClass};
use raftgate_cluster::handle::ClusterHandle;
use raftgate_cluster::metrics::MetricsValues;

use super::Assembly;
use crate::proxy::{EndpointName, GatewayCounters, Refusal, StreamRefusal};
use crate::telemetry::answer_lines::lines_held_back;
use crate::telemetry::answers::Account;
use crate::telemetry::metrics::{Metrics, MetricsBuilder, as_number};

/// The metrics of a node.
pub(super) fn build(assembly: &Assembly, counters: Arc<GatewayCounters>) -> Metrics {
    let mut builder = MetricsBuilder::new(assembly.surroundings.clock.now());
    store(&mut builder, &assembly.cluster);
    keeping(&mut builder, &assembly.cluster);
    gateway(&mut builder, &counters);
    upkeep(&mut builder, assembly);
    let per_api = PerApi {
        registry: assembly.background.registry().clone(),
        counters,
    };
    builder.ours().register_collector(Box::new(per_api));
    builder.build()
}

fn store(builder: &mut MetricsBuilder, cluster: &ClusterHandle) {
    let read = |value: fn(&ClusterHandle) -> u64| {
        let cluster = cluster.clone();
        move || Some(as_number(value(&cluster)))
    };
    builder.gauge_from(
        "store_applied_index",
        "The newest log entry in force on this node",
        read(|cluster| cluster.view().applied().0),
    );
    builder.gauge_from(
        "store_live_grants",
        "Access tokens in the store, expired ones until swept",
        read(|cluster| cluster.view().live_tokens().grants as u64),
    );
    builder.gauge_from(
        "store_live_families",
        "Refresh-token families in the store",
        read(|cluster| cluster.view().live_tokens().families as u64),
    );
    builder.gauge_from("store_log_bytes", "Bytes of the write-ahead log on disk", {
        read(|cluster| cluster.status().wal.map_or(0, |wal| wal.bytes))
    });
    builder.gauge_from(
        "store_queued_commands",
        "Commands that wait to be proposed",
        read(|cluster| cluster.metrics().queued_commands),
    );
    builder.gauge_from(
        "raft_apply_lag_entries",
        "Entries in the log that are not applied yet",
        read(|cluster| cluster.metrics().apply_lag),
    );
    builder.gauge_from(
        "raft_is_leader",
        "1 while this node leads with a fresh quorum",
        read(|cluster| u64::from(cluster.leadership().borrow().quorum_is_fresh)),
    );
}

/// What became of the copies of the state on disk.
fn keeping(builder: &mut MetricsBuilder, cluster: &ClusterHandle) {
    let read = |value: fn(&MetricsValues) -> u64| {
        let cluster = cluster.clone();
        move || Some(as_number(value(&cluster.metrics())))
    };
    builder.counter_from(
        "store_snapshots_built",
        "Snapshots of the state that were written",
        read(|values| values.snapshots_built),
    );
    builder.counter_from(
        "store_snapshots_failed",
        "Attempts to write a snapshot that the disk refused",
        read(|values| values.snapshots_failed),
    );
    builder.counter_from(
        "store_snapshots_installed",
        "Snapshots of peers that took the place of the state",
        read(|values| values.snapshots_installed),
    );
    builder.counter_from(
        "store_rebuilds",
        "Starts that built the state anew, as its copy was lost, damaged or stale; at most one per process",
        read(|values| u64::from(values.state_rebuilt)),
    );
    builder.gauge_from(
        "store_copy_failed",
        "1 when the persistent copy of the state failed, so that the next start builds it anew",
        read(|values| u64::from(values.copy_failed)),
    );
    builder.gauge_from(
        "store_log_repaired",
        "1 when this start cleared a torn end of the log",
        read(|values| u64::from(values.log_repaired)),
    );
}

fn upkeep(builder: &mut MetricsBuilder, assembly: &Assembly) {
    let read = |value: fn(&NotifierValues) -> u64| {
        let notifier = assembly.background.notifier().clone();
        move || Some(as_number(value(&notifier.metrics())))
    };
    let queued = read(|values| values.queued);
    builder.gauge_from("webhook_queued", "Notifications that wait", queued);
    let failed = read(|values| values.failed);
    builder.gauge_from(
        "webhook_failed",
        "Notifications that were given up and are listed",
        failed,
    );
    let in_flight = read(|values| values.in_flight);
    builder.gauge_from("webhook_in_flight", "Notifications on their way", in_flight);
    let given_up = read(|values| values.given_up);
    builder.counter_from(
        "webhook_given_up",
        "Notifications given up by this node",
        given_up,
    );
    let oldest = read(|values| values.oldest_queued_age.as_s());
    builder.gauge_from(
        "webhook_oldest_pending_seconds",
        "Age of the oldest that waits",
        oldest,
    );
    let sweeper = assembly.background.sweeper().clone();
    let swept = move || Some(as_number(sweeper.metrics().swept));
    builder.counter_from(
        "swept_records",
        "Records that this node had removed after their end",
        swept,
    );
}

fn gateway(builder: &mut MetricsBuilder, counters: &Arc<GatewayCounters>) {
    let read = |value: fn(&GatewayCounters) -> u64| {
        let counters = Arc::clone(counters);
        move || Some(as_number(value(&counters)))
    };
    builder.gauge_from("gateway_connections", "Open client connections", {
        read(GatewayCounters::connections)
    });
    builder.gauge_from(
        "gateway_upgraded_connections",
        "Client connections that changed to WebSocket and are open",
        read(GatewayCounters::tunnels),
    );
    builder.counter_from(
        "gateway_upstream_connects",
        "Connections opened to upstreams",
        read(GatewayCounters::upstream_connects),
    );
    builder.counter_from(
        "gateway_upstream_retries",
        "Requests sent again on a new connection",
        read(GatewayCounters::upstream_retries),
    );
    builder.counter_from(
        "gateway_access_records_dropped",
        "Access records that found no room",
        read(GatewayCounters::records_dropped),
    );
}

/// Numbers with a label for each API, reason or account, read when metrics are asked for.
struct PerApi {
    registry: RegistryHandle,
    counters: Arc<GatewayCounters>,
}

impl fmt::Debug for PerApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PerApi")
    }
}

/// Every request is one of these: proxied, to an endpoint of our own, or to nothing that there is.
fn encode_requests(
    encoder: &mut DescriptorEncoder<'_>,
    snapshot: &GatewaySnapshot,
    counters: &GatewayCounters,
) -> fmt::Result {
    let mut requests = encoder.encode_descriptor(
        "requests",
        "Requests by API or by endpoint of the gateway's own (none: found neither), and class of status",
        None,
        MetricType::Counter,
    )?;
    let mut encode = |label: (&str, &str), counters: &ApiCounters| {
        for (class, count) in StatusClass::ALL.iter().zip(counters.totals().by_class) {
            let labels = [label, ("class", class.label())];
            ConstCounter::new(count).encode(requests.encode_family(&labels)?)?;
        }
        Ok(())
    };
    for api in snapshot.apis() {
        encode(("api", api.id.as_str()), &api.counters)?;
    }
    for name in EndpointName::ALL {
        encode(("endpoint", name.label()), counters.endpoint(name))?;
    }
    encode(("endpoint", "none"), &counters.unrouted)
}

fn encode_refusals(encoder: &mut DescriptorEncoder<'_>, counters: &GatewayCounters) -> fmt::Result {
    let mut refusals = encoder.encode_descriptor(
        "refusals",
        "Requests that were not served, by reason",
        None,
        MetricType::Counter,
    )?;
    for refusal in Refusal::ALL {
        let labels = [("reason", refusal.label())];
        let count = counters.refusals(refusal);
        ConstCounter::new(count).encode(refusals.encode_family(&labels)?)?;
    }
    let mut streams = encoder.encode_descriptor(
        "http2_refusals",
        "Streams of HTTP/2 that were refused before they were requests, and connections ended for too many given up (enhance_your_calm), by error code",
        None,
        MetricType::Counter,
    )?;
    for refusal in StreamRefusal::ALL {
        let labels = [("reason", refusal.label())];
        let count = counters.streams_refused(refusal);
        ConstCounter::new(count).encode(streams.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Targets that nobody checks are not told: nothing is known of them.
fn encode_targets(encoder: &mut DescriptorEncoder<'_>, snapshot: &GatewaySnapshot) -> fmt::Result {
    let mut down = encoder.encode_descriptor(
        "upstream_target_down",
        "1 for a target that the health checks of its API found to be down, 0 for one that they found well or not yet asked",
        None,
        MetricType::Gauge,
    )?;
    for api in snapshot.apis() {
        let checked = api.balancer.as_ref();
        let Some(balancer) = checked.filter(|balancer| balancer.check().is_some()) else {
            continue;
        };
        // Targets that differ in their paths alone are one to health checks.
        let mut by_origin = BTreeMap::new();
        for (place, target) in balancer.places() {
            *by_origin.entry(target.origin()).or_insert(false) |= balancer.is_down(place);
        }
        for (origin, is_down) in by_origin {
            let labels = [("api", api.id.as_str()), ("target", origin)];
            ConstGauge::new(i64::from(is_down)).encode(down.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

impl Collector for PerApi {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let snapshot = self.registry.source().current();
        encode_requests(&mut encoder, &snapshot, &self.counters)?;
        let mut seconds = encoder.encode_descriptor(
            "request_seconds_sum",
            "Time spent on proxied requests by API",
            None,
            MetricType::Counter,
        )?;
        for api in snapshot.apis() {
            let sum_s = as_number(api.counters.totals().latency_sum_us) / 1e6;
            let labels = [("api", api.id.as_str())];
            ConstCounter::new(sum_s).encode(seconds.encode_family(&labels)?)?;
        }
        encode_targets(&mut encoder, &snapshot)?;
        encode_refusals(&mut encoder, &self.counters)?;
        let mut held_back = encoder.encode_descriptor(
            "answer_lines_held_back",
            "Log lines about refusals that were counted instead of written, by who can do something about them",
            None,
            MetricType::Counter,
        )?;
        for account in Account::ALL {
            let labels = [("account", account.label())];
            let count = lines_held_back(account);
            ConstCounter::new(count).encode(held_back.encode_family(&labels)?)?;
        }
        let mut degraded = encoder.encode_descriptor(
            "api_degraded",
            "1 for an API that does not run by its newest definition",
            None,
            MetricType::Gauge,
        )?;
        for api in self.registry.status().degraded.iter() {
            let labels = [("api", api.id.as_str())];
            ConstGauge::new(1_i64).encode(degraded.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
