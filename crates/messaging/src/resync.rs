//! Re-emission: publishing the current state of everything a service owns.
//!
//! The broker's data is disposable. A service stores in its own database which stream it filled, and the last event of
//! that stream. If the stream was recreated or lost messages, the service publishes everything again. Consumers apply
//! only newer state, so repetitions have no effect.
//!
//! One process does this for its service (see [`emission`]), in pages ordered by `_id`, and stores its progress after
//! each page.

mod emission;
mod stream_state;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base::clock::Clock;
use bson::{Bson, Document, doc};
use common::id::kind;
use common::{Event, Id};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use mongo::{Collection, Database, Find, StoreError, new_id};
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError, Outgoing, Publisher};
use crate::metrics::catalogue::{REEMISSIONS, REEMITTED_EVENTS};
use emission::{Emission, Emissions, LEASE};
use stream_state::{Loss, StreamState};

const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How soon to check again while another process fills the stream: it may finish, or die.
const RECHECK_AFTER: Duration = Duration::from_secs(1);
const IN_FLIGHT: usize = 64;
/// The documents of a page. The progress is stored after each page.
const PAGE: usize = 256;

/// The current state of everything a service owns, page by page: returns the page after the document with this `_id`.
pub type Snapshot =
    Arc<dyn Fn(Option<Bson>) -> BoxFuture<'static, Result<Page, StoreError>> + Send + Sync>;

/// A page of a snapshot.
#[derive(Debug)]
pub struct Page {
    events: Vec<Event>,
    /// The `_id` of its last document; `None` if this is the last page.
    last: Option<Bson>,
}

/// The snapshot of a collection. `event` turns each document into the event to publish, if any.
pub fn snapshot_of<D>(documents: &Collection<D>, event: fn(D) -> Option<Event>) -> Snapshot
where
    D: DeserializeOwned + Send + Sync + Unpin + 'static,
{
    let documents = documents.with_type::<Document>();
    Arc::new(move |after: Option<Bson>| {
        let documents = documents.clone();
        async move {
            let filter = after.map(|after| doc! { "_id": { "$gt": after } });
            let find = Find::matching(filter.unwrap_or_default())
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

/// The document; `None` if it is damaged, so that it does not block the others.
fn read<D: DeserializeOwned>(document: Document) -> Option<D> {
    let id = document.get("_id").cloned();
    let read = bson::deserialize_from_document(document);
    read.inspect_err(|error| {
        tracing::error!(%error, document = ?id, "damaged document not re-emitted");
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

/// Re-emits a service's state, on request and when the stream is new or lost messages.
#[derive(Clone)]
pub struct Resync {
    broker: Broker,
    streams: Collection<StreamState>,
    emissions: Emissions,
    snapshot: Snapshot,
}

/// Whether the stream contains everything.
enum Filling {
    Complete,
    /// Another process is filling it.
    Elsewhere,
}

impl Resync {
    /// Re-emission of `snapshot`; `database` stores which stream was filled last.
    #[must_use]
    pub fn new(broker: Broker, database: &Database, snapshot: Snapshot) -> Self {
        // Registered now, so that both are exported as zero before the first re-emission.
        let _ = broker.metrics().counters(&REEMISSIONS);
        let _ = broker.metrics().counter(&REEMITTED_EVENTS);
        Self {
            broker,
            streams: database.collection("streams"),
            emissions: Emissions::open(database),
            snapshot,
        }
    }

    /// Checks the stream regularly, and fills it if needed, until cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = Duration::ZERO;
        while stop.run_until_cancelled(sleep(pause)).await.is_some() {
            let filling = Box::pin(self.fill_stream());
            pause = match stop.run_until_cancelled(filling).await {
                Some(Ok(Filling::Elsewhere)) => RECHECK_AFTER,
                Some(Ok(Filling::Complete)) | None => CHECK_EVERY,
                Some(Err(error)) => {
                    tracing::warn!(%error, "stream check failed, retrying");
                    CHECK_EVERY
                }
            };
        }
    }

    /// Publishes everything again if the stream was recreated or lost messages since the last check.
    async fn fill_stream(&self) -> Result<Filling, ResyncError> {
        let by_name = doc! { "_id": self.broker.stream() };
        // The stored state is read first, because another process may store a later one at any moment.
        let before = self.streams.find_one(by_name.clone()).await?;
        let now = StreamState::of(&self.broker.ensure_streams().await?);
        if before.as_ref() == Some(&now) {
            return Ok(Filling::Complete);
        }
        if let Some(loss) = self.loss_since(before.as_ref(), &now).await? {
            let run = now.run(before.as_ref());
            let Some(emission) = self.emissions.claim(self.broker.stream(), &run).await? else {
                return Ok(Filling::Elsewhere);
            };
            let Some(count) = self.continue_run(emission, loss).await? else {
                return Ok(Filling::Elsewhere);
            };
            match loss {
                Loss::All => tracing::info!(count, "new stream filled with the current state"),
                Loss::Tail | Loss::Gap => {
                    tracing::warn!(count, %loss, "current state re-emitted");
                }
            }
        }
        let now = bson::serialize_to_document(&now).map_err(StoreError::from)?;
        self.streams
            .update_one(by_name, doc! { "$set": now }, true)
            .await?;
        Ok(Filling::Complete)
    }

    /// What the stream lost since the state `before`.
    async fn loss_since(
        &self,
        before: Option<&StreamState>,
        now: &StreamState,
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
        // The stream drops messages beyond its limits at its beginning; that is no loss.
        if before.last < now.first || before.last == 0 {
            return Ok(None);
        }
        let time = self.broker.time_of(before.last.unsigned_abs()).await?;
        let is_same = time.is_some_and(|time| time.to_string() == before.last_time);
        Ok((!is_same).then_some(Loss::Tail))
    }

    /// Publishes the rest of a run. Returns the number of events, or `None` if another process took the run over.
    async fn continue_run(
        &self,
        mut emission: Emission,
        loss: Loss,
    ) -> Result<Option<u64>, ResyncError> {
        let metrics = self.broker.metrics();
        let reason = [loss.label()];
        metrics.counters(&REEMISSIONS).with(reason).increment();
        let mut count = 0;
        loop {
            let page = (self.snapshot)(emission.after.clone()).await?;
            let published = page.events.len() as u64;
            let Some(mut renewed) = self.publish_page(emission, page.events).await? else {
                return Ok(None);
            };
            count += published;
            metrics.counter(&REEMITTED_EVENTS).add(published);
            if page.last.is_none() {
                return Ok(Some(count));
            }
            renewed.after = page.last;
            let Some(renewed) = self.emissions.write(renewed).await? else {
                return Ok(None);
            };
            emission = renewed;
        }
    }

    /// Publishes a page, and renews the lease for as long as that takes.
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
                    Some(renewed) => emission = renewed,
                    None => return Ok(None),
                }
            }
        }
    }

    /// Publishes the state of everything on request, and returns the number of events.
    pub async fn emit_all(&self) -> Result<u64, ResyncError> {
        let metrics = self.broker.metrics();
        metrics.counters(&REEMISSIONS).with(["by_hand"]).increment();
        let count = emit(&self.snapshot, &self.broker).await?;
        metrics.counter(&REEMITTED_EVENTS).add(count);
        Ok(count)
    }
}

/// Publishes a whole snapshot, and returns the number of events.
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

/// Publishes events of a run. The id names run, entity and version, so the stream stores each state once per run.
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
