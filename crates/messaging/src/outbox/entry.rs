//! An event that waits in an outbox.

use bson::{Bson, DateTime, Document, doc};
use common::id::kind;
use common::{Event, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use mongo::{new_id, to_date_time};
use telemetry::TraceContext;

/// The field that holds the events waiting to be published.
pub(crate) const FIELD: &str = "outbox";

/// How many events an outbox holds; the oldest leave it if there are more, as when the broker is away for days. A
/// document in which they gathered without limit would reach the database's 16 MB and could no longer be changed.
///
/// Each event carries the whole state of its entity, and nothing relies on an event of which there is a later one. Only a
/// ticket that is edited again and again ever has so many: a held ticket cannot be edited, so what an order waits for
/// (that its ticket is held, or free) is always in the latest. An order or a payment has a few events in its life. An
/// event that only another release can publish is as old as any other here, and is lost only together with 64 changes
/// that this release could not publish either.
pub(super) const LIMIT: i32 = 64;

/// An event waiting in its entity's document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Becomes the message's id, so that publishing it twice is publishing it once.
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    /// By the machine's clock, for the sweep and for people.
    pub(crate) time: DateTime,
    /// Where in a trace it was written, for the process that publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<TraceContext>,
}

impl Entry {
    pub(super) fn new(event: &Event, now: Timestamp) -> Self {
        // The random part keeps ids apart between fleets and rebuilt databases.
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

/// What an entry must be so that a relay can publish it that publishes these subjects, as a filter.
pub(crate) fn publishable(subjects: &[Subject]) -> Document {
    let subjects: Vec<_> = subjects.iter().map(|subject| subject.as_str()).collect();
    doc! {
        "subject": { "$in": subjects },
        "id": { "$type": "string" },
        "body": { "$type": "string" },
    }
}

/// What an entry is that such a relay cannot publish and that no other has published since before `recent`, as a filter.
pub(crate) fn unpublishable(subjects: &[Subject], recent: DateTime) -> Document {
    let right = publishable(subjects).into_iter();
    let wrong: Vec<_> = right
        .map(|(field, right)| doc! { field: { "$not": right } })
        .collect();
    doc! { "$or": wrong, "time": { "$not": { "$gt": recent } } }
}

/// A document with an outbox, whose entries may be anything.
#[derive(Debug, Deserialize)]
pub(crate) struct Waiting {
    #[serde(rename = "_id")]
    pub(crate) id: Bson,
    pub(crate) outbox: Vec<Bson>,
}

impl Waiting {
    /// Those of its entries that can be read.
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
