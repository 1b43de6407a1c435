//! The consumer runtime: passes events to a handler and turns its result into an acknowledgement.

mod delivery;
mod durable;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use base::backoff::Backoff;
use base::clock::Clock;
use base::definition::QueueGroup;
use common::{Event, Subject};
use futures::{StreamExt, stream};
use mongo::StoreError;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError};
use super::metrics::ConsumerMetrics;
use super::position::Position;

type BoxError = Box<dyn Error + Send + Sync>;

/// How many messages a process handles at once.
const IN_FLIGHT: usize = 32;
/// How long the broker waits for an acknowledgement before it redelivers a message. After a process is killed, another
/// one handles its messages well within the ten seconds in which replicas must agree.
const ACK_WAIT: Duration = Duration::from_secs(6);
/// How long a subscription that ends waits for one more message that is already on its way.
const LAST_MESSAGE_TIMEOUT: Duration = Duration::from_millis(50);
/// How long it releases such messages, and how late they are redelivered: not to this subscription.
const RELEASE_TIME: Duration = Duration::from_millis(500);
/// A subscription that lasted this long counts as started: its end resets the delays.
const STEADY: Duration = Duration::from_secs(2);

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It may work later: the event is redelivered, and after too many tries it becomes a dead letter.
    #[error("{0}")]
    Retry(BoxError),
    /// It is too early by this duration: the event is redelivered when due. It never becomes a dead letter.
    #[error("too early by {0:?}")]
    NotBefore(Duration),
    /// A dependency is away: the event is retried in this process until the dependency is back.
    #[error("{0}")]
    Unavailable(BoxError),
    /// It will never work: the event becomes a dead letter at once.
    #[error("{0}")]
    Fatal(BoxError),
}

impl Failure {
    /// This release does not handle such events. Another release that runs at the same time may, so the event is
    /// redelivered. If none handles it, it becomes a dead letter in the end, which can be replayed.
    #[must_use]
    pub fn of_another_release(subject: impl fmt::Display) -> Self {
        Self::Retry(format!("this release does not handle {subject}").into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            Self::Unavailable(error.into())
        } else {
            Self::Retry(error.into())
        }
    }
}

/// A service's reaction to events.
pub trait Handler: Send + Sync + 'static {
    /// Makes the event's effect durable. An event may be delivered more than once, and events arrive in any order.
    fn handle(&self, event: Event) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Like [`handle`](Self::handle), with the event's position in the stream. The runtime calls this method.
    fn handle_at(
        &self,
        event: Event,
        _position: Option<Position>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        self.handle(event)
    }
}

/// How often, and with what delays, a message is redelivered that its handler wants to retry.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// The number of deliveries after which a message becomes a dead letter.
    pub tries: u64,
    /// The delays between deliveries.
    pub delays: Backoff,
}

impl RetryPolicy {
    /// An upper bound of the time that all tries take.
    fn time_limit(&self) -> Duration {
        let tries = u32::try_from(self.tries).unwrap_or(u32::MAX);
        self.delays.longest().saturating_mul(tries)
    }
}

impl Default for RetryPolicy {
    /// A hundred tries over about a quarter of an hour.
    fn default() -> Self {
        Self {
            tries: 100,
            delays: Backoff::new(Duration::from_millis(50), Duration::from_secs(10)),
        }
    }
}

/// The stream of deliveries. It is requested again whenever it breaks off.
struct Subscription {
    messages: Option<pull::Stream>,
    began: Instant,
    delays: Backoff,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            messages: None,
            began: Instant::now(),
            delays: Backoff::new(Duration::from_millis(100), Duration::from_secs(5)),
        }
    }
}

impl Subscription {
    /// Waits before the next attempt. The delay grows with consecutive failures.
    async fn pause(&mut self) {
        if self.began.elapsed() > STEADY {
            self.delays.reset();
        }
        sleep(self.delays.next_delay()).await;
        self.began = Instant::now();
    }
}

/// A durable consumer: the queue group of a service, shared by all its processes.
#[derive(Debug)]
pub struct Consumer<H> {
    broker: Broker,
    name: &'static str,
    subjects: &'static [Subject],
    handler: H,
    retry_policy: RetryPolicy,
    clock: Clock,
    metrics: ConsumerMetrics,
}

