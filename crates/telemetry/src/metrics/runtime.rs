//! Metrics of the tokio runtime, from the stable part of its interface.

use std::time::Duration;

use tokio::runtime::Handle;

use super::catalogue::{TOKIO_ALIVE_TASKS, TOKIO_BUSY, TOKIO_GLOBAL_QUEUE, TOKIO_WORKERS};
use super::registry::Metrics;

/// Measures the runtime in which the scrape runs.
pub(super) fn measure(metrics: &Metrics) {
    let workers = metrics.gauge(&TOKIO_WORKERS);
    let tasks = metrics.gauge(&TOKIO_ALIVE_TASKS);
    let queue = metrics.gauge(&TOKIO_GLOBAL_QUEUE);
    let busy = metrics.counter(&TOKIO_BUSY);
    metrics.on_scrape(move || {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let runtime = runtime.metrics();
        workers.set_number(runtime.num_workers());
        tasks.set_number(runtime.num_alive_tasks());
        queue.set_number(runtime.global_queue_depth());
        let busy_time: Duration = (0..runtime.num_workers())
            .map(|worker| runtime.worker_total_busy_duration(worker))
            .sum();
        busy.advance_to(busy_time.as_secs_f64());
    });
}
