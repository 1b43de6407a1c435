//! The unpublished events in each service's database.

use anyhow::Context;
use audit::access::{now, within_timeout};
use audit::documents::timestamp;
use bson::{DateTime, Document, doc};
use futures::future::join_all;
use serde::Serialize;

use crate::connections::{Connections, Store};
use crate::failure::Failure;

/// The collections with outboxes.
const OUTBOXES: [(Store, &str); 3] = [
    (Store::Tickets, "tickets"),
    (Store::Orders, "orders"),
    (Store::Payments, "payments"),
];

/// An outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownOutbox {
    pub(super) database: &'static str,
    /// The number of documents with unpublished events.
    pub(super) documents: u64,
    /// The age of the oldest of these events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) oldest_milliseconds: Option<u64>,
}

pub(super) async fn read(connections: &Connections) -> Vec<Result<ShownOutbox, Failure>> {
    let outboxes = OUTBOXES.map(|(store, collection)| outbox(connections, store, collection));
    join_all(outboxes).await
}

async fn outbox(
    connections: &Connections,
    store: Store,
    collection: &str,
) -> Result<ShownOutbox, Failure> {
    let database = connections.database(store).await?;
    let documents = database.collection::<Document>(collection);
    // The relay's sweep has an index for this.
    let waiting = doc! { "outbox.time": { "$exists": true } };
    let count = documents.count_documents(waiting.clone());
    let count = within_timeout(collection, async { count.await }).await;
    let count = count.with_context(|| connections.database_unreachable(store))?;
    let oldest = documents
        .find_one(waiting)
        .sort(doc! { "outbox.time": 1 })
        .projection(doc! { "outbox.time": 1 });
    let oldest = within_timeout(collection, async { oldest.await }).await;
    let oldest = oldest.with_context(|| connections.database_unreachable(store))?;
    Ok(ShownOutbox {
        database: store.name(),
        documents: count,
        oldest_milliseconds: oldest.as_ref().and_then(oldest_event).map(|since| {
            let age = now().since(timestamp(since)).as_millis();
            u64::try_from(age).unwrap_or(u64::MAX)
        }),
    })
}

fn oldest_event(document: &Document) -> Option<DateTime> {
    let entries = document.get_array("outbox").ok()?.iter();
    let times = entries.filter_map(|entry| entry.as_document()?.get_datetime("time").ok());
    times.min().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outbox_is_as_old_as_its_oldest_event() {
        let time = DateTime::from_millis;
        let document = doc! { "outbox": [{ "time": time(7) }, { "time": time(3) }] };
        assert_eq!(oldest_event(&document), Some(time(3)));
        assert_eq!(oldest_event(&doc! { "outbox": [] }), None);
    }
}
