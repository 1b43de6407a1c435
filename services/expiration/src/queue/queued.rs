//! Jobs as they are stored in the queue, and their trace spans.
//!
//! An order expires long after the request that created it. So its expiration is a separate trace with a link to the
//! order's trace, as OpenTelemetry recommends for deferred work
//! (<https://opentelemetry.io/docs/concepts/signals/traces/#span-links>).

use common::events::ExpirationState;
use serde::{Deserialize, Serialize};
use telemetry::{TraceContext, is_recorded};
use tracing::Span;

/// A job is the event that it will publish.
pub type Job = ExpirationState;

/// The queue's name in traces.
const DESTINATION: &str = "expirations";

/// A job with the trace that created its order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct QueuedJob {
    #[serde(flatten)]
    pub(crate) job: Job,
    /// `None` in jobs of earlier releases and in recreated jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<TraceContext>,
}

impl QueuedJob {
    pub(super) const fn new(job: Job, cause: Option<TraceContext>) -> Self {
        Self { job, cause }
    }

    /// The span for publishing the expiration.
    pub(crate) fn process_span(&self) -> Span {
        let span = tracing::info_span!(
            parent: None,
            "expire",
            otel.kind = "consumer",
            otel.name = format_args!("process {DESTINATION}"),
            messaging.system = "redis",
            messaging.operation.name = "process",
            "messaging.operation.type" = "process",
            messaging.destination.name = DESTINATION,
            order.id = %self.job.order_id,
        );
        if let Some(cause) = &self.cause {
            cause.link_from(&span);
        }
        span
    }
}

impl From<Job> for QueuedJob {
    fn from(job: Job) -> Self {
        Self::new(job, None)
    }
}

/// The span for adding jobs. Outside of a trace it is disabled.
pub(super) fn schedule_span() -> Span {
    if !is_recorded() {
        return Span::none();
    }
    tracing::info_span!(
        "schedule",
        otel.kind = "producer",
        otel.name = format_args!("send {DESTINATION}"),
        messaging.system = "redis",
        messaging.operation.name = "send",
        "messaging.operation.type" = "send",
        messaging.destination.name = DESTINATION,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_earlier_releases_are_readable() {
        let earlier =
            r#"{"orderId":"665f00000000000000000001","expiresAt":"2026-01-01T00:00:00.000Z"}"#;
        let read: QueuedJob = serde_json::from_str(earlier).unwrap();
        assert_eq!(read.cause, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), earlier);
    }
}
