//! Spans of calls to Stripe, in the payment's trace.

use telemetry::is_recorded;
use tracing::Span;
use tracing::field::Empty;

use super::failure::Failed;

/// An operation of Stripe's API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    /// The path template, such as `/v1/payment_intents/{id}`.
    pub(super) path: &'static str,
}

impl Operation {
    /// The span of a call; disabled outside of traces.
    pub(super) fn span(self) -> Span {
        if !is_recorded() {
            return Span::none();
        }
        let Self { method, path } = self;
        tracing::debug_span!(
            "stripe",
            otel.kind = "client",
            otel.name = format_args!("{method} {path}"),
            otel.status_code = Empty,
            "error.type" = Empty,
            http.request.method = method,
            url.template = path,
            peer.service = "stripe",
        )
    }
}

/// Records how the call ended. A declined card is a normal answer, so it does not set the error status.
pub(super) fn record_end<T>(span: &Span, answer: &Result<T, Failed>) {
    match answer {
        Ok(_) => {}
        Err(Failed::Refused(decline)) => _ = span.record("error.type", decline.code()),
        Err(Failed::KeyTaken) => _ = span.record("error.type", "idempotency_error"),
        Err(Failed::Unclear(_) | Failed::Broken(_)) => {
            span.record("error.type", "unclear");
            span.record("otel.status_code", "ERROR");
        }
    }
}
