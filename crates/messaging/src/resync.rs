//! Re-emission: publishing the current state of everything a service owns.
//!
//! The broker's data is disposable. A service remembers in its own database which stream it filled and where that
//! ended; when it meets another one, made since, or one that lost its end or something in between, it publishes everything
//! again. Consumers apply only what is newer, so what they know already changes nothing.
//!
//! One process does it for all (see [`emission`]), in pages ordered by `_id`, and notes after each page how far it is.

mod emission;
mod sight;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document, doc};
use common::id::kind;
use common::{Event, Id};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError, Outgoing, Publisher};
use crate::metrics::catalogue::{REEMISSIONS, REEMITTED_EVENTS};
use base::clock::Clock;
use emission::{Emission, Emissions, LEASE};
use mongo::{Collection, Database, Find, StoreError, new_id};
use sight::{Loss, Sight};

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How soon to look whether another process has filled the stream, or is dead.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const IN_FLIGHT: usize = 64;
/// How many documents are published before the progress is noted.
const PAGE: usize = 256;

/// The current state of everything a service owns, page by page: gives what is behind the document of this `_id`.
pub type Snapshot =
    Arc<dyn Fn(Option<Bson>) -> BoxFuture<'static, Result<Page, StoreError>> + Send + Sync>;

/// A page of a snapshot.
#[derive(Debug)]
pub struct Page {
    events: Vec<Event>,
    /// The `_id` of its last document; none if nothing is behind it.
    last: Option<Bson>,
}

/// The snapshot of a collection, each document of which is published as the event that `event` makes of it, if any.
pub fn snapshot_of<D>(documents: &Collection<D>, event: fn(D) -> Option<Event>) -> Snapshot
where
    D: DeserializeOwned + Send + Sync + Unpin + 'static,
{
    let documents = documents.with_type::<Document>();
    Arc::new(move |after: Option<Bson>| {
        let documents = documents.clone();
        async move {
            let behind = after.map(|after| doc! { "_id": { "$gt": after } });
            let find = Find::matching(behind.unwrap_or_default())
                .sort(doc! { "_id": 1 })
                .project(doc! { "outbox": 0 })
                .limit(i64::try_from(PAGE).unwrap_or(i64::MAX));
            let found = documents.find(find).await?;
            let last = found.last().filter(|_| found.len() == PAGE);
            let last = last.and_then(|last| last.get("_id").cloned());
            let events = found.into_iter().filter_map(read).filter_map(event);
            Ok(Page {
                events: events.collect(),
                last,
            })
        }
        .boxed()
    })
}

