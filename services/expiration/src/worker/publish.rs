//! Processes a job: waits until the order expires, publishes the event, and completes once the broker has stored it.

use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::Data;
use base::Clock;
use base::backoff::Backoff;
use common::{Event, Timestamp};
use messaging::{Broker, BrokerError, Outgoing};
use telemetry::TraceContext;
use telemetry::metrics::{Counter, Histogram};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::metrics::catalogue::{EXPIRATION_LATENESS, EXPIRATIONS_WITHOUT_JOB};
use crate::queue::{Job, JobQueue, QueueError, QueuedJob};

/// How many events are in flight to the broker at once.
const IN_FLIGHT: usize = 256;

/// How long to wait for the broker's acknowledgement. A broker that restarts loses what was in flight. The timeout is
/// shorter than the client's own: a repeat does no harm, since both have the same message id, but waiting makes an
/// expiration late.
const ACK_TIMEOUT: Duration = Duration::from_secs(1);

/// How long after its expiry an order is published without its job. Orders count as overdue after two seconds.
const JOB_GRACE: Duration = Duration::from_secs(1);

/// Publishes expirations.
#[derive(Clone)]
pub(crate) struct Publisher {
    queue: JobQueue,
    broker: Broker,
    clock: Clock,
    in_flight: Arc<Semaphore>,
    lateness: Histogram,
    without_job: Counter,
    stop: CancellationToken,
}

/// The process is stopping. The job stays in the queue.
#[derive(Debug, thiserror::Error)]
#[error("the process is stopping")]
pub(crate) struct Stopped;

/// The handler that apalis's worker calls for each job.
pub(crate) async fn process_job(
    queued: QueuedJob,
    publisher: Data<Publisher>,
) -> Result<(), Stopped> {
    let work = async {
        publisher.wait_until(queued.job.expires_at).await;
        let span = queued.process_span();
        publisher.publish(queued.job).instrument(span).await;
    };
    let done = publisher.stop.run_until_cancelled(work).await;
    done.ok_or(Stopped)
}

impl Publisher {
    pub(super) fn new(queue: JobQueue, broker: Broker, clock: Clock) -> Self {
        let metrics = broker.metrics();
        Self {
            lateness: metrics.histogram(&EXPIRATION_LATENESS),
            without_job: metrics.counter(&EXPIRATIONS_WITHOUT_JOB),
            queue,
            broker,
            clock,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            stop: CancellationToken::new(),
        }
    }

    /// Stops processing jobs when `stop` is cancelled.
    pub(super) fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    async fn wait_until(&self, time: Timestamp) {
        loop {
            let left = time.since(self.clock.now());
            if left.is_zero() {
                return;
            }
            // Sleeps in short steps, since the clock may be adjusted.
            sleep(left.min(Duration::from_secs(1))).await;
        }
    }

    /// Publishes the expirations whose jobs were lost or did not run in time.
    pub(super) async fn publish_overdue(&self) -> Result<(), QueueError> {
        let since = self.clock.now().minus(JOB_GRACE);
        for job in self.queue.overdue(since).await? {
            tracing::warn!(order.id = %job.order_id, order.expires_at = %job.expires_at, "expiration overdue, publishing without its job");
            self.without_job.increment();
            let span = QueuedJob::from(job).process_span();
            self.publish(job).instrument(span).await;
        }
        Ok(())
    }

    /// Publishes the expiration, with retries until it succeeds, and records that.
    async fn publish(&self, job: Job) {
        self.publish_with_retries(job).await;
        let late = self.clock.now().since(job.expires_at);
        self.lateness.observe(late);
        if let Err(error) = self.queue.mark_published(&job).await {
            // It will be published once more, which has no effect.
            tracing::debug!(%error, order.id = %job.order_id, "publication not recorded");
        }
    }

    async fn publish_with_retries(&self, job: Job) {
        // All attempts have the same id. The broker drops duplicates within its window, and a later one finds an order
        // that has already ended.
        let id = format!("expiration-{}", job.order_id);
        let message = Outgoing::new(id, &Event::ExpirationComplete(job), job.expires_at)
            .caused_by(TraceContext::current());
        let mut delays = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        while let Err(error) = self.try_publish(&message).await {
            tracing::warn!(event.id = message.id, %error, "expiration not published, retrying");
            sleep(delays.next_delay()).await;
        }
        tracing::info!(event.id = message.id, event.subject = %message.subject, "event published");
    }

    async fn try_publish(&self, message: &Outgoing) -> Result<(), BrokerError> {
        let permit = self.in_flight.acquire().await;
        let _permit = permit.expect("the semaphore is never closed");
        timeout(ACK_TIMEOUT, self.broker.publish(message))
            .await
            .unwrap_or(Err(BrokerError::Timeout))
    }
}
