//! The relay publishes the entries of outboxes, and removes them after the broker acknowledged them.
//!
//! Published entries are removed in batches, because nobody waits for it: until then, an entry could at worst be
//! published again under the same id. The removal is a transaction. On a write conflict it aborts and is retried, so it
//! never holds locks while it waits for another writer; a plain write would.
//!
//! Each write notifies the relay. A sweep finds the entries of a process that died, those written while the broker was
//! away, and those whose notification found the queue full.
//!
//! An entry that this release cannot publish (another release wrote it, or it is damaged) stays in its outbox. It
//! blocks neither the other entries of its document, because nothing relies on the order of events, nor other
//! documents, because the sweep's query does not match it.

mod sweep;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use base::clock::Clock;
use bson::{RawDocumentBuf, doc};
use common::{Subject, Timestamp};
use futures::{FutureExt, StreamExt};
use mongo::{Collection, Database, StoreError, in_transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::metrics::Histograms;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError, Outgoing, Publisher};
use super::metrics::measure_outboxes;
use super::outbox::{Entry, FIELD, OutboxCollection, Pending};
use crate::metrics::catalogue::EVENT_PUBLISH_LAG;

/// The capacity of the queue of notifications. Writes whose notification does not fit are left to the sweep.
const QUEUE: usize = 4_096;
/// How many documents are published at once.
const IN_FLIGHT: usize = 64;
/// How many published documents are cleared in one batch, and the pause after a batch if fewer are waiting. The pause
/// is long enough to fill batches under load, and much shorter than [`SWEEP_AGE`].
const CLEAR_BATCH: usize = 500;
const CLEAR_EVERY: Duration = Duration::from_millis(200);
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// The sweep ignores younger entries: they are probably being published after their notification.
const SWEEP_AGE: Duration = Duration::from_secs(2);
/// How long a stopping process publishes remaining entries. The next start, or another process, publishes the rest.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// The queue through which writers notify the relay.
#[derive(Debug)]
pub struct Outbox {
    notifications: mpsc::Sender<Pending>,
    clock: Clock,
}

impl Outbox {
    /// The time for a new entry, by the machine's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn notify(&self, pending: Pending) {
        if !pending.entries.is_empty() {
            // If the queue is full or closed, the sweep finds the entries.
            let _ = self.notifications.try_send(pending);
        }
    }
}

/// Publishes a service's outboxes.
#[derive(Debug)]
pub struct Relay<P = Broker> {
    publisher: P,
    outbox: Arc<Outbox>,
    queue: Mutex<mpsc::Receiver<Pending>>,
    collections: Vec<(Database, Collection<RawDocumentBuf>)>,
    lags: Histograms<1>,
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Relay {
    /// A relay to this broker, with no collections yet.
    #[must_use]
    pub fn new(broker: Broker) -> Self {
        let lags = broker.metrics().histograms(&EVENT_PUBLISH_LAG);
        Self {
            lags,
            ..Self::to(broker, Clock::system())
        }
    }
}

impl<P: Publisher> Relay<P> {
    /// A relay to this publisher. It determines the age of entries by this clock.
    #[must_use]
    pub fn to(publisher: P, clock: Clock) -> Self {
        let (notifications, queue) = mpsc::channel(QUEUE);
        Self {
            publisher,
            outbox: Arc::new(Outbox {
                notifications,
                clock,
            }),
            queue: Mutex::new(queue),
            collections: Vec::new(),
            lags: Histograms::absent(),
        }
    }

    /// Opens a collection whose outboxes this relay publishes, and creates the index that the sweep needs.
    pub async fn collection<D>(
        &mut self,
        database: &Database,
        name: &str,
    ) -> Result<OutboxCollection<D>, StoreError>
    where
        D: Serialize + DeserializeOwned + Send + Sync + Unpin + 'static,
    {
        let collection = OutboxCollection::new(database.collection(name), Arc::clone(&self.outbox));
        collection.ensure_index().await?;
        let subjects = self.publisher.publishes();
        measure_outboxes(
            database.collection(name),
            name,
            subjects,
            &database.metrics(),
        );
        let documents = database.collection(name);
        self.collections.push((database.clone(), documents));
        Ok(collection)
    }

