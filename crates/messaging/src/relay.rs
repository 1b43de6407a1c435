//! The relay publishes what waits in outboxes, and takes it out once the broker has it.
//!
//! Taking out is done by one write for all that was published in a while, since nobody waits for it. Until it is done,
//! nothing but a repetition under the same id could come of it. It is a transaction, which gives way to whoever is
//! writing one of the documents and comes back: a plain write would wait for them in the middle of its own.
//!
//! Each write nudges it with what was written; a sweep finds what was left by a process that died, by a broker
//! that was away, or by a nudge that found the queue full.
//!
//! An entry that this release cannot publish (another release wrote it, or it is damaged) stays in its outbox. It holds
//! up neither the other entries of its document, since nothing relies on the order of events, nor other documents: the
//! sweep's query does not find it.

mod sweep;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bson::{RawDocumentBuf, doc};
use common::{Subject, Timestamp};
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError, Outgoing, Publisher};
use super::metrics::measure_outboxes;
use super::outbox::{Entry, FIELD, OutboxCollection, Pending};
use crate::metrics::catalogue::EVENT_PUBLISH_LAG;
use base::clock::Clock;
use mongo::{Collection, Database, StoreError, in_transaction};
use telemetry::metrics::Histograms;

/// How many nudges wait; one that finds the queue full is left to the sweep.
const QUEUE: usize = 4_096;
/// How many documents are published at once.
const IN_FLIGHT: usize = 64;
/// How many documents are cleared at once, of the published ones that wait for it, and how long others gather then, if
/// there are no more: so long that many do under load, and far from what a sweep would take for left behind.
const CLEARED_AT_ONCE: usize = 500;
const CLEAR_EVERY: Duration = Duration::from_millis(200);
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// What is younger is probably on its way by its nudge.
const SWEEP_AGE: Duration = Duration::from_secs(2);
/// How long a stopping process publishes what still waits; after that it waits for the next start, or another process.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// Where writers leave word of what they wrote.
#[derive(Debug)]
pub struct Outbox {
    nudges: mpsc::Sender<Pending>,
    clock: Clock,
}

impl Outbox {
    /// When an event is written, by the machine's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn nudge(&self, pending: Pending) {
        if !pending.entries.is_empty() {
            // Full or closed: the entries are in the database, and the sweep finds them.
            let _ = self.nudges.try_send(pending);
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
    /// A relay to this publisher, which tells the age of what waits by this clock.
    #[must_use]
    pub fn to(publisher: P, clock: Clock) -> Self {
        let (nudges, queue) = mpsc::channel(QUEUE);
        Self {
            publisher,
            outbox: Arc::new(Outbox { nudges, clock }),
            queue: Mutex::new(queue),
            collections: Vec::new(),
            lags: Histograms::absent(),
        }
    }

    /// Opens a collection whose outboxes this relay publishes, and makes sure of the index that the sweep needs.
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

    /// Publishes until told to stop, then publishes what still waits. Meant to be told after all writers ended.
    pub async fn run(self, stop: CancellationToken) {
        let mut queue = self.queue.lock().await;
        let (published, clearable) = mpsc::channel(QUEUE);
        let nudged = async {
            let nudges = futures::stream::poll_fn(|context| queue.poll_recv(context));
            nudges
                .for_each_concurrent(IN_FLIGHT, async |pending| {
                    self.relay(pending, &published).await;
                })
                .await;
        };
        tokio::select! {
            biased;
            () = nudged => {}
            () = self.clear_behind(clearable) => {}
            () = self.sweep_regularly() => {}
            () = stop.cancelled() => {}
        }
        // What was being published when the stop came is still in its outbox.
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
                tracing::warn!(%error, "outbox sweep failed, trying again");
            }
        }
    }

    async fn relay(&self, pending: Pending, published: &mpsc::Sender<Pending>) {
        match self.publish_all(pending).await {
            // Nobody clears any more when the process stops, which sweeps then.
            Ok(pending) => drop(published.send(pending).await),
            Err(error) => {
                tracing::warn!(%error, "event not published yet, the sweep tries again");
            }
        }
    }

    /// Takes out what was published, all that gathered at once.
    async fn clear_behind(&self, mut published: mpsc::Receiver<Pending>) {
        let mut batch = Vec::new();
        while published.recv_many(&mut batch, CLEARED_AT_ONCE).await > 0 {
            if let Err(error) = self.clear(&batch).await {
                tracing::warn!(%error, "outbox not cleared yet, the sweep tries again");
            }
            batch.clear();
            if published.len() < CLEARED_AT_ONCE {
                sleep(CLEAR_EVERY).await;
            }
        }
    }

    /// Publishes what it can; gives what is published, which may be cleared.
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

    /// Publishes an entry; false if that will never work in this process.
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

    /// Takes these entries out, each collection's by one write.
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
