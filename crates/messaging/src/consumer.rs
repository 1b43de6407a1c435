//! The consumer runtime: delivers events to a handler and turns its answer into an acknowledgement.

mod delivery;
mod durable;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use common::{Event, Subject};
use futures::{StreamExt, stream};
use mongo::StoreError;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError};
use super::metrics::Deliveries;
use super::position::Position;
use base::backoff::Backoff;
use base::clock::Clock;
use base::definition::QueueGroup;

type BoxError = Box<dyn Error + Send + Sync>;

/// How many messages a process handles at once.
const IN_FLIGHT: usize = 32;
/// How long the broker waits for a word about a message before it delivers it again: what a killed process had in hand
/// is handled by another well within the ten seconds in which replicas are to agree.
const ACK_WAIT: Duration = Duration::from_secs(6);
/// How long a stopping process waits for one more message that is on its way to it, and for all of them.
const LAST_MESSAGE: Duration = Duration::from_millis(50);
const LAST_MESSAGES: Duration = Duration::from_millis(500);
/// A subscription that lasted so long was no failed start.
const STEADY: Duration = Duration::from_secs(2);

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It may work later; given back to the broker, and after too many tries a dead letter.
    #[error("{0}")]
    Retry(BoxError),
    /// It came too early, by so much; given back to the broker for so long. Never a dead letter.
    #[error("too early by {0:?}")]
    NotBefore(Duration),
    /// Something we depend on is away; the message is kept and tried here until that is back.
    #[error("{0}")]
    Unavailable(BoxError),
    /// It will never work: a dead letter at once.
    #[error("{0}")]
    Fatal(BoxError),
}

impl Failure {
    /// This release handles no such events. Another release that runs beside it may, so the event is given back; if none
    /// does, it becomes a dead letter in the end, which can be replayed.
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

/// What a service does with events.
pub trait Handler: Send + Sync + 'static {
    /// Makes the event's effect durable. The same event may come again, and events may come in any order.
    fn handle(&self, event: Event) -> impl Future<Output = Result<(), Failure>> + Send;

    /// As [`handle`](Self::handle), for a handler that needs to know where in the stream the event is. The runtime calls
    /// this one.
    fn handle_at(
        &self,
        event: Event,
        _position: Option<Position>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        self.handle(event)
    }
}

/// How long a consumer keeps trying a message that its handler wants to retry.
#[derive(Debug, Clone)]
pub struct Persistence {
    /// After how many deliveries a message becomes a dead letter.
    pub tries: u64,
    /// The delays between them.
    pub delays: Backoff,
}

impl Persistence {
    /// How long all tries may take: longer than they do.
    fn patience(&self) -> Duration {
        let tries = u32::try_from(self.tries).unwrap_or(u32::MAX);
        self.delays.longest().saturating_mul(tries)
    }
}

impl Default for Persistence {
    /// A hundred tries over about a quarter of an hour.
    fn default() -> Self {
        Self {
            tries: 100,
            delays: Backoff::new(Duration::from_millis(50), Duration::from_secs(10)),
        }
    }
}

/// The broker's deliveries, asked for again whenever they break off.
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
    /// Waits before the next try, the longer the more of them failed.
    async fn pause(&mut self) {
        if self.began.elapsed() > STEADY {
            self.delays.reset();
        }
        sleep(self.delays.next_delay()).await;
        self.began = Instant::now();
    }
}

/// A durable consumer of some subjects: the queue group of a service, shared by all its processes.
#[derive(Debug)]
pub struct Consumer<H> {
    broker: Broker,
    name: &'static str,
    subjects: &'static [Subject],
    handler: H,
    persistence: Persistence,
    clock: Clock,
    metrics: Deliveries,
}

impl<H: Handler> Consumer<H> {
    /// The queue group `name` on these subjects.
    #[must_use]
    pub fn new(
        broker: Broker,
        name: &'static str,
        subjects: &'static [Subject],
        handler: H,
    ) -> Self {
        let metrics = Deliveries::to(name, broker.metrics());
        Self {
            metrics,
            broker,
            name,
            subjects,
            handler,
            persistence: Persistence::default(),
            clock: Clock::system(),
        }
    }

    /// Its name and what it reads.
    #[must_use]
    pub const fn group(&self) -> QueueGroup {
        QueueGroup {
            name: self.name,
            subjects: self.subjects,
        }
    }

    /// The same consumer with another persistence.
    #[must_use]
    pub fn with_persistence(mut self, persistence: Persistence) -> Self {
        self.persistence = persistence;
        self
    }

    /// The same consumer, which tells by this clock whether an event is due.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Handles messages until told to stop, then finishes those in hand.
    ///
    /// They are handled in one task, so that those that were stored by one write are acknowledged by one.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = self.handle_until(&stop) => {}
            () = self.keep_durable() => unreachable!("it goes on for ever"),
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

    /// The next message; none once told to stop.
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
                self.give_back_rest(messages).await;
            }
            // None if told to stop.
            let error = received?.err()?;
            self.metrics.interruptions.increment();
            tracing::warn!(event.consumer = self.name, %error, "consumer interrupted, starting again");
            stop.run_until_cancelled(subscription.pause()).await;
        }
    }

    /// The next message of the subscription, which is made if there is none.
    async fn receive(&self, messages: &mut Option<pull::Stream>) -> Result<Message, BrokerError> {
        let messages = match messages {
            Some(messages) => messages,
            none => {
                // Large, and seldom needed.
                none.insert(Box::pin(self.subscribe()).await?)
            }
        };
        match messages.next().await {
            Some(Ok(message)) => Ok(message),
            // Among them a broker of which nothing is heard, as after a pause of this process, a cut connection, or the
            // loss of the consumer. The client does not always ask again by itself, so a new subscription does.
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

    /// Gives back what was delivered to this process and not begun, which would otherwise come again only after
    /// [`ACK_WAIT`]. Not at once, lest it come here again.
    async fn give_back_rest(&self, mut messages: pull::Stream) {
        let give_back = async {
            while let Ok(Some(Ok(message))) = timeout(LAST_MESSAGE, messages.next()).await {
                if let Err(error) = self.give_back(&message, LAST_MESSAGES).await {
                    tracing::debug!(event.consumer = self.name, %error, "not given back");
                }
            }
        };
        // Events may come faster than they are given back; those left over wait for the broker's patience.
        let _ = timeout(LAST_MESSAGES, give_back).await;
    }
}

fn consumer_error(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Consumer(error.to_string())
}
