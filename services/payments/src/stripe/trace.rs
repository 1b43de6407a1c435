//! Calls to Stripe as spans of the payment's trace.

use telemetry::is_recorded;
use tracing::Span;
use tracing::field::Empty;

use super::failure::Failed;

/// An operation of Stripe's API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    /// Without anything that differs from call to call.
    pub(super) path: &'static str,
}

impl Operation {
    /// The span of a call; none outside of traces.
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

/// Takes note of how the call ended. A declined card is an answer as good as any.
pub(super) fn ended<T>(span: &Span, answered: &Result<T, Failed>) {
    match answered {
        Ok(_) => {}
        Err(Failed::Refused(decline)) => _ = span.record("error.type", decline.code.as_str()),
        Err(Failed::KeyTaken) => _ = span.record("error.type", "idempotency_error"),
        Err(Failed::Unclear(_) | Failed::Broken(_)) => {
            span.record("error.type", "unclear");
            span.record("otel.status_code", "ERROR");
        }
    }
}
