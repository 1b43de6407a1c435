//! Events from the write that made them to their effects, and the streams that browsers watch.

use common::Subject;
use telemetry::declare_metrics;
use telemetry::metrics::{DURATION_BOUNDS, Label, Unit};

/// Bounds for how far behind something is, in seconds: milliseconds as a rule, minutes after an outage. Two seconds and
/// ten are what the invariants allow.
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
const CONSUMER: Label = Label::bounded("consumer", "the queue groups, as `orders-service`");
const OUTBOX: Label = Label::bounded("collection", "the collections with outboxes");

declare_metrics! {
    pub(crate) section "Events", "tickets, orders, payments and expiration; what is about outboxes not by expiration, what is about live feeds by tickets and orders";

    MESSAGING_PROCESS_DURATION: HistogramOf<3> = seconds(
        "messaging_process_duration_seconds",
        "How long a delivery was in hand, from its arrival to its acknowledgement; `error_type` is empty where the effect is durable.",
        &[
            Label::bounded("messaging_consumer_group_name", "the queue groups, as `orders-service`"),
            DESTINATION,
            Label::one_of("error_type", &["", "retry", "unavailable", "fatal", "unreadable", "acknowledgement"]),
        ],
        DURATION_BOUNDS,
    ).fixed(&[("messaging_system", "nats"), ("messaging_operation_name", "process")]);
    MESSAGING_PUBLISH_DURATION: HistogramOf<2> = seconds(
        "messaging_client_operation_duration_seconds",
        "How long the broker took to acknowledge an event that was published.",
        &[DESTINATION, Label::one_of("error_type", &["", "timeout", "error"])],
        DURATION_BOUNDS,
    ).fixed(&[("messaging_system", "nats"), ("messaging_operation_name", "publish")]);
    EVENT_PUBLISH_LAG: HistogramOf<1> = seconds(
        "ticketing_event_publish_lag_seconds",
        "From the write that made an event to the broker's acknowledgement.",
        &[SUBJECT],
        LAG_BOUNDS,
    );
    EVENT_APPLY_LAG: HistogramOf<2> = seconds(
        "ticketing_event_apply_lag_seconds",
        "From the write that made an event to its durable effect at a consumer.",
        &[CONSUMER, SUBJECT],
        LAG_BOUNDS,
    );
    OUTBOX_DOCUMENTS: GaugeOf<1> = new(
        "ticketing_outbox_documents",
        "Documents with events that are not published yet and can be; counted up to 10,000, seen by each process of the service.",
        &[OUTBOX],
    );
    OUTBOX_UNPUBLISHABLE: GaugeOf<1> = new(
        "ticketing_outbox_unpublishable_documents",
        "Documents with events that this release cannot publish and that have waited for 30 s: their subject is unknown to it, or they are damaged. Counted up to 10,000.",
        &[OUTBOX],
    );
    OUTBOX_OLDEST_AGE: GaugeOf<1> = new(
        "ticketing_outbox_oldest_age_seconds",
        "How long the oldest event that can be published has waited; 0 if none waits.",
        &[OUTBOX],
    ).unit(Unit::Seconds);
    REDELIVERIES: CounterOf<2> = new(
        "ticketing_event_redeliveries_total",
        "Deliveries of an event that was delivered before.",
        &[CONSUMER, SUBJECT],
    );
    DEAD_LETTERS: CounterOf<2> = new(
        "ticketing_dead_letters_total",
        "Events given up and kept in the dead-letter stream.",
        &[CONSUMER, Label::one_of("reason", &["unreadable", "out_of_tries", "not_survived", "fatal"])],
    );
    REEMISSIONS: CounterOf<1> = new(
        "ticketing_reemissions_total",
        "Times that the state of everything owned was told again.",
        &[Label::one_of("reason", &["new_stream", "lost_tail", "lost_gap", "by_hand"])],
    );
    REEMITTED_EVENTS: CounterOf<0> = new(
        "ticketing_reemitted_events_total",
        "Events told by re-emissions that finished.",
        &[],
    );
    BROKER_CONNECTED: GaugeOf<0> = new(
        "ticketing_broker_connected",
        "Whether the connection to the broker stands: 1 or 0.",
        &[],
    );
    CONSUMER_INTERRUPTIONS: CounterOf<1> = new(
        "ticketing_consumer_interruptions_total",
        "Subscriptions that broke and were made again.",
        &[CONSUMER],
    );
    FEED_LAG: HistogramOf<0> = seconds(
        "ticketing_feed_lag_seconds",
        "From the broker's acknowledgement of an event to the moment at which the watchers of the live feed are told, once the feed has caught up.",
        &[],
        LAG_BOUNDS,
    );
    FEED_RESETS: CounterOf<0> = new(
        "ticketing_feed_resets_total",
        "Watchers of the live feed that were told to look for themselves, since what they missed was not in the window.",
        &[],
    );
    FEED_INTERRUPTIONS: CounterOf<0> = new(
        "ticketing_feed_interruptions_total",
        "Times that reading the live feed broke off and began again.",
        &[],
    );
}
