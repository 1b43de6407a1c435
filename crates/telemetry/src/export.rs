//! The export of spans to the collector, through a bounded queue that counts lost spans.

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

/// The number of spans, of about a kilobyte each, that may wait for export. Further spans are dropped and counted.
const QUEUE_LIMIT: usize = 4_096;

/// The number of spans in an export request.
const BATCH_LIMIT: usize = 512;

/// Counts the spans that were lost because the collector did not accept them or the queue was full.
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

/// Exports spans in batches. It limits the queue of [`BatchSpanProcessor`] itself, since that does not report the spans
/// that it drops.
#[derive(Debug)]
pub(super) struct BoundedProcessor {
    batches: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    losses: Losses,
}

impl BoundedProcessor {
    /// Exports spans after at most `delay`, on this runtime.
    pub(super) fn new(exporter: OtlpExporter, delay: Duration, runtime: &Handle) -> (Self, Losses) {
        let (waiting, losses) = (Arc::default(), Losses::default());
        let exporter = CountingExporter {
            exporter,
            runtime: runtime.clone(),
            waiting: Arc::clone(&waiting),
            losses: losses.clone(),
        };
        let batching = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_LIMIT)
            .with_max_export_batch_size(BATCH_LIMIT)
            .with_scheduled_delay(delay)
            .build();
        let batches = BatchSpanProcessor::builder(exporter)
            .with_batch_config(batching)
            .build();
        let processor = Self {
            batches,
            waiting,
            losses: losses.clone(),
        };
        (processor, losses)
    }
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) < QUEUE_LIMIT {
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

/// Exports batches and counts the lost spans. The batch processor's thread is outside of the runtime that the
/// connection needs, so each export enters it.
#[derive(Debug)]
struct CountingExporter {
    exporter: OtlpExporter,
    runtime: Handle,
    waiting: Arc<AtomicUsize>,
    losses: Losses,
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let export = self.exporter.export(batch);
        let result = TokioContext::new(export, self.runtime.clone()).await;
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        if result.is_err() {
            self.losses.add(count);
        }
        result
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

    /// More spans than the queue holds.
    const SPANS: usize = 3 * QUEUE_LIMIT;

    /// Records many spans for a collector at this port.
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
        let (spans, losses) = BoundedProcessor::new(exporter, delay, &Handle::current());
        let provider = SdkTracerProvider::builder()
            .with_span_processor(spans)
            .build();
        let tracer = provider.tracer("test");
        for _ in 0..SPANS {
            drop(tracer.start("a span"));
        }
        (provider, losses)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_span_is_counted_as_lost_without_a_collector() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let (provider, losses) = record(port);
        let _ = provider.shutdown_with_timeout(Duration::from_secs(30));
        assert_eq!(losses.count(), SPANS as u64);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_hangs_blocks_nothing() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let start = Instant::now();
        let (provider, losses) = record(listener.local_addr().unwrap().port());
        assert!(losses.count() >= (SPANS - 2 * QUEUE_LIMIT) as u64);
        assert!(
            provider
                .shutdown_with_timeout(Duration::from_millis(100))
                .is_err()
        );
        assert!(start.elapsed() < Duration::from_secs(4));
    }
}
