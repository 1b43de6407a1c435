//! Log lines as flat JSON: what every line has, then the fields of the event, then those of the spans around it.
//!
//! The fields are described in `infra/logs.md`, and a test holds that page and what is written together.

use std::fmt;
use std::io::Write;

use opentelemetry::Context as TraceContext;
use opentelemetry::trace::TraceContextExt;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::clock::Clock;

/// What is for the recording of spans and says nothing in a log.
const OF_RECORDING: &str = "otel.";
/// What comes from libraries that log by other means carries its place in the source.
const OF_BRIDGE: &str = "log.";

/// Writes a line for each event.
pub(super) struct JsonLines<W> {
    writer: W,
    service: String,
    clock: Clock,
}

impl<W> JsonLines<W> {
    /// Lines of this service.
    pub(super) const fn to(writer: W, service: String) -> Self {
        Self {
            writer,
            service,
            clock: Clock::system(),
        }
    }
}

/// Fields of a span or an event, in the order in which they were told, each once.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name();
        if name.starts_with(OF_RECORDING) {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = Line {
            time: self.clock.now().to_string(),
            service: &self.service,
            event,
            fields: &fields,
            context: &context,
        };
        if let Ok(mut text) = serde_json::to_vec(&line) {
            text.push(b'\n');
            // Nobody is left to tell that a line of the log was not written.
            let _ = self.writer.make_writer().write_all(&text);
        }
    }
}

struct Line<'a, S: Subscriber> {
    time: String,
    service: &'a str,
    event: &'a Event<'a>,
    fields: &'a Fields,
    context: &'a Context<'a, S>,
}

impl<S> Serialize for Line<'_, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("timestamp", &self.time)?;
        line.serialize_entry("level", self.event.metadata().level().as_str())?;
        line.serialize_entry("service.name", self.service)?;
        self.fields_of_event(&mut line)?;
        self.fields_of_spans(&mut line)?;
        TraceContext::map_current(|context| {
            let here = context.span();
            let here = here.span_context();
            if here.is_valid() {
                line.serialize_entry("trace_id", &here.trace_id().to_string())?;
                line.serialize_entry("span_id", &here.span_id().to_string())?;
            }
            Ok(())
        })?;
        line.end()
    }
}

impl<S> Line<'_, S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn fields_of_event<M: SerializeMap>(&self, line: &mut M) -> Result<(), M::Error> {
        let (place, told): (Vec<_>, Vec<_>) = self
            .fields
            .0
            .iter()
            .partition(|(name, _)| name.starts_with(OF_BRIDGE));
        let bridged = place.iter().find(|(name, _)| *name == "log.target");
        match bridged {
            Some((_, target)) => line.serialize_entry("target", target)?,
            None => line.serialize_entry("target", self.event.metadata().target())?,
        }
        for (name, value) in told {
            line.serialize_entry(name, value)?;
        }
        Ok(())
    }

    /// The fields of the spans, the innermost first, without those that are in the line already.
    fn fields_of_spans<M: SerializeMap>(&self, line: &mut M) -> Result<(), M::Error> {
        let mut known: Vec<_> = self.fields.0.iter().map(|(name, _)| *name).collect();
        for span in self.context.event_scope(self.event).into_iter().flatten() {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<Fields>() else {
                continue;
            };
            for (name, value) in &fields.0 {
                if !known.contains(name) {
                    known.push(name);
                    line.serialize_entry(name, value)?;
                }
            }
        }
        Ok(())
    }
}
