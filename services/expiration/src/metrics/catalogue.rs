//! The declarations of the expiration service's metrics.

use telemetry::declare_metrics;

/// Bounds for how late expirations are published, in seconds. Up to two seconds are allowed.
const LATENESS_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0,
];

declare_metrics! {
    pub(crate) section "Expiration", "expiration";

    EXPIRATIONS_SCHEDULED: GaugeOf<0> = new(
        "ticketing_expirations_scheduled",
        "Orders whose expiration is not published yet. Every process reports the same number.",
        &[],
    );
    EXPIRATION_JOBS: GaugeOf<0> = new(
        "ticketing_expiration_jobs",
        "Jobs in the queue, in any state. Every process reports the same number.",
        &[],
    );
    EXPIRATION_LATENESS: HistogramOf<0> = seconds(
        "ticketing_expiration_lateness_seconds",
        "Time from an order's deadline to the broker's acknowledgement of its expiration event.",
        &[],
        LATENESS_BOUNDS,
    );
    EXPIRATIONS_WITHOUT_JOB: CounterOf<0> = new(
        "ticketing_expirations_told_beside_job_total",
        "Expirations that were published without their job because it was late.",
        &[],
    );
    EXPIRATION_JOBS_GIVEN_UP: CounterOf<0> = new(
        "ticketing_expiration_jobs_given_up_total",
        "Jobs that failed too many times.",
        &[],
    );
    EXPIRATION_WORKER_INTERRUPTIONS: CounterOf<0> = new(
        "ticketing_expiration_worker_interruptions_total",
        "Times that the worker failed and was restarted.",
        &[],
    );
    EXPIRATION_HISTORY_EVENTS: CounterOf<0> = new(
        "ticketing_expiration_history_events_total",
        "Events read from the stream to find open orders without a job: all events at the first start and after Redis lost its data, otherwise only new ones.",
        &[],
    );
}