impl<H: Handler> Consumer<H> {
    /// A consumer for the queue group `name` and these subjects.
    #[must_use]
    pub fn new(
        broker: Broker,
        name: &'static str,
        subjects: &'static [Subject],
        handler: H,
    ) -> Self {
        let metrics = ConsumerMetrics::of(name, broker.metrics());
        Self {
            metrics,
            broker,
            name,
            subjects,
            handler,
            retry_policy: RetryPolicy::default(),
            clock: Clock::system(),
        }
    }

    /// Its name and its subjects.
    #[must_use]
    pub const fn group(&self) -> QueueGroup {
        QueueGroup {
            name: self.name,
            subjects: self.subjects,
        }
    }

    /// The same consumer with another retry policy.
    #[must_use]
    pub fn with_retry_policy(mut self, retry_policy: RetryPolicy) -> Self {
        self.retry_policy = retry_policy;
        self
    }

    /// The same consumer, with this clock to decide whether an event is due.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Handles messages until cancelled, then finishes those that were begun.
    ///
    /// One task handles all of them, so that messages whose effects are stored in one batch are acknowledged together.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = self.handle_until(&stop) => {}
            () = self.maintain_durable() => unreachable!("it never returns"),
        }
    }

    async fn handle_until(&self, stop: &CancellationToken) {
        let subscription = Box::new(Subscription::default());
        let messages = stream::unfold(subscription, async |mut subscription| {
            let message = self.next(&mut subscription, stop).await?;
            Some((message, subscription))
        });
        let handle = async |message| self.process(&message, stop).await;
        messages.for_each_concurrent(IN_FLIGHT, handle).await;
    }

    /// The next message; `None` once cancelled.
    async fn next(
        &self,
        subscription: &mut Subscription,
        stop: &CancellationToken,
    ) -> Option<Message> {
        loop {
            let received = self.receive(&mut subscription.messages);
            let received = stop.run_until_cancelled(received).await;
            if let Some(Ok(message)) = received {
                return Some(message);
            }
            if let Some(messages) = subscription.messages.take() {
                self.release_rest(messages).await;
            }
            let error = received?.err()?;
            self.metrics.interruptions.increment();
            tracing::warn!(event.consumer = self.name, %error, "consumer interrupted, restarting");
            stop.run_until_cancelled(subscription.pause()).await;
        }
    }

    /// The next message of the subscription, which is created if there is none.
    async fn receive(&self, messages: &mut Option<pull::Stream>) -> Result<Message, BrokerError> {
        let messages = match messages {
            Some(messages) => messages,
            // Boxed because the future is large and rarely needed.
            none => none.insert(Box::pin(self.subscribe()).await?),
        };
        match messages.next().await {
            Some(Ok(message)) => Ok(message),
            // This includes missing heartbeats: after a pause of this process, a cut connection, or the loss of the
            // consumer. The client does not always recover by itself, so a new subscription is made.
            Some(Err(error)) => Err(BrokerError::Consumer(error.to_string())),
            None => Err(BrokerError::Consumer("subscription ended".to_owned())),
        }
    }

    async fn subscribe(&self) -> Result<pull::Stream, BrokerError> {
        self.broker.ensure_streams().await?;
        let consumer = self.durable().await?;
        consumer
            .stream()
            .max_messages_per_batch(IN_FLIGHT * 2)
            .heartbeat(Duration::from_secs(2))
            .expires(Duration::from_secs(10))
            .messages()
            .await
            .map_err(consumer_error)
    }

    /// Releases messages that were delivered to this process and not begun; otherwise they would be redelivered only
    /// after [`ACK_WAIT`]. The redelivery is delayed, so that they do not return to this process.
    async fn release_rest(&self, mut messages: pull::Stream) {
        let release_all = async {
            while let Ok(Some(Ok(message))) = timeout(LAST_MESSAGE_TIMEOUT, messages.next()).await {
                if let Err(error) = self.release(&message, RELEASE_TIME).await {
                    tracing::debug!(event.consumer = self.name, %error, "message not released");
                }
            }
        };
        // Messages may arrive faster than they are released; the rest is redelivered after `ACK_WAIT`.
        let _ = timeout(RELEASE_TIME, release_all).await;
    }
}

fn consumer_error(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Consumer(error.to_string())
}
