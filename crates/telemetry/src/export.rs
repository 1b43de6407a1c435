//! Spans on their way to the collector: a bounded number waits, and what is lost is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};
use tokio::runtime::Handle;
use tokio_util::context::TokioContext;

/// How many spans wait to be sent, a kilobyte or so each; beyond that they are lost, and counted.
const WAITING: usize = 4_096;

/// How many are sent at once.
const BATCH: usize = 512;

/// How many spans were lost: the collector did not take them, or too many waited for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses(Arc<AtomicU64>);

impl Losses {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, spans: usize) {
        self.0.fetch_add(spans as u64, Ordering::Relaxed);
    }
}

/// Sends spans in batches, and lets no more wait than the batches' queue holds: the queue itself does not say what it
/// lost.
#[derive(Debug)]
pub(super) struct Bounded {
    batches: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    losses: Losses,
}

impl Bounded {
    /// Spans wait for others for `delay`, and are sent on this runtime.
    pub(super) fn to(exporter: OtlpExporter, delay: Duration, runtime: &Handle) -> (Self, Losses) {
        let (waiting, losses) = (Arc::default(), Losses::default());
        let exporter = Counted {
            exporter,
            runtime: runtime.clone(),
            waiting: Arc::clone(&waiting),
            losses: losses.clone(),
        };
        let batching = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(delay)
            .build();
        let batches = BatchSpanProcessor::builder(exporter)
            .with_batch_config(batching)
            .build();
        let bounded = Self {
            batches,
            waiting,
            losses: losses.clone(),
        };
        (bounded, losses)
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING {
            self.batches.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.losses.add(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Sends to the collector, from a thread outside of the runtime on which the connection lives.
#[derive(Debug)]
struct Counted {
    exporter: OtlpExporter,
    runtime: Handle,
    waiting: Arc<AtomicUsize>,
    losses: Losses,
}

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let sending = self.exporter.export(batch);
        let sent = TokioContext::new(sending, self.runtime.clone()).await;
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        if sent.is_err() {
            self.losses.add(count);
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Instant;

    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_http::hyper::HyperClient;
    use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// More than can wait.
    const MANY: usize = 3 * WAITING;

    /// Ends many spans for the collector at this port; gives the provider and the count of losses.
    fn record(port: u16) -> (SdkTracerProvider, Losses) {
        let exporter = OtlpExporter::builder()
            .with_http()
            .with_http_client(HyperClient::with_default_connector(
                Duration::from_secs(5),
                None,
            ))
            .with_endpoint(format!("http://127.0.0.1:{port}/v1/traces"))
            .build()
            .unwrap();
        let delay = Duration::from_mins(1);
        let (spans, losses) = Bounded::to(exporter, delay, &Handle::current());
        let provider = SdkTracerProvider::builder()
            .with_span_processor(spans)
            .build();
        let tracer = provider.tracer("test");
        for _ in 0..MANY {
            drop(tracer.start("a span"));
        }
        (provider, losses)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_span_is_counted_as_lost_while_there_is_no_collector() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let (provider, losses) = record(port);
        let _ = provider.shutdown_with_timeout(Duration::from_secs(30));
        assert_eq!(losses.count(), MANY as u64);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_hangs_holds_nobody_up() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let began = Instant::now();
        let (provider, losses) = record(listener.local_addr().unwrap().port());
        assert!(losses.count() >= (MANY - 2 * WAITING) as u64);
        assert!(
            provider
                .shutdown_with_timeout(Duration::from_millis(100))
                .is_err()
        );
        assert!(began.elapsed() < Duration::from_secs(4));
    }
}
