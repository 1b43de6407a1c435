//! The declarations of the messaging metrics.

use common::Subject;
use telemetry::declare_metrics;
use telemetry::metrics::{DURATION_BOUNDS, Label, Unit};

/// Bounds for lags, in seconds: usually milliseconds, minutes after an outage. The invariants allow two and ten
/// seconds.
const LAG_BOUNDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0,
];

/// All subjects, and `other` for messages with an unknown one.
const SUBJECT_NAMES: &[&str] = &{
    let mut names = ["other"; Subject::ALL.len() + 1];
    let mut index = 0;
    while index < Subject::ALL.len() {
        names[index] = Subject::ALL[index].as_str();
        index += 1;
    }
    names
};

const SUBJECT: Label = Label::one_of("subject", SUBJECT_NAMES);
const DESTINATION: Label = Label::one_of("messaging_destination_name", SUBJECT_NAMES);
const CONSUMER: Label = Label::bounded("consumer", "the queue groups, such as `orders-service`");
const OUTBOX: Label = Label::bounded("collection", "the collections with outboxes");

declare_metrics! {
    pub(crate) section "Events", "tickets, orders, payments and expiration; outbox metrics not by expiration, feed metrics only by tickets and orders";

    MESSAGING_PROCESS_DURATION: HistogramOf<3> = seconds(
        "messaging_process_duration_seconds",
        "Time from a delivery's arrival to its acknowledgement. `error_type` is empty if the effect is durable.",
        &[
            Label::bounded("messaging_consumer_group_name", "the queue groups, such as `orders-service`"),
            DESTINATION,
            Label::one_of("error_type", &["", "retry", "unavailable", "fatal", "unreadable", "acknowledgement"]),
        ],
        DURATION_BOUNDS,
    ).fixed(&[("messaging_system", "nats"), ("messaging_operation_name", "process")]);
    MESSAGING_PUBLISH_DURATION: HistogramOf<2> = seconds(
        "messaging_client_operation_duration_seconds",
        "Time until the broker acknowledged a published event.",
        &[DESTINATION, Label::one_of("error_type", &["", "timeout", "error"])],
        DURATION_BOUNDS,
    ).fixed(&[("messaging_system", "nats"), ("messaging_operation_name", "publish")]);
    EVENT_PUBLISH_LAG: HistogramOf<1> = seconds(
        "ticketing_event_publish_lag_seconds",
        "Time from the write of an event to the broker's acknowledgement.",
        &[SUBJECT],
        LAG_BOUNDS,
    );
    EVENT_APPLY_LAG: HistogramOf<2> = seconds(
        "ticketing_event_apply_lag_seconds",
        "Time from the write of an event to its durable effect at a consumer.",
        &[CONSUMER, SUBJECT],
        LAG_BOUNDS,
    );
    OUTBOX_DOCUMENTS: GaugeOf<1> = new(
        "ticketing_outbox_documents",
        "Documents with unpublished events that this release can publish, counted up to 10,000. Every process of a service reports the same number.",
        &[OUTBOX],
    );
    OUTBOX_UNPUBLISHABLE: GaugeOf<1> = new(
        "ticketing_outbox_unpublishable_documents",
        "Documents with events that have waited for 30 s and that this release cannot publish, because their subject is unknown or they are damaged. Counted up to 10,000.",
        &[OUTBOX],
    );
    OUTBOX_OLDEST_AGE: GaugeOf<1> = new(
        "ticketing_outbox_oldest_age_seconds",
        "Age of the oldest unpublished event that this release can publish; 0 if there is none.",
        &[OUTBOX],
    ).unit(Unit::Seconds);
    REDELIVERIES: CounterOf<2> = new(
        "ticketing_event_redeliveries_total",
        "Repeated deliveries of an event.",
        &[CONSUMER, SUBJECT],
    );
    DEAD_LETTERS: CounterOf<2> = new(
        "ticketing_dead_letters_total",
        "Events moved to the dead-letter stream.",
        &[CONSUMER, Label::one_of("reason", &["unreadable", "out_of_tries", "not_survived", "fatal"])],
    );
    REEMISSIONS: CounterOf<1> = new(
        "ticketing_reemissions_total",
        "Times that the service published the state of everything it owns again.",
        &[Label::one_of("reason", &["new_stream", "lost_tail", "lost_gap", "by_hand"])],
    );
    REEMITTED_EVENTS: CounterOf<0> = new(
        "ticketing_reemitted_events_total",
        "Events published by completed re-emissions.",
        &[],
    );
    BROKER_CONNECTED: GaugeOf<0> = new(
        "ticketing_broker_connected",
        "1 while connected to the broker, otherwise 0.",
        &[],
    );
    CONSUMER_INTERRUPTIONS: CounterOf<1> = new(
        "ticketing_consumer_interruptions_total",
        "Subscriptions that were interrupted and created again.",
        &[CONSUMER],
    );
    FEED_LAG: HistogramOf<0> = seconds(
        "ticketing_feed_lag_seconds",
        "Time from the broker's acknowledgement of an event until the live feed passes it to its clients, once the feed has caught up.",
        &[],
        LAG_BOUNDS,
    );
    FEED_RESETS: CounterOf<0> = new(
        "ticketing_feed_resets_total",
        "Clients of the live feed that had to reload, because the events that they missed were no longer buffered.",
        &[],
    );
    FEED_INTERRUPTIONS: CounterOf<0> = new(
        "ticketing_feed_interruptions_total",
        "Times that reading the live feed was interrupted and restarted.",
        &[],
    );
}
