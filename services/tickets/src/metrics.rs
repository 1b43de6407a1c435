//! The declarations of the tickets service's metrics.

use telemetry::declare_metrics;

declare_metrics! {
    pub(crate) section "Tickets", "tickets";

    TICKETS_CREATED: CounterOf<0> = new(
        "ticketing_tickets_created_total",
        "Tickets put up for sale.",
        &[],
    );
    TICKETS_EDITED: CounterOf<0> = new(
        "ticketing_tickets_edited_total",
        "Changes of tickets' titles and prices.",
        &[],
    );
    TICKETS_WITHDRAWN: CounterOf<0> = new(
        "ticketing_tickets_withdrawn_total",
        "Tickets that their sellers withdrew.",
        &[],
    );
    TICKETS_HELD: CounterOf<0> = new(
        "ticketing_tickets_held_total",
        "Times that the tickets service reserved a ticket for an order.",
        &[],
    );
    TICKETS_RELEASED: CounterOf<0> = new(
        "ticketing_tickets_released_total",
        "Times that the tickets service released a reserved ticket.",
        &[],
    );
}
