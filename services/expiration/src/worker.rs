//! Works through the queue, for as long as the process lives.
//!
//! apalis's worker ends at the first failure of Redis. So the work is done in shifts: each has a worker with a name
//! of its own and the upkeep of the queue beside it, ends with the first thing that fails, gives back what its
//! worker held, and is followed by another. When a shift begins the event stream is read for orders without a job, since
//! a Redis that failed may have lost jobs. That may take longer than a shift, and the worker does not wait for it.

mod announce;

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
use announce::{Announcer, announce};

/// How many jobs a worker has in hand at once, waiting for their moment or for the broker. All that it holds, done
/// or not, must stay well below 8,000: a script gives the jobs of a dead worker back in one call.
const IN_HAND: usize = 2_500;

const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOK_FOR_OVERDUE_EVERY: Duration = Duration::from_millis(250);
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// How long jobs in hand may take when the process stops; they publish or give up at once.
const STOP_PATIENCE: Duration = Duration::from_secs(4);

/// A shift that lasted so long was no failed start.
const STEADY: Duration = Duration::from_secs(10);

/// Publishes the end of orders when it has come.
pub(crate) struct Worker {
    queue: JobQueue,
    announcer: Announcer,
    reschedule: Reschedule,
    interruptions: Counter,
    given_up: Counter,
}

/// Why a shift ended before its time.
#[derive(Debug, thiserror::Error)]
enum ShiftError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error("a task of the worker: {0}")]
    Task(#[from] JoinError),
    #[error("the worker ended by itself")]
    Ended,
}

impl Worker {
    /// A worker for this queue, which publishes to this broker, and keeps the queue complete by `reschedule`.
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
            announcer: Announcer::new(queue.clone(), broker, clock),
            queue,
        }
    }

    /// Works until told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        self.announcer = self.announcer.until(stop.clone());
        let mut rescheduling = self.reschedule.spawn();
        let mut delays = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        while !stop.is_cancelled() {
            let began = Instant::now();
            if rescheduling.is_finished() {
                rescheduling = self.reschedule.spawn();
            }
            self.reschedule.wake();
            if let Err(error) = self.shift(&mut rescheduling, &stop).await {
                self.interruptions.increment();
                tracing::warn!(%error, "worker interrupted, starting again");
            }
            if began.elapsed() > STEADY {
                delays.reset();
            }
            stop.run_until_cancelled(sleep(delays.next_delay())).await;
        }
    }

    /// Works until told to stop or until something fails.
    async fn shift(
        &self,
        rescheduling: &mut AbortOnDropHandle<()>,
        stop: &CancellationToken,
    ) -> Result<(), ShiftError> {
        // The worker's first look must not find more than a script can take.
        let Some(promoted) = stop.run_until_cancelled(self.queue.promote_due()).await else {
            return Ok(());
        };
        promoted?;
        let context = WorkerContext::new(&format!("expiration-{:016x}", rand::random::<u64>()));
        let mut worker = AbortOnDropHandle::new(tokio::spawn(self.attend(&context)));
        let mut upkeep = self.upkeep();
        let ended = tokio::select! {
            ended = &mut worker => flatten(ended),
            Some(ended) = upkeep.join_next() => flatten(ended),
            ended = rescheduling => ended.map_err(ShiftError::from),
            () = stop.cancelled() => {
                // An error means that it has not started yet, or has ended.
                let _ = context.stop();
                let ended = timeout(STOP_PATIENCE, &mut worker).await;
                ended.map_or(Ok(()), flatten)
            }
        };
        upkeep.shutdown().await;
        if !worker.is_finished() {
            worker.abort();
            // It has been told twice; how it ended does not matter.
            let _ = worker.await;
        }
        if let Err(error) = self.queue.give_back(&context).await {
            tracing::warn!(%error, "jobs in hand not given back, they return when the heartbeat is missed");
        }
        ended
    }

    /// apalis's worker, under this name.
    fn attend(
        &self,
        context: &WorkerContext,
    ) -> impl Future<Output = Result<(), ShiftError>> + Send + use<> {
        let worker = WorkerBuilder::new(context)
            .backend(self.queue.storage().poll_with_interval(LOOK_EVERY))
            .data(self.announcer.clone())
            .concurrency(IN_HAND)
            .catch_panic()
            .build(announce);
        let context = context.clone();
        let working: BoxFuture<'static, Result<(), WorkerError>> = Box::pin(worker.run());
        async move {
            working.await?;
            if context.is_stopped() {
                Ok(())
            } else {
                Err(ShiftError::Ended)
            }
        }
    }

    /// What goes on beside the worker.
    fn upkeep(&self) -> JoinSet<Result<(), ShiftError>> {
        let mut upkeep = JoinSet::new();
        let queue = self.queue.clone();
        upkeep.spawn(regularly(LOOK_EVERY, move || {
            let queue = queue.clone();
            async move { queue.promote_due().await }
        }));
        let announcer = self.announcer.clone();
        upkeep.spawn(regularly(LOOK_FOR_OVERDUE_EVERY, move || {
            let announcer = announcer.clone();
            async move { announcer.tell_overdue().await }
        }));
        let (queue, counter) = (self.queue.clone(), self.given_up.clone());
        upkeep.spawn(regularly(FORGET_EVERY, move || {
            let (queue, counter) = (queue.clone(), counter.clone());
            async move {
                queue.forget_done().await?;
                let given_up = queue.forget_given_up().await?;
                if given_up > 0 {
                    counter.add(u64::try_from(given_up).unwrap_or(u64::MAX));
                    tracing::error!(given_up, "jobs given up after too many failures");
                }
                Ok(())
            }
        }));
        upkeep
    }
}

async fn regularly<F>(period: Duration, mut work: impl FnMut() -> F) -> Result<(), ShiftError>
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

fn flatten(ended: Result<Result<(), ShiftError>, JoinError>) -> Result<(), ShiftError> {
    ended?
}
