//! Recreates jobs that Redis may have lost: one for each open order in the event stream.
//!
//! Usually only new events are read, since Redis stores how far the stream was read ([`Checkpoint`]) and loses that
//! only together with the jobs. After Redis was emptied the whole stream is read, which may be millions of events: the
//! latest first, which contain nearly all open orders, and in bounded memory ([`OpenOrders`]).
//!
//! Orders of late events get their jobs here too ([`Progress`]). Most of these orders have ended in the meantime, which
//! only the history shows, so a job for each of them would publish many expirations without effect.

mod history;
mod progress;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use base::backoff::Backoff;
use common::{Event, Subject};
use messaging::{Broker, Position};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::domain::{OpenOrders, Share};
use crate::queue::{Checkpoint, JobQueue, QueueError};
use history::{History, HistoryError};
pub(crate) use progress::Progress;

/// The events that open or end an order.
pub(crate) const SUBJECTS: &[Subject] = &[
    Subject::OrderCreated,
    Subject::OrderCancelled,
    Subject::PaymentCreated,
    Subject::ExpirationComplete,
];

/// How many of the latest events are read first. Older orders get their jobs after the whole history was read.
const LATEST: u64 = 100_000;

/// How many open orders are tracked at once, in about 25 MB.
const MAX_OPEN: usize = 900_000;

/// The shortest pause between two readings of the history, when events are late.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause, which bounds what is left to read after a restart.
const MAX_PAUSE: Duration = Duration::from_mins(5);

/// Reads the history and adds missing jobs to the queue.
#[derive(Clone)]
pub(crate) struct Reschedule {
    queue: JobQueue,
    history: History,
    reached: watch::Sender<Option<Position>>,
    wake: Arc<Notify>,
}

#[derive(Debug, thiserror::Error)]
enum RescheduleError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("Redis was emptied, or another process is ahead")]
    Overtaken,
}

impl Reschedule {
    /// Adds the jobs that this queue lacks according to this broker's stream.
    pub(crate) fn new(queue: JobQueue, broker: Broker) -> Self {
        Self {
            queue,
            history: History::new(broker, SUBJECTS),
            reached: watch::Sender::new(None),
            wake: Arc::default(),
        }
    }

    /// How far the history has been read. Waiting for it fails once all clones of `self` are dropped.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            reached: self.reached.subscribe(),
            wake: Arc::clone(&self.wake),
        }
    }

    /// Starts a task that adds missing jobs now, whenever it is woken, and at regular intervals.
    pub(crate) fn spawn(&self) -> AbortOnDropHandle<()> {
        let this = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { this.run().await }))
    }

    /// Makes the task read the history soon.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    async fn run(&self) {
        let mut delays = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            match self.catch_up().await {
                Ok(()) => {
                    delays.reset();
                    sleep(MIN_PAUSE).await;
                    // A timeout just means that nobody woke it.
                    let _ = timeout(MAX_PAUSE, self.wake.notified()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "history not read, trying again");
                    sleep(delays.next_delay()).await;
                }
            }
        }
    }

    /// Adds the jobs for what was published since the checkpoint, and advances the checkpoint.
    async fn catch_up(&self) -> Result<(), RescheduleError> {
        // Read before the extent: another process advances the checkpoint only to a position that the stream has
        // reached.
        let checkpoint = self.queue.checkpoint().await?;
        let extent = self.history.extent().await?;
        let last = extent.last.sequence;
        // If the stream is shorter than what was already read, it has lost its end, and everything is read again.
        let covered = Some(checkpoint.sequence(extent.stream)).filter(|covered| *covered <= last);
        let covered = covered.unwrap_or(0);
        if covered < last {
            let jobs = self.schedule_since(covered, last).await?;
            let advanced = Checkpoint::new(extent.stream, last);
            let stored = self
                .queue
                .replace_checkpoint(&checkpoint, &advanced)
                .await?;
            if stored.sequence(extent.stream) < last {
                return Err(RescheduleError::Overtaken);
            }
            tracing::info!(
                jobs,
                from = covered,
                to = last,
                "open orders of the stream have jobs"
            );
        }
        self.reached.send_replace(Some(extent.last));
        Ok(())
    }

    async fn schedule_since(&self, covered: u64, last: u64) -> Result<usize, RescheduleError> {
        let latest = covered.max(last.saturating_sub(LATEST));
        let mut jobs = 0;
        for created in [latest + 1..=last, covered + 1..=latest] {
            if !created.is_empty() {
                jobs += self.schedule_created(created, last).await?;
            }
        }
        Ok(jobs)
    }

    /// Adds jobs for the orders that these events create and that no event up to `last` ends.
    async fn schedule_created(
        &self,
        created: RangeInclusive<u64>,
        last: u64,
    ) -> Result<usize, RescheduleError> {
        let mut jobs = 0;
        let mut shares = vec![Share::ALL];
        while let Some(share) = shares.pop() {
            let mut orders = OpenOrders::new(share, MAX_OPEN);
            let apply = |sequence: u64, event: &Event| {
                if !opens(event) || created.contains(&sequence) {
                    orders.apply(event);
                }
            };
            self.history.read(*created.start(), last, apply).await?;
            let (expirations, others) = orders.finish();
            shares.extend(others);
            self.queue.schedule(&expirations).await?;
            jobs += expirations.len();
        }
        Ok(jobs)
    }
}

fn opens(event: &Event) -> bool {
    matches!(event, Event::OrderCreated(order) if order.status.is_active())
}
