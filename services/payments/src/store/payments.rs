//! Payments, each with its outbox and the time at which the sweep resumes it.

use bson::{DateTime, Document, doc};
use common::id::kind;
use common::{Event, Id, Timestamp};
use messaging::resync::{Snapshot, snapshot_of};
use messaging::{OutboxCollection, Publisher, Relay, WriteError};
use mongo::{Database, Find, StoreError, object_id, stored_version, to_date_time, typed_id};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::Deserialize;

use super::document::PaymentDocument;
use crate::domain::Payment;
use crate::metrics::{PaymentMetrics, sample_unfinished};

/// The payments collection.
#[derive(Debug, Clone)]
pub(crate) struct PaymentStore {
    payments: OutboxCollection<PaymentDocument>,
    metrics: PaymentMetrics,
}

/// A payment that is due for the sweep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    order: Id<kind::Order>,
    at: DateTime,
}

#[derive(Deserialize)]
struct DueDocument {
    #[serde(rename = "_id")]
    order_id: bson::oid::ObjectId,
    due_at: DateTime,
}

impl PaymentStore {
    /// Opens the collection and creates its index.
    pub(crate) async fn open(
        database: &Database,
        relay: &mut Relay<impl Publisher>,
    ) -> Result<Self, StoreError> {
        let payments = relay.collection(database, "payments").await?;
        let metrics = database.metrics();
        sample_unfinished(&payments, &metrics);
        let metrics = PaymentMetrics::new(&metrics);
        let store = Self { payments, metrics };
        let unfinished = IndexOptions::builder()
            .name("unfinished".to_owned())
            .partial_filter_expression(doc! { "due_at": { "$exists": true } })
            .build();
        let due = IndexModel::builder()
            .keys(doc! { "due_at": 1 })
            .options(unfinished)
            .build();
        store.payments.documents().create_indexes([due]).await?;
        Ok(store)
    }

    /// The metrics about payments.
    pub(crate) const fn metrics(&self) -> &PaymentMetrics {
        &self.metrics
    }

    /// Adds an order's payment. The caller works on it until `lease` ends; then the sweep takes over.
    pub(crate) async fn insert(
        &self,
        payment: &Payment,
        lease: Timestamp,
    ) -> Result<(), WriteError> {
        let stored = PaymentDocument::new(payment, Some(to_date_time(lease)));
        self.payments.insert(&stored, &[]).await
    }

    /// The order's payment, if there is one.
    pub(crate) async fn find(&self, order: Id<kind::Order>) -> Result<Option<Payment>, StoreError> {
        let found = self
            .payments
            .documents()
            .find_by_id(object_id(order))
            .await?;
        Ok(found.map(Payment::from))
    }

    /// Replaces `old` with `new` and queues the event that `new` publishes; false if `old` is not the current version.
    ///
    /// If work is left, the caller does it until `lease` ends; then the sweep takes over.
    pub(crate) async fn replace(
        &self,
        old: &Payment,
        new: &Payment,
        lease: Timestamp,
    ) -> Result<bool, StoreError> {
        let due = new.is_unfinished().then(|| to_date_time(lease));
        let mut update = doc! { "$set": PaymentDocument::new(new, due).fields()? };
        if due.is_none() {
            update.insert("$unset", doc! { "due_at": "" });
        }
        let events: Vec<Event> = new.event_since(old).into_iter().collect();
        let written = self
            .payments
            .update(version_of(old), update, &events)
            .await?;
        if written {
            self.metrics.changed(old, new);
        }
        Ok(written)
    }

    /// Records that no work is left for this version of the payment.
    pub(crate) async fn finish(&self, payment: &Payment) -> Result<(), StoreError> {
        let update = doc! { "$unset": { "due_at": "" } };
        self.payments
            .update(version_of(payment), update, &[])
            .await?;
        Ok(())
    }

    /// Leaves this version of the payment to the sweep at `until`, after a try that failed.
    pub(crate) async fn postpone(
        &self,
        payment: &Payment,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let update = doc! { "$set": { "due_at": to_date_time(until) }, "$inc": { "tries": 1_i64 } };
        self.payments
            .update(version_of(payment), update, &[])
            .await?;
        self.metrics.postponed();
        Ok(())
    }

    /// The payments that are due, in the order of their due times.
    pub(crate) async fn due(&self, now: Timestamp, limit: i64) -> Result<Vec<Due>, StoreError> {
        let find = Find::matching(doc! { "due_at": { "$lte": to_date_time(now) } })
            .sort(doc! { "due_at": 1 })
            .project(doc! { "due_at": 1 })
            .limit(limit);
        let payments = self.payments.documents().with_type::<DueDocument>();
        let due = payments.find(find).await?.into_iter().map(|found| Due {
            order: typed_id(found.order_id),
            at: found.due_at,
        });
        Ok(due.collect())
    }

    /// Leases a due payment to the caller; `None` if another process was faster.
    pub(crate) async fn claim(
        &self,
        due: Due,
        lease: Timestamp,
    ) -> Result<Option<Payment>, StoreError> {
        let mut unclaimed = by_order(due.order);
        unclaimed.insert("due_at", due.at);
        let update = doc! { "$set": { "due_at": to_date_time(lease) } };
        let payments = self.payments.documents();
        let claimed = payments.find_one_and_update(unclaimed, update).await?;
        Ok(claimed.map(Payment::from))
    }

    /// The events of all payments that have one, for re-emission.
    pub(crate) fn snapshot(&self) -> Snapshot {
        snapshot_of(self.payments.documents(), |stored| {
            Payment::from(stored).event()
        })
    }
}

fn by_order(order: Id<kind::Order>) -> Document {
    doc! { "_id": object_id(order) }
}

fn version_of(payment: &Payment) -> Document {
    let mut filter = by_order(payment.order_id());
    filter.insert("version", stored_version(payment.version()));
    filter
}
