//! What a process tells of itself while it runs: log lines on standard output, and spans for a collector.
//!
//! Code of ours that is part of a trace opens a span with a field `otel.kind`. Such spans are what the collector gets,
//! and their fields stand in the log lines that are written within them. Without a configured collector nothing is
//! recorded and no span has an id, so that none is carried on ([`TraceContext::current`] gives none).

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

/// How often losses are told of, while there are new ones.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// How a process tells of itself.
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

/// Telemetry that was started. [`Telemetry::finish`] sends and writes what is left.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<Traces>,
    /// Writes what is left when it is dropped, for at most a second.
    _lines: WorkerGuard,
}

impl Telemetry {
    /// Starts logging to standard output and, if a collector is configured, sending spans to it on this runtime. Neither
    /// a reader that does not read nor a collector that does not answer holds the process up.
    #[must_use]
    pub fn start(config: &TelemetryConfig, runtime: &Handle) -> Self {
        let (writer, lines) = logs::writer();
        let unwritten = writer.error_counter();
        let traces = Traces::start(&config.traces, runtime);
        if traces.is_some() {
            context::collector_is_there();
        }
        let exported = traces
            .as_ref()
            .map(|traces| traces.layer().with_filter(spans_of_a_trace(Level::DEBUG)));
        // The requests and events that lines belong to are told of whatever the filter says of lines.
        let told = config.logs.filter().or(spans_of_a_trace(Level::INFO));
        let lines_of_events = if config.logs.is_json() {
            let service = config.traces.service.clone();
            JsonLines::to(writer, service).with_filter(told).boxed()
        } else {
            let pretty = fmt::layer().with_writer(writer);
            let pretty = pretty.with_ansi(stdout().is_terminal());
            pretty.with_filter(told).boxed()
        };
        // An error means that a subscriber is there already.
        let _ = tracing_subscriber::registry()
            .with(exported)
            .with(lines_of_events)
            .try_init();
        let lost_spans = traces.as_ref().map(Traces::losses).unwrap_or_default();
        runtime.spawn(tell_of_losses(unwritten, lost_spans));
        Self {
            traces,
            _lines: lines,
        }
    }

    /// Sends and writes what is left, for at most two seconds in all. The runtime must still be there.
    pub fn finish(self) {
        if let Some(traces) = self.traces {
            traces.finish();
        }
    }
}

/// Starts logging for tests, filtered by `RUST_LOG` (default `info`). Does nothing if it was started before.
pub fn log_tests() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).try_init();
}

/// Starts logging as in production, whatever the environment wants to see, only that nothing is written: for whoever
/// counts what a request costs.
pub fn log_to_nobody() {
    let told = EnvFilter::new("info").or(spans_of_a_trace(Level::INFO));
    let lines = JsonLines::to(std::io::sink, "nobody".to_owned());
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(told))
        .try_init();
}

/// Spans that say what they are to OpenTelemetry, down to this level.
fn spans_of_a_trace(level: Level) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata: &Metadata<'_>| {
        metadata.is_span()
            && *metadata.level() <= level
            && metadata.fields().field("otel.kind").is_some()
    })
    .with_max_level_hint(LevelFilter::from_level(level))
}

async fn tell_of_losses(lines: ErrorCounter, spans: Losses) {
    let mut ticks = interval(TELL_EVERY);
    let (mut lines_before, mut spans_before) = (0, 0);
    loop {
        ticks.tick().await;
        let (lines, spans) = (lines.dropped_lines(), spans.count());
        if lines > lines_before {
            let lost = lines - lines_before;
            tracing::warn!(lost.lines = lost, "log lines were lost, nobody read them");
        }
        if spans > spans_before {
            let lost = spans - spans_before;
            tracing::warn!(
                lost.spans = lost,
                "spans were lost, the collector did not take them"
            );
        }
        (lines_before, spans_before) = (lines, spans);
    }
}
