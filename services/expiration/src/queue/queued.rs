//! A job as it lies in the queue, and its way through it as spans of traces.
//!
//! An order's time is over long after the request that made it was answered. So that is a trace of its own, which refers
//! to the order's, as OpenTelemetry advises for work that waits
//! (<https://opentelemetry.io/docs/concepts/signals/traces/#span-links>).

use serde::{Deserialize, Serialize};
use telemetry::{TraceContext, is_recorded};
use tracing::Span;

use super::Job;

/// What the queue is called in traces.
const DESTINATION: &str = "expirations";

/// A job, and where in a trace its order was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct QueuedJob {
    #[serde(flatten)]
    pub(crate) job: Job,
    /// None in jobs of earlier releases, and in those that were made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<TraceContext>,
}

impl QueuedJob {
    pub(super) const fn new(job: Job, cause: Option<TraceContext>) -> Self {
        Self { job, cause }
    }

    /// The span in which is told that the order's time is over.
    pub(crate) fn firing(&self) -> Span {
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

/// The span in which jobs are added; none outside of traces.
pub(super) fn scheduling() -> Span {
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
    fn a_job_of_an_earlier_release_can_be_read() {
        let earlier =
            r#"{"orderId":"665f00000000000000000001","expiresAt":"2026-01-01T00:00:00.000Z"}"#;
        let read: QueuedJob = serde_json::from_str(earlier).unwrap();
        assert_eq!(read.cause, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), earlier);
    }
}
