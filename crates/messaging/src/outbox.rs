//! Documents that contain their events: a change and its event are one write.

mod entry;

use std::sync::Arc;

use bson::{Bson, Document, RawDocumentBuf, doc};
use common::Event;
use mongo::{Collection, Session, StoreError};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::relay::Outbox;
use crate::changes::Changes;

use entry::LIMIT;
pub(super) use entry::{Entry, FIELD, Waiting, publishable, unpublishable};

/// A new document with its events.
#[derive(Serialize)]
struct Stored<'a, D> {
    #[serde(flatten)]
    document: &'a D,
    /// Serialized under the name [`FIELD`].
    outbox: &'a [Entry],
}

/// Events that were written and wait for the relay.
#[derive(Debug)]
#[must_use = "pass it to `OutboxCollection::committed`, or the events wait for the sweep"]
pub struct Pending {
    pub(super) collection: Collection<RawDocumentBuf>,
    pub(super) document: Bson,
    pub(super) entries: Vec<Entry>,
}

/// Why a document was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another document has its `_id` or another of its unique values.
    #[error("the document exists already")]
    Duplicate,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        if error.is_duplicate_key() {
            Self::Duplicate
        } else {
            Self::Store(error)
        }
    }
}

/// A collection whose documents contain their events in an array `outbox`.
///
/// `D` is the document without that array.
#[derive(Debug)]
pub struct OutboxCollection<D: Send + Sync> {
    documents: Collection<D>,
    raw: Collection<RawDocumentBuf>,
    outbox: Arc<Outbox>,
    changes: Changes,
}

impl<D: Send + Sync> Clone for OutboxCollection<D> {
    fn clone(&self) -> Self {
        Self {
            documents: self.documents.clone(),
            raw: self.raw.clone(),
            outbox: Arc::clone(&self.outbox),
            changes: self.changes.clone(),
        }
    }
}

impl<D> OutboxCollection<D>
where
    D: Serialize + DeserializeOwned + Send + Sync + Unpin + 'static,
{
    pub(super) fn new(documents: Collection<D>, outbox: Arc<Outbox>) -> Self {
        Self {
            raw: documents.with_type(),
            documents,
            outbox,
            changes: Changes::default(),
        }
    }

    /// Counts this process's writes: each insertion and update when it ends, each transaction when it has committed.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The documents, for reading.
    #[must_use]
    pub const fn documents(&self) -> &Collection<D> {
        &self.documents
    }

    /// Creates the partial index that the sweep uses to find waiting events.
    pub async fn ensure_index(&self) -> Result<(), StoreError> {
        let waiting = doc! { "outbox.time": { "$exists": true } };
        let options = IndexOptions::builder()
            .name("outbox_waiting".to_owned())
            .partial_filter_expression(waiting)
            .build();
        let index = IndexModel::builder()
            .keys(doc! { "outbox.time": 1 })
            .options(options)
            .build();
        self.raw.create_indexes([index]).await
    }

    /// Writes a new document with its events.
    pub async fn insert(&self, document: &D, events: &[Event]) -> Result<(), WriteError> {
        let (stored, pending) = self.prepare(document, events)?;
        let _guard = self.changes.note_on_drop();
        self.raw.insert_raw(stored).await?;
        self.committed(pending);
        Ok(())
    }

    /// Like [`OutboxCollection::insert`], for a document with a freshly generated `_id` ([`Collection::insert_fresh`]).
    pub async fn insert_fresh(&self, document: &D, events: &[Event]) -> Result<(), StoreError> {
        match self.insert(document, events).await {
            // A retry of the driver found the document already inserted. The sweep publishes its events.
            Ok(()) | Err(WriteError::Duplicate) => Ok(()),
            Err(WriteError::Store(error)) => Err(error),
        }
    }

    /// Writes new documents, each with its event, in a transaction. Pass the result to
    /// [`committed`](OutboxCollection::committed) after the commit.
    pub async fn insert_many_in(
        &self,
        session: &mut Session,
        documents: impl IntoIterator<Item = (D, Event)>,
    ) -> Result<Vec<Pending>, StoreError> {
        let prepared = documents
            .into_iter()
            .map(|(document, event)| self.prepare(&document, &[event]));
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let (stored, pending): (Vec<_>, Vec<_>) = prepared.into_iter().unzip();
        self.raw.insert_many_in(session, &stored).await?;
        Ok(pending)
    }

    /// Updates the one document that matches and adds the events to it. Returns whether one matched.
    ///
    /// `filter` contains the document's `_id`, and should contain the version that the events were made from.
    pub async fn update(
        &self,
        filter: Document,
        update: Document,
        events: &[Event],
    ) -> Result<bool, StoreError> {
        let id = id_of(&filter);
        let (update, entries) = self.with_entries(update, events)?;
        let _guard = self.changes.note_on_drop();
        let is_changed = self.raw.update_one(filter, update, false).await?;
        if is_changed {
            self.committed(self.pending(id, entries));
        }
        Ok(is_changed)
    }

    /// Updates documents in a transaction, each with its own filter as in [`OutboxCollection::update`] and its own
    /// event. Pass the result to [`committed`](OutboxCollection::committed) after the commit. `None` if a filter
    /// matched nothing.
    ///
    /// Like [`Collection::update_many_in`], it must not be the first command of a transaction.
    pub async fn update_many_in(
        &self,
        session: &mut Session,
        changes: impl IntoIterator<Item = (Document, Document, Event)>,
    ) -> Result<Option<Vec<Pending>>, StoreError> {
        let (mut updates, mut pending) = (Vec::new(), Vec::new());
        for (filter, update, event) in changes {
            let id = id_of(&filter);
            let (update, entries) = self.with_entries(update, &[event])?;
            updates.push((filter, update));
            pending.push(self.pending(id, entries));
        }
        let all = self.raw.update_many_in(session, updates).await?;
        Ok(all.then_some(pending))
    }

    /// Counts a committed write, and notifies the relay of its events.
    pub fn committed(&self, pending: Pending) {
        self.changes.note();
        self.outbox.notify(pending);
    }

    fn prepare(
        &self,
        document: &D,
        events: &[Event],
    ) -> Result<(RawDocumentBuf, Pending), StoreError> {
        let outbox = self.entries(events);
        let stored = Stored {
            document,
            outbox: &outbox,
        };
        let stored = bson::serialize_to_raw_document_buf(&stored)?;
        let id = match stored.get("_id")? {
            Some(id) => id.try_into()?,
            None => Bson::Null,
        };
        Ok((stored, self.pending(id, outbox)))
    }

    fn entries(&self, events: &[Event]) -> Vec<Entry> {
        let now = self.outbox.now();
        events.iter().map(|event| Entry::new(event, now)).collect()
    }

    fn with_entries(
        &self,
        mut update: Document,
        events: &[Event],
    ) -> Result<(Document, Vec<Entry>), StoreError> {
        let entries = self.entries(events);
        if !entries.is_empty() {
            let each = doc! { "$each": bson::serialize_to_bson(&entries)?, "$slice": -LIMIT };
            match update.get_document_mut("$push") {
                Ok(push) => _ = push.insert(FIELD, each),
                Err(_) => _ = update.insert("$push", doc! { FIELD: each }),
            }
        }
        Ok((update, entries))
    }

    fn pending(&self, document: Bson, entries: Vec<Entry>) -> Pending {
        Pending {
            collection: self.raw.clone(),
            document,
            entries,
        }
    }
}

/// The `_id` in a filter.
fn id_of(filter: &Document) -> Bson {
    filter.get("_id").cloned().unwrap_or(Bson::Null)
}
