//! An event that waits in an outbox.

use bson::{Bson, DateTime, Document, doc};
use common::id::kind;
use common::{Event, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use mongo::{new_id, to_date_time};
use telemetry::TraceContext;

/// The field that holds the events waiting to be published.
pub(crate) const FIELD: &str = "outbox";

/// The limit of events in an outbox. If there are more, because the broker is away for days, the oldest are dropped.
/// Without a limit, the document could reach the database's maximum of 16 MB and could no longer be changed.
///
/// Dropping is safe: each event contains the whole state of its entity, and nothing needs an event that a later one
/// replaces. Only a ticket that is edited many times reaches the limit. A held ticket cannot be edited, so the latest
/// event always contains what an order waits for (that its ticket is held, or free). An order or a payment has only a
/// few events. An event that only another release can publish is dropped only when 64 later ones wait as well.
pub(super) const LIMIT: i32 = 64;

/// An event waiting in its entity's document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The message's id, by which the broker drops a second publication.
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    /// When it was written, by the machine's clock.
    pub(crate) time: DateTime,
    /// The trace context of the write, for the process that publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<TraceContext>,
}

impl Entry {
    pub(super) fn new(event: &Event, now: Timestamp) -> Self {
        // The random part makes ids unique across fleets and rebuilt databases.
        let nonce = new_id::<kind::Nonce>();
        let version = event.version().unwrap_or(0);
        Self {
            id: format!("{}-{version}-{nonce}", event.entity_id()),
            subject: event.subject().as_str().to_owned(),
            body: event.to_json(),
            time: to_date_time(now),
            cause: TraceContext::current(),
        }
    }
}

/// A filter for the entries that a release with these subjects can publish.
pub(crate) fn publishable(subjects: &[Subject]) -> Document {
    let subjects: Vec<_> = subjects.iter().map(|subject| subject.as_str()).collect();
    doc! {
        "subject": { "$in": subjects },
        "id": { "$type": "string" },
        "body": { "$type": "string" },
    }
}

/// A filter for the entries older than `recent` that such a release cannot publish.
pub(crate) fn unpublishable(subjects: &[Subject], recent: DateTime) -> Document {
    let conditions = publishable(subjects).into_iter();
    let violations: Vec<_> = conditions
        .map(|(field, condition)| doc! { field: { "$not": condition } })
        .collect();
    doc! { "$or": violations, "time": { "$not": { "$gt": recent } } }
}

/// A document with an outbox. Its entries may be damaged.
#[derive(Debug, Deserialize)]
pub(crate) struct Waiting {
    #[serde(rename = "_id")]
    pub(crate) id: Bson,
    pub(crate) outbox: Vec<Bson>,
}

impl Waiting {
    /// The entries that can be read.
    pub(crate) fn readable(&self) -> Vec<Entry> {
        let entries = self.outbox.iter();
        let entries = entries.filter_map(|entry| {
            let read = bson::deserialize_from_bson(entry.clone());
            read.inspect_err(|error| {
                tracing::error!(%error, document = %self.id, "unreadable entry left in its outbox");
            })
            .ok()
        });
        entries.collect()
    }
}
