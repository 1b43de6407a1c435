//! Makes the jobs again that Redis may have lost: one for each order in the event stream without an end.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::{Message, stream};
use common::{Event, Subject};
use futures::StreamExt;
use service::backoff::Backoff;
use service::messaging::Broker;
use tokio::time::{sleep, timeout};

use crate::domain::OpenOrders;
use crate::queue::{JobQueue, QueueError};

/// What begins an order's time and what ends it.
pub(crate) const SUBJECTS: &[Subject] = &[
    Subject::OrderCreated,
    Subject::OrderCancelled,
    Subject::PaymentCreated,
    Subject::ExpirationComplete,
];

/// The longest pause between two events of a history that is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks through the event stream.
#[derive(Clone)]
pub(crate) struct Reschedule {
    queue: JobQueue,
    broker: Broker,
}

#[derive(Debug, thiserror::Error)]
enum RescheduleError {
    #[error("event stream: {0}")]
    Stream(String),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Reschedule {
    /// Looks through the stream of this broker for what belongs into this queue.
    pub(crate) const fn new(queue: JobQueue, broker: Broker) -> Self {
        Self { queue, broker }
    }

    /// Makes every missing job, trying until that is done.
    pub(crate) async fn run(&self) {
        let mut delays = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            match self.schedule_open_orders().await {
                Ok(count) => return tracing::info!(count, "open orders of the stream have jobs"),
                Err(error) => {
                    tracing::warn!(%error, "open orders not looked through, trying again");
                    sleep(delays.next_delay()).await;
                }
            }
        }
    }

    async fn schedule_open_orders(&self) -> Result<usize, RescheduleError> {
        let expirations = self.open_orders().await?.into_expirations();
        self.queue.schedule(&expirations).await?;
        Ok(expirations.len())
    }

    /// What the events say that are in the stream now; the consumer sees those that come later.
    async fn open_orders(&self) -> Result<OpenOrders, RescheduleError> {
        let mut orders = OpenOrders::default();
        let stream = self.broker.jetstream().get_stream(self.broker.stream());
        let stream = stream.await.map_err(stream_error)?;
        let last = stream.cached_info().state.last_sequence;
        let (mut messages, waiting) = self.history(&stream).await?;
        let mut more = waiting > 0;
        while more {
            let next = timeout(PATIENCE, messages.next()).await;
            let next = next.map_err(stream_error)?;
            let message = next.ok_or_else(|| stream_error("the history broke off"))?;
            let message = message.map_err(stream_error)?;
            let info = message.info().map_err(stream_error)?;
            more = info.pending > 0 && info.stream_sequence < last;
            if let Some(event) = self.read(&message) {
                orders.apply(&event);
            } else {
                tracing::warn!(
                    sequence = info.stream_sequence,
                    "unreadable event passed over"
                );
            }
        }
        Ok(orders)
    }

    /// The events so far, and how many they are.
    async fn history(
        &self,
        stream: &stream::Stream,
    ) -> Result<(pull::Ordered, u64), RescheduleError> {
        let config = pull::OrderedConfig {
            // Without a name the broker would be asked in a way that it cannot tell from asking for any name.
            name: Some(format!("history-{:016x}", rand::random::<u64>())),
            deliver_policy: DeliverPolicy::All,
            filter_subjects: SUBJECTS
                .iter()
                .map(|subject| self.broker.subject(*subject))
                .collect(),
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(stream_error)?;
        let waiting = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(stream_error)?;
        Ok((messages, waiting))
    }

    fn read(&self, message: &Message) -> Option<Event> {
        let subject = SUBJECTS
            .iter()
            .copied()
            .find(|subject| self.broker.subject(*subject) == message.subject.as_str())?;
        Event::from_json(subject, &message.payload).ok()
    }
}

fn stream_error(error: impl std::fmt::Display) -> RescheduleError {
    RescheduleError::Stream(error.to_string())
}
