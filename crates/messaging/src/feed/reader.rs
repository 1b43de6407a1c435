//! Reads the stream into the window, with an ordered consumer that is recreated after every interruption.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::message::Message;
use async_nats::jetstream::stream::{self, Stream};
use base::backoff::Backoff;
use common::{Event, Subject, Timestamp};
use futures::StreamExt;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::window::{StreamState, Window};
use crate::broker::{Broker, BrokerError};
use crate::metrics::FeedMetrics;

/// How often to check that the consumer still exists and that everything it sent has arrived.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// After how long the broker deletes a consumer that nobody reads.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(30);

/// How long a stopping process tries to delete its consumer.
const DELETE_TIMEOUT: Duration = Duration::from_millis(500);

/// The task behind a [`Feed`](super::Feed).
#[derive(Debug)]
pub struct FeedReader<T> {
    broker: Broker,
    subjects: &'static [Subject],
    read: fn(Event) -> Option<T>,
    window: watch::Sender<Window<T>>,
    ended: DropGuard,
    metrics: FeedMetrics,
}

/// A consumer at the broker.
struct Reading {
    stream: Stream<stream::Info>,
    consumer: String,
    messages: Messages,
    /// How many messages have arrived.
    received: u64,
    /// How many of the messages from before the start have not arrived yet.
    missing: u64,
    /// The number of the stream's last message at the start.
    last: u64,
    /// How many messages had been sent at the last check. All of them must have arrived by the next one.
    sent: u64,
}

impl<T: Clone + Send + Sync + 'static> FeedReader<T> {
    pub(super) const fn new(
        broker: Broker,
        subjects: &'static [Subject],
        read: fn(Event) -> Option<T>,
        window: watch::Sender<Window<T>>,
        ended: DropGuard,
        metrics: FeedMetrics,
    ) -> Self {
        Self {
            broker,
            subjects,
            read,
            window,
            ended,
            metrics,
        }
    }

    /// The subjects that it reads.
    #[must_use]
    pub const fn subjects(&self) -> &'static [Subject] {
        self.subjects
    }

    /// Reads until cancelled; then the feed ends for all watchers.
    pub async fn run(self, stop: CancellationToken) {
        let mut delays = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        let mut reading = None;
        while let Some(interrupted) = stop
            .run_until_cancelled(self.read(&mut reading, &mut delays))
            .await
        {
            self.metrics.interruptions.increment();
            tracing::warn!(error = %interrupted, "live feed interrupted, restarting");
            stop.run_until_cancelled(sleep(delays.next_delay())).await;
        }
        drop((self.window, self.ended));
        if let Some(Reading {
            stream, consumer, ..
        }) = reading
            && self.broker.is_connected()
        {
            // If this fails, the broker deletes the consumer after `INACTIVE_THRESHOLD`.
            let _ = timeout(DELETE_TIMEOUT, stream.delete_consumer(&consumer)).await;
        }
    }

    /// Reads until an error.
    async fn read(&self, current: &mut Option<Reading>, delays: &mut Backoff) -> BrokerError {
        let reading = match Box::pin(self.begin()).await {
            Ok(reading) => current.insert(reading),
            Err(error) => return error,
        };
        let mut checks = interval_at(Instant::now() + CHECK_EVERY, CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let read = tokio::select! {
                message = reading.messages.next() => match message {
                    Some(Ok(message)) => self.receive(&message, reading),
                    Some(Err(error)) => Err(interruption(error)),
                    None => Err(interruption("the subscription ended")),
                },
                _ = checks.tick() => reading.check().await,
            };
            match read {
                Ok(()) => delays.reset(),
                Err(error) => return error,
            }
        }
    }

    /// Creates a consumer that begins where the previous one ended.
    async fn begin(&self) -> Result<Reading, BrokerError> {
        self.broker.ensure_streams().await?;
        let stream = self.broker.jetstream().get_stream(self.broker.stream());
        let stream = stream.await.map_err(interruption)?;
        let info = stream.cached_info();
        let last = info.state.last_sequence;
        let state = StreamState {
            created: info.created.unix_timestamp_nanos(),
            first: info.state.first_sequence,
            last,
        };
        let mut start = 1;
        self.window
            .send_modify(|window| start = window.begin(state));
        let consumer = stream.create_consumer(self.consumer(start)).await;
        let consumer = consumer.map_err(interruption)?;
        let (name, missing) = {
            let info = consumer.cached_info();
            (info.name.clone(), info.num_pending)
        };
        let messages = consumer
            .stream()
            .heartbeat(Duration::from_secs(2))
            .expires(Duration::from_secs(10))
            .messages();
        let messages = messages.await.map_err(interruption)?;
        if missing == 0 {
            self.window.send_modify(|window| window.complete(last));
        }
        Ok(Reading {
            stream,
            consumer: name,
            messages,
            received: 0,
            missing,
            last,
            sent: 0,
        })
    }

    fn consumer(&self, start: u64) -> pull::Config {
        let nonce = rand::random::<u64>();
        let subjects = self.subjects.iter();
        pull::Config {
            name: Some(format!("feed-{}-{nonce:016x}", self.broker.service())),
            description: Some("Live feed of one process".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: start,
            },
            ack_policy: AckPolicy::None,
            filter_subjects: subjects
                .map(|subject| self.broker.subject(*subject))
                .collect(),
            inactive_threshold: INACTIVE_THRESHOLD,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        }
    }

    /// Adds a message to the window. Fails if an earlier one was lost in transit.
    fn receive(&self, message: &Message, reading: &mut Reading) -> Result<(), BrokerError> {
        let info = message.info().map_err(interruption)?;
        if info.consumer_sequence != reading.received + 1 {
            return Err(interruption("a message was lost in transit"));
        }
        reading.received += 1;
        reading.missing = reading.missing.saturating_sub(1);
        let published = info.published.unix_timestamp_nanos() / 1_000_000;
        let published = Timestamp::from_milliseconds(i64::try_from(published).unwrap_or(i64::MAX));
        let item = self.item(message);
        self.window.send_modify(|window| {
            window.push(info.stream_sequence, published, item);
            if reading.missing == 0 {
                window.complete(reading.last);
            }
        });
        // Events from before the start are old by nature, and would distort the lag.
        if info.stream_sequence > reading.last {
            self.metrics.delivered(published);
        }
        Ok(())
    }

    fn item(&self, message: &Message) -> Option<T> {
        let subject = self.broker.without_prefix(&message.subject).parse();
        let event = subject.map_err(Into::into);
        match event.and_then(|subject| Event::from_json(subject, &message.payload)) {
            Ok(event) => (self.read)(event),
            Err(error) => {
                // Consumers turn it into a dead letter.
                tracing::warn!(%error, "unreadable event left out of the live feed");
                None
            }
        }
    }
}

impl Reading {
    /// Checks that the consumer still exists, and that everything it had sent at the last check has arrived. Missing
    /// heartbeats reveal a broker that does not respond.
    async fn check(&mut self) -> Result<(), BrokerError> {
        if self.received < self.sent {
            return Err(interruption("messages were lost in transit"));
        }
        match self.stream.consumer_info(&self.consumer).await {
            Ok(info) => self.sent = info.delivered.consumer_sequence,
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
                return Err(interruption("the consumer is gone"));
            }
            Err(error) => tracing::debug!(%error, "consumer not checked"),
        }
        Ok(())
    }
}

fn interruption(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Consumer(error.to_string())
}
