//! The funnel of purchases: from a ticket for sale to a complete order.

use telemetry::declare_metrics;
use telemetry::metrics::Label;

/// Bounds for how long tickets are held, in seconds: up to the quarter of an hour after which an order expires, and what
/// is above it is late.
const HOLD_BOUNDS: &[f64] = &[
    1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 902.0, 960.0, 1_800.0,
];

declare_metrics! {
    pub(crate) section "Orders", "orders";

    ORDERS_PLACED: CounterOf<0> = new(
        "ticketing_orders_placed_total",
        "Orders that were made.",
        &[],
    );
    ORDERS_CONFIRMED: CounterOf<0> = new(
        "ticketing_orders_confirmed_total",
        "Orders whose ticket is known to be reserved for them.",
        &[],
    );
    ORDERS_REJECTED: CounterOf<0> = new(
        "ticketing_orders_rejected_total",
        "Orders that were not made since another held the ticket.",
        &[],
    );
    ORDERS_ENDED: CounterOf<1> = new(
        "ticketing_orders_ended_total",
        "Orders that came to their end: paid, given up by their buyer, expired, or cancelled since the seller withdrew the ticket. A paid one that is refunded counts again.",
        &[Label::one_of("outcome", &["complete", "cancelled", "expired", "refunded", "withdrawn"])],
    );
    ORDER_HOLD_DURATION: HistogramOf<1> = seconds(
        "ticketing_ticket_hold_duration_seconds",
        "How long an order held its ticket until it was sold (`complete`) or released, to within a second.",
        &[Label::one_of("outcome", &["complete", "cancelled", "expired", "withdrawn"])],
        HOLD_BOUNDS,
    );
}
