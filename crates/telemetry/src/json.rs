//! Log lines as flat JSON: what every line has, then the fields of the event, then those of the spans around it.
//!
//! The fields are described in `infra/logs.md`, and a test holds that page and what is written together.

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

/// What is for the recording of spans and says nothing in a log, or says again what other fields do; and the place in the
/// source that libraries tell which log by other means.
const UNWRITTEN: [&str; 3] = ["otel.", "messaging.", "log."];
/// Where such a library says who logged.
const TARGET_OF_BRIDGE: &str = "log.target";

/// The longest value that is written, in bytes; the rest is cut off. Thousands of lines may wait to be written, and some
/// values come from outside.
const LONGEST_VALUE: usize = 2_048;

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

/// Fields of a span or an event in the order in which they were told, each once, written as they stand in a line: a
/// request's are in every line of it.
#[derive(Debug)]
struct Fields {
    /// Each as `"name":value`.
    text: Vec<u8>,
    /// Where in the text each is.
    places: Vec<(&'static str, Range<usize>)>,
    /// Who logged it, where a library did by other means.
    target: Option<String>,
}

impl Fields {
    /// None yet, with room for as many as there usually are.
    fn none() -> Self {
        Self {
            text: Vec::with_capacity(512),
            places: Vec::with_capacity(16),
            target: None,
        }
    }

    fn put(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        let name = field.name();
        if UNWRITTEN
            .iter()
            .any(|unwritten| name.starts_with(unwritten))
        {
            return;
        }
        let begin = self.text.len();
        write_member(&mut self.text, name, value);
        let place = begin..self.text.len();
        match self.places.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = place,
            None => self.places.push((name, place)),
        }
    }

    /// Each with its name.
    fn members(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let members = self.places.iter();
        members.map(|(name, place)| (*name, &self.text[place.clone()]))
    }

    fn has(&self, name: &str) -> bool {
        self.places.iter().any(|(known, _)| *known == name)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format_args!("{}", Shortened(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == TARGET_OF_BRIDGE {
            self.target = Some(value.to_owned());
        }
        if value.len() <= LONGEST_VALUE {
            self.put(field, value);
        } else {
            let begin = &value[..value.floor_char_boundary(LONGEST_VALUE)];
            self.put(field, &format_args!("{begin}…"));
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

/// A value as it prints for debugging, without what is too long.
struct Shortened<'a>(&'a dyn fmt::Debug);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = Some(LONGEST_VALUE);
        write!(Shortening { to: f, left }, "{:?}", self.0)
    }
}

/// Passes on so many bytes, then an ellipsis, then nothing.
struct Shortening<'a, 'f> {
    to: &'a mut fmt::Formatter<'f>,
    left: Option<usize>,
}

impl fmt::Write for Shortening<'_, '_> {
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
    const TEXT_OR_NUMBER: &str = "names, texts and numbers are JSON";

    serde_json::to_writer(&mut *text, name).expect(TEXT_OR_NUMBER);
    text.push(b':');
    serde_json::to_writer(text, value).expect(TEXT_OR_NUMBER);
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::none();
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
        let mut line = Line::begin();
        line.put("timestamp", &self.clock.now());
        line.put("level", event.metadata().level().as_str());
        line.put("service.name", &self.service);
        let mut fields = Fields::none();
        event.record(&mut fields);
        line.put_event(event, &fields);
        line.put_spans(&fields, event, &context);
        line.put_place_in_trace();
        // Nobody is left to tell that a line of the log was not written.
        let _ = self.writer.make_writer().write_all(&line.end());
    }
}

/// A line that is being written: an object that is still open.
struct Line(Vec<u8>);

impl Line {
    /// Longer than most lines are, in bytes.
    const USUAL: usize = 768;

    fn begin() -> Self {
        let mut text = Vec::with_capacity(Self::USUAL);
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

    fn put_written(&mut self, member: &[u8]) {
        self.separate();
        self.0.extend(member);
    }

    fn put_event(&mut self, event: &Event<'_>, fields: &Fields) {
        let target = fields.target.as_deref();
        self.put("target", target.unwrap_or(event.metadata().target()));
        for (_, member) in fields.members() {
            self.put_written(member);
        }
    }

    /// The fields of the spans, the innermost first, without those that are in the line already.
    fn put_spans<S>(&mut self, of_event: &Fields, event: &Event<'_>, context: &Context<'_, S>)
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
                if !of_event.has(name) && !known.contains(&name) {
                    known.push(name);
                    self.put_written(member);
                }
            }
        }
    }

    fn put_place_in_trace(&mut self) {
        TraceContext::map_current(|context| {
            let here = context.span();
            let here = here.span_context();
            if here.is_valid() {
                self.put("trace_id", &format_args!("{}", here.trace_id()));
                self.put("span_id", &format_args!("{}", here.span_id()));
            }
        });
    }
}
