//! The sweep: finds and publishes entries that are still in outboxes.

use std::time::Duration;

use bson::{Bson, RawDocumentBuf, doc};
use common::Timestamp;
use futures::StreamExt;
use mongo::{Collection, Find, StoreError, to_date_time};

use super::{IN_FLIGHT, Relay, RelayError};
use crate::broker::{BrokerError, Publisher};
use crate::outbox::{FIELD, Pending, Waiting, publishable};

/// How many documents are read at once.
const BATCH: usize = 500;

impl<P: Publisher> Relay<P> {
    /// Publishes all entries that are at least `age` old.
    pub(super) async fn sweep(&self, age: Duration) -> Result<(), RelayError> {
        for (_, collection) in &self.collections {
            let mut skipped = Vec::new();
            while self.sweep_batch(collection, age, &mut skipped).await? {}
        }
        Ok(())
    }

    /// Publishes a batch, and returns whether there may be more. Documents with an entry that cannot be published are
    /// added to `skipped`, and not read again.
    async fn sweep_batch(
        &self,
        collection: &Collection<RawDocumentBuf>,
        age: Duration,
        skipped: &mut Vec<Bson>,
    ) -> Result<bool, RelayError> {
        let waiting = self.waiting(collection, age, skipped).await?;
        let full = waiting.len() == BATCH;
        let mut publishing = futures::stream::iter(waiting)
            .map(|waiting| {
                let number = waiting.outbox.len();
                let pending = Pending {
                    entries: waiting.readable(),
                    document: waiting.id,
                    collection: collection.clone(),
                };
                async move {
                    let published = self.publish_all(pending).await?;
                    Ok::<_, BrokerError>((published.entries.len() == number, published))
                }
            })
            .buffer_unordered(IN_FLIGHT);
        let (mut published, mut failure) = (Vec::new(), None);
        while let Some(outcome) = publishing.next().await {
            match outcome {
                Ok((is_all, pending)) => {
                    skipped.extend((!is_all).then(|| pending.document.clone()));
                    published.push(pending);
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        self.clear(&published).await?;
        failure.map_or(Ok(full), |error| Err(error.into()))
    }

    /// Documents with an entry that is old enough and can be published, except for the skipped ones.
    async fn waiting(
        &self,
        collection: &Collection<RawDocumentBuf>,
        age: Duration,
        skipped: &[Bson],
    ) -> Result<Vec<Waiting>, StoreError> {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let before = self.outbox.now().milliseconds().saturating_sub(age);
        let before = doc! { "$lte": to_date_time(Timestamp::from_milliseconds(before)) };
        let mut entry = publishable(self.publisher.publishes());
        entry.insert("time", before.clone());
        // The first condition uses the index; the second applies to one and the same entry.
        let mut filter = doc! { "outbox.time": before, FIELD: { "$elemMatch": entry } };
        if !skipped.is_empty() {
            filter.insert("_id", doc! { "$nin": skipped });
        }
        let find = Find::matching(filter)
            .project(doc! { FIELD: 1 })
            .limit(i64::try_from(BATCH).unwrap_or(i64::MAX));
        collection.with_type().find(find).await
    }
}
