//! The declarations of the orders service's metrics.

use telemetry::declare_metrics;
use telemetry::metrics::Label;

/// Bounds for the time that tickets are held, in seconds. An order expires after 900 seconds; longer times are late.
const HOLD_BOUNDS: &[f64] = &[
    1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 902.0, 960.0, 1_800.0,
];

declare_metrics! {
    pub(crate) section "Orders", "orders";

    ORDERS_PLACED: CounterOf<0> = new(
        "ticketing_orders_placed_total",
        "Orders that were created.",
        &[],
    );
    ORDERS_CONFIRMED: CounterOf<0> = new(
        "ticketing_orders_confirmed_total",
        "Orders whose ticket was reserved for them.",
        &[],
    );
    ORDERS_REJECTED: CounterOf<0> = new(
        "ticketing_orders_rejected_total",
        "Orders that were refused because another order held the ticket.",
        &[],
    );
    ORDERS_ENDED: CounterOf<1> = new(
        "ticketing_orders_ended_total",
        "Orders that ended: paid (`complete`), cancelled by their buyer, expired, or cancelled because the seller withdrew the ticket. A paid order that is refunded counts again.",
        &[Label::one_of("outcome", &["complete", "cancelled", "expired", "refunded", "withdrawn"])],
    );
    ORDER_HOLD_DURATION: HistogramOf<1> = seconds(
        "ticketing_ticket_hold_duration_seconds",
        "How long an order held its ticket until the ticket was sold (`complete`) or released; accurate to a second.",
        &[Label::one_of("outcome", &["complete", "cancelled", "expired", "withdrawn"])],
        HOLD_BOUNDS,
    );
}
