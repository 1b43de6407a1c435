//! The gauges of the queue.

pub(crate) mod catalogue;

use telemetry::metrics::Metrics;

use crate::queue::JobQueue;
use catalogue::{EXPIRATION_JOBS, EXPIRATIONS_SCHEDULED};

/// Counts the queue's jobs on each scrape.
pub(crate) fn register(queue: &JobQueue, metrics: &Metrics) {
    let scheduled = metrics.gauge(&EXPIRATIONS_SCHEDULED);
    let jobs = metrics.gauge(&EXPIRATION_JOBS);
    let queue = queue.clone();
    metrics.sample(move || {
        let (scheduled, jobs, queue) = (scheduled.clone(), jobs.clone(), queue.clone());
        async move {
            match tokio::try_join!(queue.pending(), queue.count()) {
                Ok((pending, count)) => {
                    scheduled.set_number(pending);
                    jobs.set_number(count);
                }
                Err(error) => {
                    tracing::debug!(%error, "jobs not counted");
                    scheduled.set_unknown();
                    jobs.set_unknown();
                }
            }
        }
    });
}
