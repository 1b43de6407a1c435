//! Creates the jobs again that Redis may have lost: one for each order in the event stream without an end.
//!
//! Usually only what was published since the last time is read, since Redis remembers up to where the stream was read
//! for as long as it remembers the jobs ([`Checkpoint`]). When Redis was emptied all of the stream is read, which may be
//! millions of events: the latest first, where nearly all open orders are, and in bounded memory ([`OpenOrders`]).
//!
//! Events that reach the consumer late go this way too ([`Progress`]). Most of their orders have ended in the meantime,
//! which only the history shows: a job for each would be an expiration without effect.

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

/// What begins an order's time and what ends it.
pub(crate) const SUBJECTS: &[Subject] = &[
    Subject::OrderCreated,
    Subject::OrderCancelled,
    Subject::PaymentCreated,
    Subject::ExpirationComplete,
];

/// How many of the latest events are read first. Orders that were created before them get their jobs after the whole
/// history was read.
const LATEST: u64 = 100_000;

/// How many open orders are kept in memory at once, in some 25 MB.
const MOST_OPEN: usize = 900_000;

/// How often the history is read: at most, when events are late, and at least, so that a start has little to read.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Keeps the queue complete.
#[derive(Clone)]
pub(crate) struct Reschedule {
    queue: JobQueue,
    history: History,
    reached: watch::Sender<Option<Position>>,
    wanted: Arc<Notify>,
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
    /// Reads the stream of this broker for what is missing in this queue.
    pub(crate) fn new(queue: JobQueue, broker: Broker) -> Self {
        Self {
            queue,
            history: History::new(broker),
            reached: watch::Sender::new(None),
            wanted: Arc::default(),
        }
    }

    /// How far it has come. It ends with the last clone of this.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            reached: self.reached.subscribe(),
            wanted: Arc::clone(&self.wanted),
        }
    }

    /// Creates missing jobs from now on: at once, when woken, and regularly.
    pub(crate) fn spawn(&self) -> AbortOnDropHandle<()> {
        let this = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { this.run().await }))
    }

    /// Lets the history be read again soon.
    pub(crate) fn wake(&self) {
        self.wanted.notify_one();
    }

    async fn run(&self) {
        let mut delays = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            match self.catch_up().await {
                Ok(()) => {
                    delays.reset();
                    sleep(SHORTEST_PAUSE).await;
                    // Woken or not, the history is read again.
                    let _ = timeout(LONGEST_PAUSE, self.wanted.notified()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "history not read, trying again");
                    sleep(delays.next_delay()).await;
                }
            }
        }
    }

    /// Creates the jobs of what was published since the checkpoint, and moves it.
    async fn catch_up(&self) -> Result<(), RescheduleError> {
        // Before the stream's extent: another process moves it only to where the stream reached before.
        let checkpoint = self.queue.checkpoint().await?;
        let extent = self.history.extent().await?;
        let last = extent.last.sequence;
        // A stream that is shorter than what was read of it has lost its end.
        let covered = Some(checkpoint.sequence(extent.stream)).filter(|covered| *covered <= last);
        let covered = covered.unwrap_or(0);
        if covered < last {
            let jobs = self.schedule_since(covered, last).await?;
            let moved = Checkpoint::new(extent.stream, last);
            let stored = self.queue.replace_checkpoint(&checkpoint, &moved).await?;
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

    /// Creates the jobs of the orders that were created by these events and that no event until `last` ends.
    async fn schedule_created(
        &self,
        created: RangeInclusive<u64>,
        last: u64,
    ) -> Result<usize, RescheduleError> {
        let mut jobs = 0;
        let mut shares = vec![Share::ALL];
        while let Some(share) = shares.pop() {
            let mut orders = OpenOrders::new(share, MOST_OPEN);
            let take = |sequence: u64, event: &Event| {
                if !opens(event) || created.contains(&sequence) {
                    orders.apply(event);
                }
            };
            self.history.read(*created.start(), last, take).await?;
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
