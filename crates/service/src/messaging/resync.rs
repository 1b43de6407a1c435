//! Re-emission: telling the world the current state of everything a service owns.
//!
//! The broker's data is disposable. A service remembers in its own database which stream it filled and where that
//! ended; when it meets another one, made since, or one that lost its end or something in between, it tells everything
//! again. Consumers apply only what is newer, so telling what is known changes nothing.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream;
use bson::doc;
use common::Event;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError, Outgoing, Publisher};
use super::outbox::unique_message_id;
use crate::clock::Clock;
use crate::metrics::catalogue::{REEMISSIONS, REEMITTED_EVENTS};
use crate::mongo::{Collection, Database, StoreError};

const LOOK_EVERY: Duration = Duration::from_secs(5);
const IN_FLIGHT: usize = 64;

/// The current state of everything a service owns, as events.
pub type Snapshot = Arc<dyn Fn() -> BoxStream<'static, Result<Event, StoreError>> + Send + Sync>;

/// The snapshot of a collection, each document of which is told of by the event that `event` makes of it, if any.
pub fn snapshot_of<D>(documents: &Collection<D>, event: fn(D) -> Option<Event>) -> Snapshot
where
    D: DeserializeOwned + Send + Sync + Unpin + 'static,
{
    let documents = documents.clone();
    Arc::new(move || {
        documents
            .stream()
            .try_filter_map(move |document| std::future::ready(Ok(event(document))))
            .boxed()
    })
}

/// Re-emission did not finish.
#[derive(Debug, thiserror::Error)]
pub enum ResyncError {
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was seen of the stream.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sight {
    /// When it was made, in nanoseconds since 1970.
    created: String,
    /// The numbers of its first and its last message.
    #[serde(default)]
    first: i64,
    #[serde(default)]
    last: i64,
    /// When the last message came, in nanoseconds since 1970: another message has another time.
    #[serde(default)]
    last_time: String,
    /// How many messages are missing between the first and the last.
    #[serde(default)]
    gaps: i64,
}

/// What a broker may lose although it acknowledged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Loss {
    /// It was made anew, or this service never filled it.
    #[error("the stream is a new one")]
    All,
    /// Its latest messages, as when a machine loses power that had them in memory, or when a file was cut off.
    #[error("the end of the stream was lost")]
    Tail,
    /// Some in between, as when a file was damaged.
    #[error("messages within the stream were lost")]
    Gap,
}

impl Loss {
    /// The loss as metrics have it.
    const fn word(self) -> &'static str {
        match self {
            Self::All => "new_stream",
            Self::Tail => "lost_tail",
            Self::Gap => "lost_gap",
        }
    }
}

impl Sight {
    fn of(info: &stream::Info) -> Self {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let state = &info.state;
        Self {
            created: info.created.unix_timestamp_nanos().to_string(),
            first: number(state.first_sequence),
            last: number(state.last_sequence),
            last_time: state.last_timestamp.unix_timestamp_nanos().to_string(),
            gaps: number(state.deleted_count.unwrap_or(0)),
        }
    }
}

/// Re-emits a service's state, on demand and when the stream is a new one.
#[derive(Clone)]
pub struct Resync {
    broker: Broker,
    known: Collection<Sight>,
    snapshot: Snapshot,
}

impl Resync {
    /// Re-emission of `snapshot`; which stream was filled last is kept in `database`.
    #[must_use]
    pub fn new(broker: Broker, database: &Database, snapshot: Snapshot) -> Self {
        // Counted from nothing on, and not only from the first time.
        let _ = broker.metrics().counters(&REEMISSIONS);
        let _ = broker.metrics().counter(&REEMITTED_EVENTS);
        Self {
            broker,
            known: database.collection("streams"),
            snapshot,
        }
    }

    /// Looks regularly whether the stream is still the one that was filled, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Some(Err(error)) = stop
                .run_until_cancelled(Box::pin(self.fill_new_stream()))
                .await
            {
                tracing::warn!(%error, "stream not checked, trying again");
            }
        }
    }

    /// Tells everything again if the stream is another one, or lost something, since it was looked at last.
    async fn fill_new_stream(&self) -> Result<(), ResyncError> {
        let by_name = doc! { "_id": self.broker.stream() };
        // First what was, then what is: another process may note a later sight at any moment.
        let before = self.known.find_one(by_name.clone()).await?;
        let now = Sight::of(&self.broker.ensure_streams().await?);
        if before.as_ref() == Some(&now) {
            return Ok(());
        }
        if let Some(loss) = self.loss_since(before.as_ref(), &now).await? {
            let count = self.tell_all(loss.word()).await?;
            match loss {
                Loss::All => tracing::info!(count, "filled a new stream with the current state"),
                Loss::Tail | Loss::Gap => {
                    tracing::warn!(count, %loss, "told the current state of everything again");
                }
            }
        }
        let seen = bson::serialize_to_document(&now).map_err(StoreError::from)?;
        let seen = doc! { "$set": seen };
        self.known.update_one(by_name, seen, true).await?;
        Ok(())
    }

    /// What the stream lost that it had when it was seen before.
    async fn loss_since(
        &self,
        before: Option<&Sight>,
        now: &Sight,
    ) -> Result<Option<Loss>, BrokerError> {
        let Some(before) = before.filter(|before| before.created == now.created) else {
            return Ok(Some(Loss::All));
        };
        if now.last < before.last {
            return Ok(Some(Loss::Tail));
        }
        if now.gaps > before.gaps {
            return Ok(Some(Loss::Gap));
        }
        // What is older than the stream's limits leaves it at its beginning.
        if before.last < now.first || before.last == 0 {
            return Ok(None);
        }
        let there = self.broker.time_of(before.last.unsigned_abs()).await?;
        let is_same = there.is_some_and(|time| time.to_string() == before.last_time);
        Ok((!is_same).then_some(Loss::Tail))
    }

    /// Publishes the state of everything, as somebody wants it; gives how many events that were.
    pub async fn emit_all(&self) -> Result<u64, ResyncError> {
        self.tell_all("by_hand").await
    }

    async fn tell_all(&self, reason: &str) -> Result<u64, ResyncError> {
        let metrics = self.broker.metrics();
        metrics.counters(&REEMISSIONS).with([reason]).increment();
        let count = emit(&self.snapshot, &self.broker).await?;
        metrics.counter(&REEMITTED_EVENTS).add(count);
        Ok(count)
    }
}

/// Publishes all of a snapshot; gives how many events that were.
pub async fn emit(snapshot: &Snapshot, publisher: &impl Publisher) -> Result<u64, ResyncError> {
    let clock = Clock::system();
    let mut acknowledged = snapshot()
        .map_err(ResyncError::from)
        .map_ok(|event| {
            let id = unique_message_id("resync", &event);
            let message = Outgoing::new(id, &event, clock.now());
            async move { Ok(publisher.publish(&message).await?) }
        })
        .try_buffer_unordered(IN_FLIGHT);
    let mut count = 0;
    while acknowledged.try_next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}
