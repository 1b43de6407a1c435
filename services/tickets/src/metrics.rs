//! The metrics of the tickets service.

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
        "Tickets whose title or price was changed.",
        &[],
    );
    TICKETS_WITHDRAWN: CounterOf<0> = new(
        "ticketing_tickets_withdrawn_total",
        "Tickets that their sellers took off sale.",
        &[],
    );
    TICKETS_HELD: CounterOf<0> = new(
        "ticketing_tickets_held_total",
        "Times that a ticket was reserved for an order, as the tickets service has it.",
        &[],
    );
    TICKETS_RELEASED: CounterOf<0> = new(
        "ticketing_tickets_released_total",
        "Times that a reserved ticket became free again, as the tickets service has it.",
        &[],
    );
}
