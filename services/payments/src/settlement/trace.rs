//! Puts the work on a payment into its order's trace, be it caused by the buyer's request, a webhook or the sweep.
//!
//! Browsers send no trace context, so the click that pays and the click that ordered belong to different traces. The
//! work continues the trace of the order's event, and the two traces link to each other.

use common::Id;
use common::id::kind;
use telemetry::{TraceContext, has_collector};
use tracing::Span;

use super::Settlement;

impl Settlement {
    /// The span for work on the order's payment.
    pub(super) async fn span_of(&self, order: Id<kind::Order>) -> Span {
        let here = Span::current();
        if !has_collector() {
            return here;
        }
        match self.orders.trace_of(order).await {
            Ok(Some(trace)) if !trace.is_in_current_trace() => continued(order, &here, &trace),
            // If the database failed, the next read of the order reports it.
            _ => here,
        }
    }
}

fn continued(order: Id<kind::Order>, here: &Span, trace: &TraceContext) -> Span {
    let span = tracing::info_span!(
        "settle",
        otel.kind = "internal",
        otel.name = "settle payment",
        order.id = %order,
    );
    trace.set_as_parent_of(&span);
    trace.link_from(here);
    if let Some(here) = TraceContext::current() {
        here.link_from(&span);
    }
    span
}
