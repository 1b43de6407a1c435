//! Events as spans of a trace, and as lines in the log.
//!
//! An event continues the trace that caused it: the trace context is stored with the event and sent in the message's
//! headers. Each delivery, also a redelivery, is a child span of the one that published the event.

use std::error::Error;
use std::time::{Duration, Instant};

use async_nats::HeaderName;
use async_nats::jetstream::Message;
use base::clock::Clock;
use common::{Event, Timestamp};
use telemetry::TraceContext;
use tracing::Span;
use tracing::field::Empty;

use super::broker::Outgoing;
use super::consumer::Failure;

type BoxError = Box<dyn Error + Send + Sync>;

/// The header with the time of the change that the event reports.
pub(super) const TIME: HeaderName = HeaderName::from_static("ce-time");
/// The header with the event's id.
pub(super) const ID: HeaderName = HeaderName::from_static("ce-id");

/// The span of publishing an event; none if the event belongs to no trace, as in a re-emission.
pub(super) fn publish_span(message: &Outgoing) -> Span {
    let Some(cause) = &message.cause else {
        return Span::none();
    };
    let span = tracing::info_span!(
        "publish",
        otel.kind = "producer",
        otel.name = format_args!("publish {}", message.subject),
        otel.status_code = Empty,
        messaging.system = "nats",
        messaging.operation.name = "publish",
        "messaging.operation.type" = "send",
        messaging.destination.name = %message.subject,
        messaging.message.id = message.id,
        messaging.message.body.size = message.body.len(),
        event.id = message.id,
        event.subject = %message.subject,
    );
    cause.set_as_parent_of(&span);
    span
}

/// How a delivery ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Its effect is durable.
    Done,
    /// The process stops, or a dependency is away: the event may be redelivered at once.
    Released,
    /// The event is redelivered after a delay.
    Retry { delay: Duration, reason: BoxError },
    /// The event is moved to the dead-letter stream.
    DeadLetter(Failure),
}

/// A delivery of an event: its span, and one log line once it was handled.
#[derive(Debug)]
pub(super) struct Handling {
    pub(super) span: Span,
    pub(super) began: Instant,
    committed: Option<Timestamp>,
}

impl Handling {
    /// Starts the span. `event` is `None` if it could not be read.
    pub(super) fn begin(
        consumer: &'static str,
        subject: &str,
        message: &Message,
        event: Option<&Event>,
        deliveries: u64,
    ) -> Self {
        let headers = message.headers.as_ref();
        let header = |name| headers?.get(name).map(async_nats::HeaderValue::as_str);
        let span = tracing::info_span!(
            "process",
            otel.kind = "consumer",
            otel.name = format_args!("process {subject}"),
            otel.status_code = Empty,
            messaging.system = "nats",
            messaging.operation.name = "process",
            "messaging.operation.type" = "process",
            messaging.destination.name = subject,
            messaging.consumer.group.name = consumer,
            messaging.message.id = header(ID),
            messaging.message.body.size = message.payload.len(),
            event.id = header(ID),
            event.subject = subject,
            event.entity_id = event.map(Event::entity_id),
            event.version = event.and_then(Event::version),
            event.consumer = consumer,
            event.delivery_count = deliveries,
            event.outcome = Empty,
        );
        if let Some(publisher) =
            TraceContext::from_headers(|name| headers?.get(name).map(ToString::to_string))
        {
            publisher.set_as_parent_of(&span);
        }
        Self {
            span,
            began: Instant::now(),
            committed: header(TIME).and_then(|time| time.parse().ok()),
        }
    }

    /// The time from the write that caused the event until now.
    pub(super) fn lag(&self) -> Option<Duration> {
        let now = Clock::system().now();
        self.committed.map(|committed| now.since(committed))
    }

    /// Logs and records the outcome. Call it within the span.
    pub(super) fn end(&self, outcome: &Outcome) {
        let lag = self.lag().map(|lag| lag.as_secs_f64());
        let duration = self.began.elapsed().as_secs_f64();
        let name = match outcome {
            Outcome::Done => "done",
            Outcome::Released => "given_back",
            Outcome::Retry { .. } => "retry",
            Outcome::DeadLetter(_) => "dead_letter",
        };
        self.span.record("event.outcome", name);
        match outcome {
            Outcome::Done | Outcome::Released => {
                tracing::info!(event.lag = lag, event.duration = duration, "event handled");
            }
            Outcome::Retry { delay, reason } => {
                self.span.record("otel.status_code", "ERROR");
                let delay = delay.as_secs_f64();
                tracing::info!(event.lag = lag, event.duration = duration, event.retry_delay = delay, error = %reason, "event will be tried again");
            }
            Outcome::DeadLetter(failure) => {
                self.span.record("otel.status_code", "ERROR");
                tracing::error!(event.lag = lag, event.duration = duration, error = %failure, "dead letter");
            }
        }
    }
}
