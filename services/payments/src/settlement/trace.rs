//! A payment is part of its order's trace, whoever drives it on: the buyer's request, Stripe's webhook or the sweep.
//!
//! A browser says nothing of traces, so that the click that pays begins another one than the click that ordered. What is
//! done about the payment goes on from where the order was told of, and each of the two traces refers to the other.

use common::Id;
use common::id::kind;
use telemetry::{TraceContext, has_collector};
use tracing::Span;

use super::Settlement;

impl Settlement {
    /// The span in which to drive the order's payment on.
    pub(super) async fn span_of(&self, order: Id<kind::Order>) -> Span {
        let here = Span::current();
        if !has_collector() {
            return here;
        }
        match self.orders.told(order).await {
            Ok(Some(told)) if !told.is_in_current_trace() => continued(order, &here, &told),
            // Whoever reads the order next meets what is wrong with the database.
            _ => here,
        }
    }
}

fn continued(order: Id<kind::Order>, here: &Span, told: &TraceContext) -> Span {
    let span = tracing::info_span!(
        "settle",
        otel.kind = "internal",
        otel.name = "settle payment",
        order.id = %order,
    );
    told.caused(&span);
    told.is_linked_from(here);
    if let Some(here) = TraceContext::current() {
        here.is_linked_from(&span);
    }
    span
}
