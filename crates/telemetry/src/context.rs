//! Where in a trace something happens, in the form in which it travels between processes.

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

/// A place in a trace, as W3C's Trace Context writes it (<https://www.w3.org/TR/trace-context/>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    traceparent: String,
    /// What vendors add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

/// Whether a collector is configured.
static HAS_COLLECTOR: AtomicBool = AtomicBool::new(false);

pub(super) fn collector_is_there() {
    HAS_COLLECTOR.store(true, Ordering::Relaxed);
}

/// Whether anything is recorded at all in this process.
#[must_use]
pub fn has_collector() -> bool {
    HAS_COLLECTOR.load(Ordering::Relaxed)
}

/// Whether what happens at this moment is recorded for a collector.
#[must_use]
pub fn is_recorded() -> bool {
    Context::map_current(|context| context.span().span_context().is_sampled())
}

impl TraceContext {
    /// The place at which the caller is; `None` if it is in no trace.
    #[must_use]
    pub fn current() -> Option<Self> {
        Context::map_current(|context| {
            let mut current = Self::default();
            TraceContextPropagator::new().inject_context(context, &mut current);
            (!current.traceparent.is_empty()).then_some(current)
        })
    }

    /// The place that the headers of an HTTP request name.
    #[must_use]
    pub fn of_request(headers: &HeaderMap) -> Option<Self> {
        Self::from_headers(|name| headers.get(name)?.to_str().ok().map(str::to_owned))
    }

    /// The place that headers name, of which `header` returns values.
    pub fn from_headers(header: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            traceparent: header(PARENT)?,
            tracestate: header(STATE),
        })
    }

    /// The headers that name the place.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let state = self.tracestate.as_deref().map(|state| (STATE, state));
        [(PARENT, self.traceparent.as_str())]
            .into_iter()
            .chain(state)
    }

    /// Names the place in the headers of an HTTP request, instead of what they named before.
    pub fn put_into(&self, headers: &mut HeaderMap) {
        headers.remove(STATE);
        for (name, value) in self.headers() {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }

    /// Lets the span, which was not entered yet, go on from this place: what it is about was caused there.
    pub fn caused(&self, span: &Span) {
        // An error means that nobody records the span.
        let _ = span.set_parent(self.context());
    }

    /// Lets the span, which may be in another trace, refer to this place.
    pub fn is_linked_from(&self, span: &Span) {
        span.add_link(self.context().span().span_context().clone());
    }

    /// Whether it is in the trace that the caller is in.
    #[must_use]
    pub fn is_in_current_trace(&self) -> bool {
        let here = Context::map_current(|context| context.span().span_context().trace_id());
        self.context().span().span_context().trace_id() == here
    }

    fn context(&self) -> Context {
        TraceContextPropagator::new().extract_with_context(&Context::new(), self)
    }
}

/// As the header `traceparent` has it. Whether it names a place is only seen when it is used.
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

    const PLACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_place_outlives_headers_and_documents() {
        let mut headers = HeaderMap::new();
        headers.insert("tracestate", HeaderValue::from_static("of=another"));
        let place: TraceContext = PLACE.parse().unwrap();
        place.put_into(&mut headers);
        assert_eq!(TraceContext::of_request(&headers), Some(place.clone()));
        let stored = bson::serialize_to_document(&place).unwrap();
        let read: TraceContext = bson::deserialize_from_document(stored).unwrap();
        assert_eq!(read, place);
        assert!(read.context().span().span_context().is_valid());
    }

    #[test]
    fn nonsense_names_no_place() {
        let place: TraceContext = "nonsense".parse().unwrap();
        assert!(!place.context().span().span_context().is_valid());
        assert_eq!(TraceContext::of_request(&HeaderMap::new()), None);
    }

    #[test]
    fn outside_of_a_trace_there_is_no_place() {
        assert_eq!(TraceContext::current(), None);
        assert!(!is_recorded());
    }
}
