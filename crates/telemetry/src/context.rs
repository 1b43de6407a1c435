//! Trace contexts: the position in a trace, as processes pass it on.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde::{Deserialize, Serialize};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// A trace context in W3C's format (<https://www.w3.org/TR/trace-context/>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    traceparent: String,
    /// Data of tracing vendors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

/// Whether a collector is configured.
static HAS_COLLECTOR: AtomicBool = AtomicBool::new(false);

pub(super) fn set_has_collector() {
    HAS_COLLECTOR.store(true, Ordering::Relaxed);
}

/// Whether this process records spans.
#[must_use]
pub fn has_collector() -> bool {
    HAS_COLLECTOR.load(Ordering::Relaxed)
}

/// Whether the current span is recorded.
#[must_use]
pub fn is_recorded() -> bool {
    Context::map_current(|context| context.span().span_context().is_sampled())
}

impl TraceContext {
    /// The context of the current span; `None` outside of a trace.
    #[must_use]
    pub fn current() -> Option<Self> {
        Context::map_current(|context| {
            let mut current = Self::default();
            TraceContextPropagator::new().inject_context(context, &mut current);
            (!current.traceparent.is_empty()).then_some(current)
        })
    }

    /// The context in the headers of an HTTP request.
    #[must_use]
    pub fn of_request(headers: &HeaderMap) -> Option<Self> {
        Self::from_headers(|name| headers.get(name)?.to_str().ok().map(str::to_owned))
    }

    /// The context in headers, whose values `header` returns.
    pub fn from_headers(header: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            traceparent: header(PARENT)?,
            tracestate: header(STATE),
        })
    }

    /// The names and values of the context's headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let state = self.tracestate.as_deref().map(|state| (STATE, state));
        [(PARENT, self.traceparent.as_str())]
            .into_iter()
            .chain(state)
    }

    /// Sets the headers of an HTTP request, replacing a previous context.
    pub fn put_into(&self, headers: &mut HeaderMap) {
        headers.remove(STATE);
        for (name, value) in self.headers() {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }

    /// Makes this context the parent of the span, which must not have been entered yet.
    pub fn set_as_parent_of(&self, span: &Span) {
        // An error means that the span is not recorded.
        let _ = span.set_parent(self.context());
    }

    /// Adds a link to this context to the span, which may be in another trace.
    pub fn link_from(&self, span: &Span) {
        span.add_link(self.context().span().span_context().clone());
    }

    /// Whether it belongs to the current trace.
    #[must_use]
    pub fn is_in_current_trace(&self) -> bool {
        let current = Context::map_current(|context| context.span().span_context().trace_id());
        self.context().span().span_context().trace_id() == current
    }

    fn context(&self) -> Context {
        TraceContextPropagator::new().extract_with_context(&Context::new(), self)
    }
}

/// Parses the header `traceparent`. An invalid value is not rejected here; it is ignored when used.
impl FromStr for TraceContext {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            traceparent: text.to_owned(),
            tracestate: None,
        })
    }
}

impl Injector for TraceContext {
    fn set(&mut self, key: &str, value: String) {
        match key {
            PARENT => self.traceparent = value,
            STATE if !value.is_empty() => self.tracestate = Some(value),
            _ => {}
        }
    }
}

impl Extractor for TraceContext {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            PARENT => Some(&self.traceparent),
            STATE => self.tracestate.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.headers().map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT_HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_survives_headers_and_documents() {
        let mut headers = HeaderMap::new();
        headers.insert("tracestate", HeaderValue::from_static("of=another"));
        let context: TraceContext = PARENT_HEADER.parse().unwrap();
        context.put_into(&mut headers);
        assert_eq!(TraceContext::of_request(&headers), Some(context.clone()));
        let stored = serde_json::to_value(&context).unwrap();
        let read: TraceContext = serde_json::from_value(stored).unwrap();
        assert_eq!(read, context);
        assert!(read.context().span().span_context().is_valid());
    }

    #[test]
    fn an_invalid_header_has_no_context() {
        let context: TraceContext = "nonsense".parse().unwrap();
        assert!(!context.context().span().span_context().is_valid());
        assert_eq!(TraceContext::of_request(&HeaderMap::new()), None);
    }

    #[test]
    fn there_is_no_context_outside_of_a_trace() {
        assert_eq!(TraceContext::current(), None);
        assert!(!is_recorded());
    }
}
