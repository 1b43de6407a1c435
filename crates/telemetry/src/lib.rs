//! Logs, traces and metrics of a process: log lines on standard output, spans for a collector, and metrics for
//! Prometheus.
//!
//! Only spans with a field `otel.kind` are exported to the collector, and their fields are added to the log lines
//! written within them. Without a configured collector nothing is recorded and [`TraceContext::current`] is `None`, so
//! no trace context is propagated.

mod context;
mod export;
mod json;
mod logs;
pub mod metrics;
mod traces;

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::interval;
use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{ErrorCounter, WorkerGuard};
use tracing_subscriber::filter::{FilterExt, FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use base::config::Environment;
use export::Losses;
use json::JsonLines;
use traces::Traces;

pub use context::{TraceContext, has_collector, is_recorded};
pub use logs::{LogConfig, LogFormat};
pub use traces::TraceConfig;

/// How often new losses are logged.
const LOSS_REPORT_INTERVAL: Duration = Duration::from_mins(1);

/// The configuration of logs and traces.
#[derive(Debug)]
pub struct TelemetryConfig {
    logs: LogConfig,
    traces: TraceConfig,
}

impl TelemetryConfig {
    /// Reads `RUST_LOG`, `LOG_FORMAT`, and OpenTelemetry's standard variables.
    pub fn read(environment: &mut Environment, service: &str) -> Option<Self> {
        let logs = LogConfig::read(environment);
        let traces = TraceConfig::read(environment, service);
        Some(Self {
            logs: logs?,
            traces: traces?,
        })
    }
}

/// Running logs and traces. [`Telemetry::finish`] flushes them.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<Traces>,
    /// Writes the remaining lines when dropped, for at most a second.
    _lines: WorkerGuard,
}

impl Telemetry {
    /// Starts logging to standard output and, if a collector is configured, exporting spans on this runtime. Neither a
    /// stalled reader of standard output nor a stalled collector blocks the process.
    #[must_use]
    pub fn start(config: &TelemetryConfig, runtime: &Handle) -> Self {
        let (writer, lines) = logs::writer();
        let unwritten = writer.error_counter();
        let traces = Traces::start(&config.traces, runtime);
        if traces.is_some() {
            context::set_has_collector();
        }
        let exported = traces
            .as_ref()
            .map(|traces| traces.layer().with_filter(spans_of_a_trace(Level::DEBUG)));
        // The log filter selects lines. Their spans are always enabled, since lines contain the spans' fields.
        let filter = config.logs.filter().or(spans_of_a_trace(Level::INFO));
        let lines_of_events = if config.logs.is_json() {
            let service = config.traces.service.clone();
            JsonLines::new(writer, service).with_filter(filter).boxed()
        } else {
            let pretty = fmt::layer().with_writer(writer);
            let pretty = pretty.with_ansi(stdout().is_terminal());
            pretty.with_filter(filter).boxed()
        };
        // An error means that a subscriber is already installed.
        let _ = tracing_subscriber::registry()
            .with(exported)
            .with(lines_of_events)
            .try_init();
        let lost_spans = traces.as_ref().map(Traces::losses).unwrap_or_default();
        runtime.spawn(report_losses(unwritten, lost_spans));
        Self {
            traces,
            _lines: lines,
        }
    }

    /// Exports and writes what is left, for at most two seconds in total. The runtime must still be running.
    pub fn finish(self) {
        if let Some(traces) = self.traces {
            traces.finish();
        }
    }
}

/// Starts logging for tests, filtered by `RUST_LOG` (default `info`). Later calls do nothing.
pub fn log_tests() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).try_init();
}

/// Starts logging as in production but discards the lines, so that benchmarks include the cost of logging.
pub fn log_to_sink() {
    let filter = EnvFilter::new("info").or(spans_of_a_trace(Level::INFO));
    let lines = JsonLines::new(std::io::sink, "sink".to_owned());
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init();
}

/// Selects the spans that belong to traces, down to this level.
fn spans_of_a_trace(level: Level) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata: &Metadata<'_>| {
        metadata.is_span()
            && *metadata.level() <= level
            && metadata.fields().field("otel.kind").is_some()
    })
    .with_max_level_hint(LevelFilter::from_level(level))
}

async fn report_losses(lines: ErrorCounter, spans: Losses) {
    let mut ticks = interval(LOSS_REPORT_INTERVAL);
    let (mut lines_before, mut spans_before) = (0, 0);
    loop {
        ticks.tick().await;
        let (lines, spans) = (lines.dropped_lines(), spans.count());
        if lines > lines_before {
            let lost = lines - lines_before;
            tracing::warn!(lost.lines = lost, "log lines lost");
        }
        if spans > spans_before {
            let lost = spans - spans_before;
            tracing::warn!(lost.spans = lost, "spans lost");
        }
        (lines_before, spans_before) = (lines, spans);
    }
}
