//! The metrics of the process: one registry, put together at start, encoded when `/metrics` is asked.
//!
//! Modules of this crate register metrics of their own; the crates below know no metrics library, they expose numbers that
//! [`MetricsBuilder::counter_from`] and [`MetricsBuilder::gauge_from`] read at the moment of asking.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use raftgate_model::time::Timestamp;

use super::{logging, panic_hook, process};
use crate::clock::process_cpu_time;

/// What the names of our own metrics begin with.
const PREFIX: &str = "raftgate";

/// The `Content-Type` of the encoded text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Collects metrics until the process is put together.
pub struct MetricsBuilder {
    registry: Registry,
}

impl MetricsBuilder {
    /// A registry that knows the version, the start time and what the system says about the process.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        let mut builder = Self {
            registry: Registry::default(),
        };
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        builder
            .ours()
            .register("build", "The version that runs", version);
        builder.counter_from("panics", "Panics of threads and tasks", || {
            Some(as_number(panic_hook::panics_seen()))
        });
        builder.counter_from(
            "log_lines_dropped",
            "Log lines that found no room because nobody read the others, or could not be written",
            || Some(as_number(logging::lines_dropped())),
        );
        builder.describe_process(started);
        builder
    }

    /// The registry of metrics that begin with `raftgate_`.
    pub fn ours(&mut self) -> &mut Registry {
        self.registry.sub_registry_with_prefix(PREFIX)
    }

    /// The registry of metrics that begin with `raftgate_` and the name of a part, such as `proxy`.
    pub fn part(&mut self, name: &str) -> &mut Registry {
        self.registry
            .sub_registry_with_prefix(format!("{PREFIX}_{name}"))
    }

    /// Adds `raftgate_NAME_total`, a number that never falls and is read when metrics are asked for; `None` leaves it out.
    pub fn counter_from(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        let reading = Reading::new(name, help, Shape::Counter, read);
        self.ours().register_collector(Box::new(reading));
    }

    /// Adds `raftgate_NAME`, a number that rises and falls and is read when metrics are asked for; `None` leaves it out.
    pub fn gauge_from(
        &mut self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        let reading = Reading::new(name, help, Shape::Gauge, read);
        self.ours().register_collector(Box::new(reading));
    }

    /// The finished metrics.
    #[must_use]
    pub fn build(self) -> Metrics {
        Metrics(Arc::new(self.registry))
    }

    /// The process metrics under the names that every Prometheus client library gives them.
    fn describe_process(&mut self, started: Timestamp) {
        let started_s = as_number(started.as_ms()) / 1000.0;
        let cpu_s = || Some(as_number(process_cpu_time().as_ms()) / 1000.0);
        let readings = [
            Reading::new(
                "process_start_time_seconds",
                "When the process started, since the Unix epoch",
                Shape::Gauge,
                move || Some(started_s),
            ),
            Reading::new(
                "process_cpu_seconds",
                "CPU time that the process has used",
                Shape::Counter,
                cpu_s,
            ),
            Reading::new(
                "process_resident_memory_bytes",
                "Resident memory",
                Shape::Gauge,
                || process::resident_memory_bytes().map(as_number),
            ),
            Reading::new(
                "process_open_fds",
                "Open files and sockets",
                Shape::Gauge,
                || process::open_files().map(as_number),
            ),
            Reading::new(
                "process_max_fds",
                "The most open files and sockets",
                Shape::Gauge,
                || process::open_files_max().map(as_number),
            ),
        ];
        for reading in readings {
            self.registry.register_collector(Box::new(reading));
        }
    }
}

/// The metrics of the process; clones are the same registry.
#[derive(Clone)]
pub struct Metrics(Arc<Registry>);

impl Metrics {
    /// The OpenMetrics text of this moment, to be sent with [`CONTENT_TYPE`].
    ///
    /// # Errors
    /// A metric could not write itself.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Counter,
    Gauge,
}

/// One number that is read when metrics are asked for.
struct Reading {
    name: &'static str,
    help: &'static str,
    shape: Shape,
    read: Box<dyn Fn() -> Option<f64> + Send + Sync>,
}

impl Reading {
    fn new(
        name: &'static str,
        help: &'static str,
        shape: Shape,
        read: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            help,
            shape,
            read: Box::new(read),
        }
    }

    fn write(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        metric: &impl EncodeMetric,
    ) -> fmt::Result {
        let encoder =
            encoder.encode_descriptor(self.name, self.help, None, metric.metric_type())?;
        metric.encode(encoder)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        match ((self.read)(), self.shape) {
            (Some(value), Shape::Counter) => self.write(&mut encoder, &ConstCounter::new(value)),
            (Some(value), Shape::Gauge) => self.write(&mut encoder, &ConstGauge::new(value)),
            (None, _) => Ok(()),
        }
    }
}

/// A count as Prometheus keeps it; exact up to 2^53, which no count here reaches.
#[allow(
    clippy::cast_precision_loss,
    reason = "Prometheus' own type is a 64-bit float"
)]
pub fn as_number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use std::sync::atomic::{AtomicU64, Ordering};

    use prometheus_client::metrics::counter::Counter;

    use super::*;

    fn families(text: &str) -> Vec<&str> {
        text.lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .collect()
    }

    #[test]
    fn the_process_describes_itself() {
        let metrics = MetricsBuilder::new(Timestamp::from_ms(1_700_000_000_500)).build();
        let text = metrics.encode().unwrap();
        let mut found = families(&text);
        found.sort_unstable();
        assert_eq!(
            found,
            [
                "process_cpu_seconds counter",
                "process_max_fds gauge",
                "process_open_fds gauge",
                "process_resident_memory_bytes gauge",
                "process_start_time_seconds gauge",
                "raftgate_build info",
                "raftgate_log_lines_dropped counter",
                "raftgate_panics counter",
            ]
        );
        assert!(
            text.contains("process_start_time_seconds 1700000000.5\n"),
            "{text}"
        );
        let version = format!(
            "raftgate_build_info{{version=\"{}\"}} 1\n",
            env!("CARGO_PKG_VERSION")
        );
        assert!(text.contains(&version), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn numbers_are_read_at_the_moment_of_asking() {
        let lag = Arc::new(AtomicU64::new(1));
        let mut builder = MetricsBuilder::new(Timestamp::ZERO);
        let source = lag.clone();
        builder.gauge_from("apply_lag", "Entries", move || {
            Some(as_number(source.load(Ordering::Relaxed)))
        });
        builder.counter_from("absent", "Nothing to tell", || None);
        let metrics = builder.build();
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains("raftgate_apply_lag 1.0\n")
        );
        lag.store(7, Ordering::Relaxed);
        let text = metrics.clone().encode().unwrap();
        assert!(text.contains("raftgate_apply_lag 7.0\n"), "{text}");
        assert!(!text.contains("absent"), "{text}");
    }

    #[test]
    fn parts_register_metrics_of_their_own() {
        let requests = Counter::<u64>::default();
        let mut builder = MetricsBuilder::new(Timestamp::ZERO);
        builder
            .part("proxy")
            .register("requests", "Requests", requests.clone());
        requests.inc();
        let text = builder.build().encode().unwrap();
        assert!(text.contains("raftgate_proxy_requests_total 1\n"), "{text}");
    }
}
