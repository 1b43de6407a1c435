//! The end of an order's time.

use telemetry::declare_metrics;

/// Bounds for how late an order's end was told of, in seconds. Two are what an order may live on.
const LATENESS_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0,
];

declare_metrics! {
    pub(crate) section "Expiration", "expiration";

    EXPIRATIONS_SCHEDULED: GaugeOf<0> = new(
        "ticketing_expirations_scheduled",
        "Orders whose end is still to be told of; seen by each process.",
        &[],
    );
    EXPIRATION_JOBS: GaugeOf<0> = new(
        "ticketing_expiration_jobs",
        "Jobs in the queue, in whatever state; seen by each process.",
        &[],
    );
    EXPIRATION_LATENESS: HistogramOf<0> = seconds(
        "ticketing_expiration_lateness_seconds",
        "From the end of an order's time to the broker's acknowledgement of the event that tells of it.",
        &[],
        LATENESS_BOUNDS,
    );
    EXPIRATIONS_BESIDE_JOB: CounterOf<0> = new(
        "ticketing_expirations_told_beside_job_total",
        "Ends that no job told of in time, and that were told of beside it.",
        &[],
    );
    EXPIRATION_JOBS_GIVEN_UP: CounterOf<0> = new(
        "ticketing_expiration_jobs_given_up_total",
        "Jobs that failed too often.",
        &[],
    );
    EXPIRATION_WORKER_INTERRUPTIONS: CounterOf<0> = new(
        "ticketing_expiration_worker_interruptions_total",
        "Shifts of the worker that ended with a failure and were followed by another.",
        &[],
    );
    EXPIRATION_HISTORY_EVENTS: CounterOf<0> = new(
        "ticketing_expiration_history_events_total",
        "Events of the stream that were read to find open orders without a job. All of them at the first start and after Redis was emptied, otherwise what is new.",
        &[],
    );
}
