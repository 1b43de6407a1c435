//! A collector of traces: takes spans as OpenTelemetry's exporters send them, and keeps them for a test to look at.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, span::SpanKind};
use prost::Message;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::port;

/// A span that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedSpan {
    /// The service that sent it.
    pub service: String,
    /// What it is called.
    pub name: String,
    /// `Server`, `Client`, `Producer`, `Consumer` or `Internal`.
    pub kind: String,
    /// Its trace, in hexadecimal digits, as all ids are here.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The span that caused it, if it does not begin the trace.
    pub parent: Option<String>,
    /// The traces and spans that it refers to.
    pub links: Vec<(String, String)>,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether it ended in an error.
    pub is_error: bool,
}

impl RecordedSpan {
    /// An attribute's value; empty if it has none of this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// A collector on loopback. Ends when it is dropped.
#[derive(Debug)]
pub struct Collector {
    endpoint: String,
    spans: Spans,
    _serving: AbortOnDropHandle<()>,
}

type Spans = Arc<Mutex<Vec<RecordedSpan>>>;

impl Collector {
    /// Starts it.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port::free())).await;
        let listener = listener.context("no port for the collector")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let spans = Spans::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&spans));
        let serving = tokio::spawn(async move {
            // It serves until it is dropped.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            endpoint,
            spans,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// What a service's environment says so that it sends its spans here, soon after they ended.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, String> {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.endpoint.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    /// The spans that came so far.
    #[must_use]
    pub fn spans(&self) -> Vec<RecordedSpan> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.clone()
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let request = ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let came = request.resource_spans.into_iter().flat_map(recorded);
    let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
    spans.extend(came);
    Ok(ExportTraceServiceResponse::default().encode_to_vec())
}

fn recorded(sent: ResourceSpans) -> Vec<RecordedSpan> {
    let resource = sent.resource.unwrap_or_default();
    let service = attributes(resource.attributes).remove("service.name");
    let service = service.unwrap_or_default();
    let spans = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| read(&service, span)).collect()
}

fn read(service: &str, span: Span) -> RecordedSpan {
    let links = span.links.iter();
    RecordedSpan {
        service: service.to_owned(),
        kind: format!("{:?}", SpanKind::try_from(span.kind).unwrap_or_default()),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: Some(hex(&span.parent_span_id)).filter(|id| !id.is_empty()),
        links: links
            .map(|link| (hex(&link.trace_id), hex(&link.span_id)))
            .collect(),
        attributes: attributes(span.attributes),
        // 2 is STATUS_CODE_ERROR.
        is_error: span.status.is_some_and(|status| status.code == 2),
        name: span.name,
    }
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|pair| (pair.key, text(pair.value)))
        .collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
