//! Re-emission: telling the world the current state of everything a service owns.
//!
//! The broker's data is disposable. A service remembers in its own database which stream it last filled; when it
//! meets another one, made since, it tells everything again. Consumers apply only what is newer, so telling what
//! is known changes nothing.

use std::sync::Arc;
use std::time::Duration;

use bson::doc;
use common::Event;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError, Outgoing, Publisher};
use super::outbox::unique_message_id;
use crate::clock::Clock;
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

#[derive(Debug, Deserialize)]
struct KnownStream {
    created: String,
}

/// Re-emits a service's state, on demand and when the stream is a new one.
#[derive(Clone)]
pub struct Resync {
    broker: Broker,
    known: Collection<KnownStream>,
    snapshot: Snapshot,
}

impl Resync {
    /// Re-emission of `snapshot`; which stream was filled last is kept in `database`.
    #[must_use]
    pub fn new(broker: Broker, database: &Database, snapshot: Snapshot) -> Self {
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
            if let Some(Err(error)) = stop.run_until_cancelled(self.fill_new_stream()).await {
                tracing::warn!(%error, "stream not checked, trying again");
            }
        }
    }

    async fn fill_new_stream(&self) -> Result<(), ResyncError> {
        let created = self.broker.ensure_streams().await?.to_string();
        let name = self.broker.stream();
        let by_name = doc! { "_id": name };
        let known = self.known.find_one(by_name.clone()).await?;
        if known.is_some_and(|known| known.created == created) {
            return Ok(());
        }
        let count = self.emit_all().await?;
        tracing::info!(
            count,
            stream = name,
            "filled a new stream with the current state"
        );
        let filled = doc! { "$set": { "created": created } };
        self.known.update_one(by_name, filled, true).await?;
        Ok(())
    }

    /// Publishes the state of everything; gives how many events that were.
    pub async fn emit_all(&self) -> Result<u64, ResyncError> {
        emit(&self.snapshot, &self.broker).await
    }
}

/// Publishes all of a snapshot; gives how many events that were.
pub async fn emit(snapshot: &Snapshot, publisher: &impl Publisher) -> Result<u64, ResyncError> {
    let clock = Clock::system();
    let mut published = snapshot()
        .map_err(ResyncError::from)
        .map_ok(|event| {
            let id = unique_message_id("resync", &event);
            let message = Outgoing::new(id, &event, clock.now());
            async move { Ok(publisher.publish(&message).await?) }
        })
        .try_buffer_unordered(IN_FLIGHT);
    let mut count = 0;
    while published.try_next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}
