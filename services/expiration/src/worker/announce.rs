//! A job: waits for the very moment, then tells the fleet, and is done once the broker has it on file.

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

use crate::metrics::catalogue::{EXPIRATION_LATENESS, EXPIRATIONS_BESIDE_JOB};
use crate::queue::{Job, JobQueue, QueueError, QueuedJob};

/// How many events are on their way to the broker at once.
const IN_FLIGHT: usize = 256;

/// A broker that restarts swallows what was on its way. Shorter than the client's own patience: an expiration that
/// is sent twice is one, by its message id, and one that waits is late.
const ANSWER_WAIT: Duration = Duration::from_secs(1);

/// How long after its time an order is told of beside its job; well within the two seconds that it may live on.
const LATE: Duration = Duration::from_secs(1);

/// Publishes expirations.
#[derive(Clone)]
pub(crate) struct Announcer {
    queue: JobQueue,
    broker: Broker,
    clock: Clock,
    places: Arc<Semaphore>,
    lateness: Histogram,
    beside_job: Counter,
    stop: CancellationToken,
}

/// The process was told to stop; the job stays in the queue.
#[derive(Debug, thiserror::Error)]
#[error("told to stop")]
pub(crate) struct Stopped;

/// What apalis's worker does with each job.
pub(crate) async fn announce(queued: QueuedJob, announcer: Data<Announcer>) -> Result<(), Stopped> {
    let work = async {
        announcer.wait_until(queued.job.expires_at).await;
        announcer.tell(queued.job).instrument(queued.firing()).await;
    };
    let done = announcer.stop.run_until_cancelled(work).await;
    done.ok_or(Stopped)
}

impl Announcer {
    /// An announcer to this broker of what is in this queue.
    pub(super) fn new(queue: JobQueue, broker: Broker, clock: Clock) -> Self {
        let metrics = broker.metrics();
        Self {
            lateness: metrics.histogram(&EXPIRATION_LATENESS),
            beside_job: metrics.counter(&EXPIRATIONS_BESIDE_JOB),
            queue,
            broker,
            clock,
            places: Arc::new(Semaphore::new(IN_FLIGHT)),
            stop: CancellationToken::new(),
        }
    }

    /// The same, which lets go of its jobs when told to stop.
    pub(super) fn until(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    async fn wait_until(&self, moment: Timestamp) {
        loop {
            let left = moment.since(self.clock.now());
            if left.is_zero() {
                return;
            }
            // The clock may be set while we wait, so it is asked again now and then.
            sleep(left.min(Duration::from_secs(1))).await;
        }
    }

    /// Tells of what nobody told of in time, although there was, or should have been, a job for it.
    pub(super) async fn tell_overdue(&self) -> Result<(), QueueError> {
        let late = self.clock.now().minus(LATE);
        for job in self.queue.overdue(late).await? {
            tracing::warn!(order.id = %job.order_id, order.expires_at = %job.expires_at, "an order's time is over and nobody said so");
            self.beside_job.increment();
            let span = QueuedJob::from(job).firing();
            self.tell(job).instrument(span).await;
        }
        Ok(())
    }

    /// Publishes, however long the broker is away, and takes note of it.
    async fn tell(&self, job: Job) {
        self.publish(job).await;
        let late = self.clock.now().since(job.expires_at);
        self.lateness.observe(late);
        if let Err(error) = self.queue.told(&job).await {
            // It will be told of once more, which changes nothing.
            tracing::debug!(%error, order.id = %job.order_id, "not noted that it was told of");
        }
    }

    async fn publish(&self, job: Job) {
        // The same id for every try: within its deduplication window the broker keeps one of them, and later ones
        // find an order that has ended.
        let id = format!("expiration-{}", job.order_id);
        let message = Outgoing::new(id, &Event::ExpirationComplete(job), job.expires_at)
            .caused_by(TraceContext::current());
        let mut delays = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        while let Err(error) = self.try_publish(&message).await {
            tracing::warn!(event.id = message.id, %error, "not published yet");
            sleep(delays.next_delay()).await;
        }
        tracing::info!(event.id = message.id, event.subject = %message.subject, "event published");
    }

    async fn try_publish(&self, message: &Outgoing) -> Result<(), BrokerError> {
        let place = self.places.acquire().await;
        let _place = place.expect("the semaphore is never closed");
        timeout(ANSWER_WAIT, self.broker.publish(message))
            .await
            .unwrap_or(Err(BrokerError::Timeout))
    }
}
