//! The relay publishes what waits in outboxes, and takes it out once the broker has it.
//!
//! Taking out is done by one write for all that was published in a while, since nobody waits for it. Until it is done,
//! nothing but a repetition under the same id could come of it. It is a transaction, which gives way to whoever is
//! writing one of the documents and comes back: a plain write would wait for them in the middle of its own.
//!
//! Each write nudges it with what was written; a sweep finds what was left by a process that died, by a broker
//! that was away, or by a nudge that found the queue full.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bson::{RawDocumentBuf, doc};
use common::{Subject, Timestamp};
use futures::{FutureExt, StreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, BrokerError, Outgoing, Publisher};
use super::measured::measure_outboxes;
use super::outbox::{Entry, FIELD, OutboxCollection, Pending};
use crate::clock::Clock;
use crate::metrics::Histograms;
use crate::metrics::catalogue::EVENT_PUBLISH_LAG;
use crate::mongo::{Collection, Database, Find, StoreError, in_transaction, to_date_time};

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
/// How many documents a sweep takes at once.
const SWEEP_BATCH: usize = 500;

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

#[derive(Deserialize)]
struct Waiting {
    #[serde(rename = "_id")]
    id: bson::Bson,
    outbox: Vec<Entry>,
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
        measure_outboxes(database.collection(name), name, &database.metrics());
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
        match self.publish_all(&pending).await {
            // Nobody clears any more when the process stops, which sweeps then.
            Ok(()) => drop(published.send(pending).await),
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

    async fn publish_all(&self, pending: &Pending) -> Result<(), BrokerError> {
        for entry in &pending.entries {
            self.publish(entry).await?;
        }
        Ok(())
    }

    async fn publish(&self, entry: &Entry) -> Result<(), BrokerError> {
        let Ok(subject) = entry.subject.parse::<Subject>() else {
            // Written by a later release: it is for that release's relay, and must not hold up the rest.
            tracing::error!(subject = entry.subject, "unknown subject in an outbox");
            return Ok(());
        };
        let message = Outgoing {
            id: entry.id.clone(),
            subject,
            body: entry.body.clone(),
            time: Timestamp::from_milliseconds(entry.time.timestamp_millis()),
            cause: entry.cause.clone(),
        };
        self.publisher.publish(&message).await?;
        let lag = self.outbox.now().since(message.time);
        self.lags.with([subject.as_str()]).observe(lag);
        tracing::info!(event.id = message.id, event.subject = %subject, "event published");
        Ok(())
    }

    /// Publishes everything that has waited for at least `age`.
    async fn sweep(&self, age: Duration) -> Result<(), RelayError> {
        for (_, collection) in &self.collections {
            while self.sweep_batch(collection, age).await? {}
        }
        Ok(())
    }

    /// Publishes a batch; whether there may be more.
    async fn sweep_batch(
        &self,
        collection: &Collection<RawDocumentBuf>,
        age: Duration,
    ) -> Result<bool, RelayError> {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let before = self.outbox.now().milliseconds().saturating_sub(age);
        let before = to_date_time(Timestamp::from_milliseconds(before));
        let find = Find::matching(doc! { "outbox.time": { "$lte": before } })
            .project(doc! { FIELD: 1 })
            .limit(i64::try_from(SWEEP_BATCH).unwrap_or(i64::MAX));
        let waiting = collection.with_type::<Waiting>().find(find).await?;
        let full = waiting.len() == SWEEP_BATCH;
        let mut publishing = futures::stream::iter(waiting)
            .map(|waiting| Pending {
                collection: collection.clone(),
                document: waiting.id,
                entries: waiting.outbox,
            })
            .map(|pending| async move {
                let published = self.publish_all(&pending).await;
                published.map(|()| pending)
            })
            .buffer_unordered(IN_FLIGHT);
        let (mut published, mut failure) = (Vec::new(), None);
        while let Some(outcome) = publishing.next().await {
            match outcome {
                Ok(pending) => published.push(pending),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        self.clear(&published).await?;
        failure.map_or(Ok(full), |error| Err(error.into()))
    }

    /// Takes these entries out, each collection's by one write.
    async fn clear(&self, published: &[Pending]) -> Result<(), StoreError> {
        for (database, collection) in &self.collections {
            let published = published.iter();
            let published = published.filter(|one| one.collection.name() == collection.name());
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