/// The document; none if it is damaged, which must not keep all others from being published.
fn read<D: DeserializeOwned>(document: Document) -> Option<D> {
    let id = document.get("_id").cloned();
    let read = bson::deserialize_from_document(document);
    read.inspect_err(|error| {
        tracing::error!(%error, document = ?id, "damaged document not published again");
    })
    .ok()
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

/// Re-emits a service's state, on demand and when the stream is a new one.
#[derive(Clone)]
pub struct Resync {
    broker: Broker,
    known: Collection<Sight>,
    emissions: Emissions,
    snapshot: Snapshot,
}

/// Whether the stream has everything.
enum Filled {
    Whole,
    /// Another process is at it.
    ByAnother,
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
            emissions: Emissions::open(database),
            snapshot,
        }
    }

    /// Looks regularly whether the stream is still the one that was filled, until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = Duration::ZERO;
        while stop.run_until_cancelled(sleep(pause)).await.is_some() {
            let filling = Box::pin(self.fill_new_stream());
            pause = match stop.run_until_cancelled(filling).await {
                Some(Ok(Filled::ByAnother)) => LOOK_AGAIN,
                Some(Ok(Filled::Whole)) | None => LOOK_EVERY,
                Some(Err(error)) => {
                    tracing::warn!(%error, "stream not checked, trying again");
                    LOOK_EVERY
                }
            };
        }
    }

    /// Publishes everything again if the stream is another one, or lost something, since it was looked at last.
    async fn fill_new_stream(&self) -> Result<Filled, ResyncError> {
        let by_name = doc! { "_id": self.broker.stream() };
        // First what was, then what is: another process may note a later sight at any moment.
        let before = self.known.find_one(by_name.clone()).await?;
        let now = Sight::of(&self.broker.ensure_streams().await?);
        if before.as_ref() == Some(&now) {
            return Ok(Filled::Whole);
        }
        if let Some(loss) = self.loss_since(before.as_ref(), &now).await? {
            let run = now.run(before.as_ref());
            let Some(emission) = self.emissions.claim(self.broker.stream(), &run).await? else {
                return Ok(Filled::ByAnother);
            };
            let Some(count) = self.continue_run(emission, loss).await? else {
                return Ok(Filled::ByAnother);
            };
            match loss {
                Loss::All => tracing::info!(count, "filled a new stream with the current state"),
                Loss::Tail | Loss::Gap => {
                    tracing::warn!(count, %loss, "published the current state of everything again");
                }
            }
        }
        let seen = bson::serialize_to_document(&now).map_err(StoreError::from)?;
        let seen = doc! { "$set": seen };
        self.known.update_one(by_name, seen, true).await?;
        Ok(Filled::Whole)
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

    /// Publishes what is missing of a run; gives how many events that were, or `None` if another process took it over.
    async fn continue_run(
        &self,
        mut emission: Emission,
        loss: Loss,
    ) -> Result<Option<u64>, ResyncError> {
        let metrics = self.broker.metrics();
        let reason = [loss.word()];
        metrics.counters(&REEMISSIONS).with(reason).increment();
        let mut count = 0;
        loop {
            let page = (self.snapshot)(emission.after.clone()).await?;
            let published = page.events.len() as u64;
            let Some(mut held) = self.publish_page(emission, page.events).await? else {
                return Ok(None);
            };
            count += published;
            metrics.counter(&REEMITTED_EVENTS).add(published);
            if page.last.is_none() {
                return Ok(Some(count));
            }
            held.after = page.last;
            let Some(held) = self.emissions.write(held).await? else {
                return Ok(None);
            };
            emission = held;
        }
    }

    /// Publishes a page, and renews the lease meanwhile, however long it takes.
    async fn publish_page(
        &self,
        mut emission: Emission,
        events: Vec<Event>,
    ) -> Result<Option<Emission>, ResyncError> {
        let run = emission.run.clone();
        let mut publishing = pin!(publish(events, &run, &self.broker));
        loop {
            tokio::select! {
                published = &mut publishing => {
                    published?;
                    return Ok(Some(emission));
                }
                () = sleep(LEASE / 3) => match self.emissions.write(emission).await? {
                    Some(held) => emission = held,
                    None => return Ok(None),
                }
            }
        }
    }

    /// Publishes the state of everything, as somebody wants it; gives how many events that were.
    pub async fn emit_all(&self) -> Result<u64, ResyncError> {
        let metrics = self.broker.metrics();
        metrics.counters(&REEMISSIONS).with(["by_hand"]).increment();
        let count = emit(&self.snapshot, &self.broker).await?;
        metrics.counter(&REEMITTED_EVENTS).add(count);
        Ok(count)
    }
}

/// Publishes all of a snapshot, whatever was published before; gives how many events that were.
pub async fn emit(snapshot: &Snapshot, publisher: &impl Publisher) -> Result<u64, ResyncError> {
    let run: Id<kind::Nonce> = new_id();
    let run = run.to_string();
    let (mut after, mut count) = (None, 0);
    loop {
        let page = snapshot(after).await?;
        count += page.events.len() as u64;
        publish(page.events, &run, publisher).await?;
        match page.last {
            Some(last) => after = Some(last),
            None => return Ok(count),
        }
    }
}

/// Publishes events of a run. A state that is published twice in a run has the same id, so that the stream has it once.
async fn publish(
    events: Vec<Event>,
    run: &str,
    publisher: &impl Publisher,
) -> Result<(), BrokerError> {
    let now = Clock::system().now();
    let messages = events.into_iter().map(|event| {
        let version = event.version().unwrap_or(0);
        let id = format!("resync-{run}-{}-{version}", event.entity_id());
        Outgoing::new(id, &event, now)
    });
    stream::iter(messages)
        .map(|message| async move { publisher.publish(&message).await })
        .buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await
}
