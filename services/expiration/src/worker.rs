//! Processes the queue for the lifetime of the process.
//!
//! apalis's worker ends at the first failure of Redis. So this worker runs in sessions. A session starts an apalis
//! worker with a new name and the maintenance of the queue, ends when anything fails, releases its jobs, and is
//! followed by the next session. Each session start triggers a reading of the event stream, since a failed Redis may
//! have lost jobs. The reading is a task of its own that may outlast the session.

mod publish;

use std::time::Duration;

use apalis::prelude::{BackendExt, WorkerBuilder, WorkerBuilderExt, WorkerContext, WorkerError};
use base::Clock;
use base::backoff::Backoff;
use futures::future::BoxFuture;
use messaging::Broker;
use telemetry::metrics::Counter;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::metrics::catalogue::{EXPIRATION_JOBS_GIVEN_UP, EXPIRATION_WORKER_INTERRUPTIONS};
use crate::queue::{JobQueue, QueueError};
use crate::reschedule::Reschedule;
use publish::{Publisher, process_job};

/// How many jobs a worker processes concurrently; most wait for their exact time or for the broker. All jobs that a
/// worker holds must stay well below 8,000, since one script call releases those of a dead worker.
const CONCURRENCY: usize = 2_500;

const POLL_INTERVAL: Duration = Duration::from_millis(100);
const OVERDUE_INTERVAL: Duration = Duration::from_millis(250);
const CLEANUP_INTERVAL: Duration = Duration::from_secs(1);

/// How long running jobs may take at shutdown. They publish or give up at once.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// After a session of this length the restart delay is reset.
const STABLE_SESSION: Duration = Duration::from_secs(10);

/// Publishes the expirations of orders when they are due.
pub(crate) struct Worker {
    queue: JobQueue,
    publisher: Publisher,
    reschedule: Reschedule,
    interruptions: Counter,
    given_up: Counter,
}

/// Why a session failed.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error("a task of the worker: {0}")]
    Task(#[from] JoinError),
    #[error("the worker ended unexpectedly")]
    Ended,
}

impl Worker {
    /// A worker that processes this queue, publishes to this broker, and uses `reschedule` to recreate lost jobs.
    pub(crate) fn new(
        queue: JobQueue,
        broker: Broker,
        reschedule: Reschedule,
        clock: Clock,
    ) -> Self {
        Self {
            interruptions: broker.metrics().counter(&EXPIRATION_WORKER_INTERRUPTIONS),
            given_up: broker.metrics().counter(&EXPIRATION_JOBS_GIVEN_UP),
            reschedule,
            publisher: Publisher::new(queue.clone(), broker, clock),
            queue,
        }
    }

    /// Runs sessions until `stop` is cancelled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        self.publisher = self.publisher.until(stop.clone());
        let mut rescheduling = self.reschedule.spawn();
        let mut delays = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        while !stop.is_cancelled() {
            let start = Instant::now();
            if rescheduling.is_finished() {
                rescheduling = self.reschedule.spawn();
            }
            self.reschedule.wake();
            if let Err(error) = self.session(&mut rescheduling, &stop).await {
                self.interruptions.increment();
                tracing::warn!(%error, "worker interrupted, starting again");
            }
            if start.elapsed() > STABLE_SESSION {
                delays.reset();
            }
            stop.run_until_cancelled(sleep(delays.next_delay())).await;
        }
    }

    /// Runs until `stop` is cancelled or something fails.
    async fn session(
        &self,
        rescheduling: &mut AbortOnDropHandle<()>,
        stop: &CancellationToken,
    ) -> Result<(), SessionError> {
        // Otherwise the worker's first poll could find more due jobs than a script can handle.
        let Some(promoted) = stop.run_until_cancelled(self.queue.promote_due()).await else {
            return Ok(());
        };
        promoted?;
        let context = WorkerContext::new(&format!("expiration-{:016x}", rand::random::<u64>()));
        let mut worker = AbortOnDropHandle::new(tokio::spawn(self.apalis_worker(&context)));
        let mut maintenance = self.maintenance();
        let outcome = tokio::select! {
            ended = &mut worker => flatten(ended),
            Some(ended) = maintenance.join_next() => flatten(ended),
            ended = rescheduling => ended.map_err(SessionError::from),
            () = stop.cancelled() => {
                // An error means that it has not started or has already ended.
                let _ = context.stop();
                let ended = timeout(STOP_TIMEOUT, &mut worker).await;
                ended.map_or(Ok(()), flatten)
            }
        };
        maintenance.shutdown().await;
        if !worker.is_finished() {
            worker.abort();
            // Wait for the end of the aborted task; its result does not matter.
            let _ = worker.await;
        }
        if let Err(error) = self.queue.release(&context).await {
            tracing::warn!(%error, "jobs not released, another worker takes over after the missed heartbeats");
        }
        outcome
    }

    /// The apalis worker of a session.
    fn apalis_worker(
        &self,
        context: &WorkerContext,
    ) -> impl Future<Output = Result<(), SessionError>> + Send + use<> {
        let worker = WorkerBuilder::new(context)
            .backend(self.queue.storage().poll_with_interval(POLL_INTERVAL))
            .data(self.publisher.clone())
            .concurrency(CONCURRENCY)
            .catch_panic()
            .build(process_job);
        let context = context.clone();
        let run: BoxFuture<'static, Result<(), WorkerError>> = Box::pin(worker.run());
        async move {
            run.await?;
            if context.is_stopped() {
                Ok(())
            } else {
                Err(SessionError::Ended)
            }
        }
    }

    /// The periodic tasks of a session.
    fn maintenance(&self) -> JoinSet<Result<(), SessionError>> {
        let mut tasks = JoinSet::new();
        let queue = self.queue.clone();
        tasks.spawn(regularly(POLL_INTERVAL, move || {
            let queue = queue.clone();
            async move { queue.promote_due().await }
        }));
        let publisher = self.publisher.clone();
        tasks.spawn(regularly(OVERDUE_INTERVAL, move || {
            let publisher = publisher.clone();
            async move { publisher.publish_overdue().await }
        }));
        let (queue, counter) = (self.queue.clone(), self.given_up.clone());
        tasks.spawn(regularly(CLEANUP_INTERVAL, move || {
            let (queue, counter) = (queue.clone(), counter.clone());
            async move {
                queue.delete_done().await?;
                let given_up = queue.delete_given_up().await?;
                if given_up > 0 {
                    counter.add(u64::try_from(given_up).unwrap_or(u64::MAX));
                    tracing::error!(given_up, "jobs given up after too many failures");
                }
                Ok(())
            }
        }));
        tasks
    }
}

async fn regularly<F>(period: Duration, mut work: impl FnMut() -> F) -> Result<(), SessionError>
where
    F: Future<Output = Result<(), QueueError>>,
{
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work().await?;
    }
}

fn flatten(ended: Result<Result<(), SessionError>, JoinError>) -> Result<(), SessionError> {
    ended?
}
