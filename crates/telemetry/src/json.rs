//! Log lines as flat JSON objects: the common fields, then the event's fields, then those of its spans.
//!
//! `infra/logs.md` documents the fields; a test compares it with what is logged.

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::ops::Range;

use opentelemetry::Context as TraceContext;
use opentelemetry::trace::TraceContextExt;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use base::clock::Clock;

/// Prefixes of fields that are not logged: `otel.` is for the exporter, `messaging.` repeats other fields, and `log.`
/// holds the source locations of libraries that use the `log` crate.
const OMITTED_PREFIXES: [&str; 3] = ["otel.", "messaging.", "log."];
/// The field with the target of an event of the `log` crate.
const LOG_CRATE_TARGET: &str = "log.target";

/// The maximum length of a value in bytes; longer values are cut. Thousands of lines may be queued, and some values
/// come from clients.
const VALUE_LIMIT: usize = 2_048;

/// Writes a line for each event.
pub(super) struct JsonLines<W> {
    writer: W,
    service: String,
    clock: Clock,
}

impl<W> JsonLines<W> {
    pub(super) const fn new(writer: W, service: String) -> Self {
        Self {
            writer,
            service,
            clock: Clock::system(),
        }
    }
}

/// The fields of a span or an event in recording order, with the last value of each. They are serialized once, since
/// every line within a span repeats the span's fields.
#[derive(Debug)]
struct Fields {
    /// Members of the form `"name":value`.
    text: Vec<u8>,
    /// The range of each member in the text.
    ranges: Vec<(&'static str, Range<usize>)>,
    /// The target, if the event comes from the `log` crate.
    target: Option<String>,
}

impl Fields {
    /// No fields, with capacity for the usual number.
    fn new() -> Self {
        Self {
            text: Vec::with_capacity(512),
            ranges: Vec::with_capacity(16),
            target: None,
        }
    }

    fn put(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        let name = field.name();
        if OMITTED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            return;
        }
        let start = self.text.len();
        write_member(&mut self.text, name, value);
        let range = start..self.text.len();
        match self.ranges.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = range,
            None => self.ranges.push((name, range)),
        }
    }

    /// The names and serialized members.
    fn members(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let ranges = self.ranges.iter();
        ranges.map(|(name, range)| (*name, &self.text[range.clone()]))
    }

    fn has(&self, name: &str) -> bool {
        self.ranges.iter().any(|(known, _)| *known == name)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format_args!("{}", Truncated(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == LOG_CRATE_TARGET {
            self.target = Some(value.to_owned());
        }
        if value.len() <= VALUE_LIMIT {
            self.put(field, value);
        } else {
            let start = &value[..value.floor_char_boundary(VALUE_LIMIT)];
            self.put(field, &format_args!("{start}…"));
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }
}

/// Displays the debug format of a value, cut at the limit.
struct Truncated<'a>(&'a dyn fmt::Debug);

impl fmt::Display for Truncated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = Some(VALUE_LIMIT);
        write!(Truncate { to: f, left }, "{:?}", self.0)
    }
}

/// Forwards text up to the limit, then an ellipsis, then nothing.
struct Truncate<'a, 'f> {
    to: &'a mut fmt::Formatter<'f>,
    left: Option<usize>,
}

impl fmt::Write for Truncate<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(left) = self.left else {
            return Ok(());
        };
        self.left = left.checked_sub(text.len());
        if self.left.is_some() {
            return self.to.write_str(text);
        }
        self.to.write_str(&text[..text.floor_char_boundary(left)])?;
        self.to.write_str("…")
    }
}

/// Writes `"name":value`.
fn write_member(text: &mut Vec<u8>, name: &str, value: &(impl Serialize + ?Sized)) {
    const SERIALIZABLE: &str = "texts and numbers are serializable";

    serde_json::to_writer(&mut *text, name).expect(SERIALIZABLE);
    text.push(b':');
    serde_json::to_writer(text, value).expect(SERIALIZABLE);
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::new();
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
        let mut line = Line::new();
        line.put("timestamp", &self.clock.now());
        line.put("level", event.metadata().level().as_str());
        line.put("service.name", &self.service);
        let mut fields = Fields::new();
        event.record(&mut fields);
        line.put_event(event, &fields);
        line.put_spans(&fields, event, &context);
        line.put_trace_context();
        // A failure to write the log cannot be logged.
        let _ = self.writer.make_writer().write_all(&line.end());
    }
}

/// A line under construction: an unclosed JSON object.
struct Line(Vec<u8>);

impl Line {
    /// In bytes; longer than most lines.
    const INITIAL_CAPACITY: usize = 768;

    fn new() -> Self {
        let mut text = Vec::with_capacity(Self::INITIAL_CAPACITY);
        text.push(b'{');
        Self(text)
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend(b"}\n");
        self.0
    }

    fn separate(&mut self) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
    }

    fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.separate();
        write_member(&mut self.0, name, value);
    }

    fn put_serialized(&mut self, member: &[u8]) {
        self.separate();
        self.0.extend(member);
    }

    fn put_event(&mut self, event: &Event<'_>, fields: &Fields) {
        let target = fields.target.as_deref();
        self.put("target", target.unwrap_or(event.metadata().target()));
        for (_, member) in fields.members() {
            self.put_serialized(member);
        }
    }

    /// Adds the fields of the spans, from the innermost, without those already in the line.
    fn put_spans<S>(&mut self, event_fields: &Fields, event: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let mut known = Vec::with_capacity(16);
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<Fields>() else {
                continue;
            };
            for (name, member) in fields.members() {
                if !event_fields.has(name) && !known.contains(&name) {
                    known.push(name);
                    self.put_serialized(member);
                }
            }
        }
    }

    fn put_trace_context(&mut self) {
        TraceContext::map_current(|context| {
            let span = context.span();
            let span = span.span_context();
            if span.is_valid() {
                self.put("trace_id", &format_args!("{}", span.trace_id()));
                self.put("span_id", &format_args!("{}", span.span_id()));
            }
        });
    }
}
