//! What is measured of expirations.

pub(crate) mod catalogue;

use telemetry::metrics::Metrics;

use crate::queue::JobQueue;
use catalogue::{EXPIRATION_JOBS, EXPIRATIONS_SCHEDULED};

/// Lets the queue be asked how much is in it when metrics are read.
pub(crate) fn measure(queue: &JobQueue, metrics: &Metrics) {
    let scheduled = metrics.gauge(&EXPIRATIONS_SCHEDULED);
    let jobs = metrics.gauge(&EXPIRATION_JOBS);
    let queue = queue.clone();
    metrics.sample(move || {
        let (scheduled, jobs, queue) = (scheduled.clone(), jobs.clone(), queue.clone());
        async move {
            match tokio::try_join!(queue.untold(), queue.count()) {
                Ok((untold, count)) => {
                    scheduled.set_number(untold);
                    jobs.set_number(count);
                }
                Err(error) => {
                    tracing::debug!(%error, "the queue's jobs were not counted");
                    scheduled.set_unknown();
                    jobs.set_unknown();
                }
            }
        }
    });
}
