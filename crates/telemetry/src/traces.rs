//! Trace configuration, sampling, and the exporter of spans.

use std::str::FromStr;
use std::time::Duration;

use base::build_info::BUILD_INFO;
use base::config::Environment;
use http::Uri;
use opentelemetry::trace::{Link, SpanKind, TraceId, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    Sampler, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample,
};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use super::export::{BoundedProcessor, Losses};

/// The time limit for exporting a batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit for exporting the remaining spans at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(750);

/// The configuration of traces, from OpenTelemetry's standard variables
/// (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
#[derive(Debug, Clone, PartialEq)]
pub struct TraceConfig {
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces` appended: the
    /// collector's URL. Without it nothing is recorded.
    endpoint: Option<Uri>,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    sampling: Sampling,
    /// `OTEL_SERVICE_NAME` (default the service's name).
    pub(super) service: String,
    /// `OTEL_BSP_SCHEDULE_DELAY` (default 5000), in milliseconds: how long spans wait for a batch to fill.
    delay: Duration,
}

/// The sampling of traces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampling {
    /// Whether a request with a trace context is recorded exactly if its caller is.
    follows_caller: bool,
    /// The share of other traces that is recorded, from 0 to 1.
    share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be always_on, always_off or traceidratio, each also as parentbased_…")]
struct InvalidSampler;

impl Sampling {
    fn named(name: &str, ratio: f64) -> Result<Self, InvalidSampler> {
        let (follows_caller, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let share = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio,
            _ => return Err(InvalidSampler),
        };
        Ok(Self {
            follows_caller,
            share,
        })
    }

    fn read(environment: &mut Environment) -> Option<Self> {
        let default = "parentbased_always_on".to_owned();
        let name = environment.with_default("OTEL_TRACES_SAMPLER", default);
        let ratio = environment.with_default("OTEL_TRACES_SAMPLER_ARG", 1.0);
        let ratio = ratio?;
        if !(0.0..=1.0).contains(&ratio) {
            return environment.fault("OTEL_TRACES_SAMPLER_ARG", "must be 0 to 1");
        }
        match Self::named(&name?, ratio) {
            Ok(sampling) => Some(sampling),
            Err(invalid) => environment.fault("OTEL_TRACES_SAMPLER", invalid),
        }
    }

    fn sampler(self) -> Sampler {
        if self.follows_caller {
            Sampler::ParentBased(Box::new(LinkBased { share: self.share }))
        } else {
            Sampler::TraceIdRatioBased(self.share)
        }
    }
}

/// Records a new trace if it links to a recorded one, as an order's expiration links to its creation, and a share of
/// the traces without links.
#[derive(Debug, Clone)]
struct LinkBased {
    share: f64,
}

impl ShouldSample for LinkBased {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let sampler = if links.is_empty() {
            Sampler::TraceIdRatioBased(self.share)
        } else if links.iter().any(|link| link.span_context.is_sampled()) {
            Sampler::AlwaysOn
        } else {
            Sampler::AlwaysOff
        };
        sampler.should_sample(parent, trace, name, kind, attributes, links)
    }
}

/// The URL of a collector.
#[derive(Debug, Clone)]
struct Endpoint(Uri);

#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("must be http://…, a collector that is reached without TLS")]
struct InvalidEndpoint;

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let uri: Uri = text.parse().map_err(|_| InvalidEndpoint)?;
        let is_supported = uri.scheme_str() == Some("http") && uri.host().is_some();
        is_supported.then_some(Self(uri)).ok_or(InvalidEndpoint)
    }
}

impl Endpoint {
    /// The URL for traces if this is the URL for all signals.
    fn for_traces(&self) -> Option<Self> {
        let base = self.0.to_string();
        let address = format!("{}/v1/traces", base.trim_end_matches('/'));
        address.parse().ok()
    }
}

impl TraceConfig {
    /// Reads OpenTelemetry's variables.
    pub fn read(environment: &mut Environment, service: &str) -> Option<Self> {
        let disabled = environment.with_default("OTEL_SDK_DISABLED", false);
        let base: Option<Endpoint> = environment.optional("OTEL_EXPORTER_OTLP_ENDPOINT");
        let own: Option<Endpoint> = environment.optional("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let service = environment.with_default("OTEL_SERVICE_NAME", service.to_owned());
        let delay = environment.with_default("OTEL_BSP_SCHEDULE_DELAY", 5_000);
        let sampling = Sampling::read(environment);
        let endpoint = own.or_else(|| base?.for_traces());
        let disabled = disabled?;
        Some(Self {
            endpoint: endpoint.filter(|_| !disabled).map(|endpoint| endpoint.0),
            sampling: sampling?,
            service: service?,
            delay: Duration::from_millis(delay?),
        })
    }
}

/// The running exporter of spans.
#[derive(Debug)]
pub(super) struct Traces {
    provider: SdkTracerProvider,
    losses: Losses,
}

impl Traces {
    /// Starts exporting on this runtime; `None` if no collector is configured.
    pub(super) fn start(config: &TraceConfig, runtime: &Handle) -> Option<Self> {
        let endpoint = config.endpoint.as_ref()?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(HyperClient::with_default_connector(EXPORT_TIMEOUT, None))
            .with_endpoint(endpoint.to_string())
            .build()
            .expect("the endpoint is valid and a client is set");
        let (spans, losses) = BoundedProcessor::new(exporter, config.delay, runtime);
        let resource = Resource::builder()
            .with_service_name(config.service.clone())
            .with_attribute(KeyValue::new("service.namespace", "ticketing"))
            .with_attribute(KeyValue::new("service.version", BUILD_INFO.version))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(config.sampling.sampler())
            .with_resource(resource)
            .with_span_processor(spans)
            .build();
        Some(Self { provider, losses })
    }

    /// The layer that records spans of `tracing`.
    pub(super) fn layer<S>(&self) -> OpenTelemetryLayer<S, SdkTracer>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        // Source locations, threads and busy times do not help to understand a purchase.
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("ticketing"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
    }

    pub(super) fn losses(&self) -> Losses {
        self.losses.clone()
    }

    /// Exports the remaining spans, for at most [`SHUTDOWN_TIMEOUT`].
    pub(super) fn finish(self) {
        // An error means that the collector was unavailable or too slow. The remaining spans are lost.
        let _ = self.provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};
    use opentelemetry_sdk::trace::SamplingDecision;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<TraceConfig, Vec<String>> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut environment = Environment::of(variables.iter().map(owned));
        let config = TraceConfig::read(&mut environment, "orders");
        let config = environment.finish(config);
        config.map_err(|error| error.faults().to_vec())
    }

    #[test]
    fn without_a_collector_nothing_is_recorded() {
        assert_eq!(read(&[]).unwrap().endpoint, None);
        let disabled = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://alloy:4318"),
            ("OTEL_SDK_DISABLED", "true"),
        ];
        assert_eq!(read(&disabled).unwrap().endpoint, None);
    }

    #[test]
    fn the_general_endpoint_has_a_path_for_traces() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://alloy:4318/");
        let address = |variables: &[_]| read(variables).unwrap().endpoint.unwrap().to_string();
        assert_eq!(address(&[base]), "http://alloy:4318/v1/traces");
        let own = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://tempo:4318/otlp",
        );
        assert_eq!(address(&[base, own]), "http://tempo:4318/otlp");
    }

    #[test]
    fn faults_are_reported_with_the_names_of_their_variables() {
        let mistakes = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "alloy:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://alloy"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            ("OTEL_SDK_DISABLED", "perhaps"),
        ];
        let faults = read(&mistakes).unwrap_err();
        for (name, _) in mistakes {
            let named = faults.iter().any(|fault| fault.starts_with(name));
            assert!(named, "{name} is missing from: {faults:?}");
        }
        let ratio = read(&[("OTEL_TRACES_SAMPLER_ARG", "2")]);
        assert_eq!(
            ratio.unwrap_err(),
            ["OTEL_TRACES_SAMPLER_ARG: must be 0 to 1"]
        );
    }

    #[test]
    fn a_new_trace_is_recorded_if_the_trace_it_links_to_is() {
        let sampling = Sampling::named("parentbased_traceidratio", 0.0).unwrap();
        let decision = |flags| {
            let linked = SpanContext::new(
                TraceId::from(1),
                SpanId::from(1),
                flags,
                true,
                TraceState::default(),
            );
            let links = [Link::new(linked, Vec::new(), 0)];
            let sampler = sampling.sampler();
            let kind = SpanKind::Consumer;
            let result = sampler.should_sample(None, TraceId::from(2), "", &kind, &[], &links);
            result.decision
        };
        assert_eq!(
            decision(TraceFlags::SAMPLED),
            SamplingDecision::RecordAndSample
        );
        assert_eq!(decision(TraceFlags::NOT_SAMPLED), SamplingDecision::Drop);
    }
}
