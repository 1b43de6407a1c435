//! A trace collector: receives spans from OpenTelemetry's exporters, and stores them for tests.

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

/// A received span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedSpan {
    /// The service that sent it.
    pub service: String,
    /// The name.
    pub name: String,
    /// `Server`, `Client`, `Producer`, `Consumer` or `Internal`.
    pub kind: String,
    /// The id of its trace. All ids are hexadecimal.
    pub trace: String,
    /// The id.
    pub id: String,
    /// The id of its parent; none for the root of a trace.
    pub parent: Option<String>,
    /// The trace ids and span ids of its links.
    pub links: Vec<(String, String)>,
    /// The attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether it ended in an error.
    pub is_error: bool,
}

impl RecordedSpan {
    /// The value of an attribute; empty if there is none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// A collector on loopback. Dropping it stops it.
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
            .route("/v1/traces", post(receive))
            .with_state(Arc::clone(&spans));
        let serving = tokio::spawn(async move {
            // It never returns.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            endpoint,
            spans,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// The variables that make a service send its spans here soon after they end.
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

    /// The spans received so far.
    #[must_use]
    pub fn spans(&self) -> Vec<RecordedSpan> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.clone()
    }
}

async fn receive(State(spans): State<Spans>, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let request = ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let received = request.resource_spans.into_iter().flat_map(recorded);
    let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
    spans.extend(received);
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
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