    /// Publishes until cancelled, then publishes the remaining entries. Cancel it after all writers ended.
    pub async fn run(self, stop: CancellationToken) {
        let mut queue = self.queue.lock().await;
        let (published, clearable) = mpsc::channel(QUEUE);
        let publish_notified = async {
            let notifications = futures::stream::poll_fn(|context| queue.poll_recv(context));
            notifications
                .for_each_concurrent(IN_FLIGHT, async |pending| {
                    self.relay(pending, &published).await;
                })
                .await;
        };
        tokio::select! {
            biased;
            () = publish_notified => {}
            () = self.clear_published(clearable) => {}
            () = self.sweep_regularly() => {}
            () = stop.cancelled() => {}
        }
        // Entries whose publication was interrupted are still in their outboxes.
        match timeout(DRAIN_LIMIT, self.sweep(Duration::ZERO)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "outbox not drained, the next start continues");
            }
            Err(_) => tracing::warn!("outbox not drained in time, the next start continues"),
        }
    }

    async fn sweep_regularly(&self) {
        let mut ticks = interval(SWEEP_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.sweep(SWEEP_AGE).await {
                tracing::warn!(%error, "outbox sweep failed, retrying");
            }
        }
    }

    async fn relay(&self, pending: Pending, published: &mpsc::Sender<Pending>) {
        match self.publish_all(pending).await {
            // Sending fails only while the process stops; the final sweep then clears.
            Ok(pending) => drop(published.send(pending).await),
            Err(error) => {
                tracing::warn!(%error, "event not published, the sweep retries");
            }
        }
    }

    /// Removes published entries, in batches.
    async fn clear_published(&self, mut published: mpsc::Receiver<Pending>) {
        let mut batch = Vec::new();
        while published.recv_many(&mut batch, CLEAR_BATCH).await > 0 {
            if let Err(error) = self.clear(&batch).await {
                tracing::warn!(%error, "outbox not cleared, the sweep retries");
            }
            batch.clear();
            if published.len() < CLEAR_BATCH {
                sleep(CLEAR_EVERY).await;
            }
        }
    }

    /// Publishes the entries that it can, and returns those, to be cleared.
    async fn publish_all(&self, pending: Pending) -> Result<Pending, BrokerError> {
        let mut published = Vec::with_capacity(pending.entries.len());
        for entry in pending.entries {
            if self.publish(&entry).await? {
                published.push(entry);
            }
        }
        Ok(Pending {
            entries: published,
            ..pending
        })
    }

    /// Publishes an entry. Returns false if this release can never publish it.
    async fn publish(&self, entry: &Entry) -> Result<bool, BrokerError> {
        let Some(subject) = self.known(&entry.subject) else {
            tracing::warn!(
                event.id = entry.id,
                event.subject = entry.subject,
                "event left in its outbox, this release does not publish its subject"
            );
            return Ok(false);
        };
        let message = Outgoing {
            id: entry.id.clone(),
            subject,
            body: entry.body.clone(),
            time: Timestamp::from_milliseconds(entry.time.timestamp_millis()),
            cause: entry.cause.clone(),
        };
        match self.publisher.publish(&message).await {
            Err(error) if error.is_permanent() => {
                tracing::error!(event.id = message.id, event.subject = %subject, %error, "event left in its outbox, the broker refuses it");
                return Ok(false);
            }
            published => published?,
        }
        let lag = self.outbox.now().since(message.time);
        self.lags.with([subject.as_str()]).observe(lag);
        tracing::info!(event.id = message.id, event.subject = %subject, "event published");
        Ok(true)
    }

    /// The subject, if this release publishes it.
    fn known(&self, subject: &str) -> Option<Subject> {
        let mut known = self.publisher.publishes().iter();
        known.find(|known| known.as_str() == subject).copied()
    }

    /// Removes these entries, with one write per collection.
    async fn clear(&self, published: &[Pending]) -> Result<(), StoreError> {
        for (database, collection) in &self.collections {
            let published = published.iter();
            let published = published.filter(|one| {
                one.collection.name() == collection.name() && !one.entries.is_empty()
            });
            let (documents, entries): (Vec<_>, Vec<_>) = published
                .map(|pending| (&pending.document, &pending.entries))
                .unzip();
            if documents.is_empty() {
                continue;
            }
            let entries: Vec<_> = entries
                .into_iter()
                .flatten()
                .map(|entry| &entry.id)
                .collect();
            let filter = doc! { "_id": { "$in": documents } };
            let update = doc! { "$pull": { FIELD: { "id": { "$in": entries } } } };
            let context = (collection, filter, update);
            let cleared = in_transaction(database, context, |session, context| {
                let (collection, filter, update) = context;
                async move {
                    let cleared = collection.update_all_in(session, filter.clone(), update.clone());
                    Ok(Ok::<_, Infallible>(cleared.await?))
                }
                .boxed()
            });
            let Ok(()) = cleared.await?;
        }
        Ok(())
    }
}
