//! What is asked of a collection at the same time and is cheaper together: documents by their ids, and new documents.

use std::collections::HashMap;

use bson::oid::ObjectId;
use bson::{Document, RawDocumentBuf, doc};
use futures::TryStreamExt;
use mongodb::error::{Error, ErrorKind, IndexedWriteError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Backing, Collection};
use crate::batched::Batched;
use crate::mongo::StoreError;
use crate::mongo::patience::within_limit;

impl<D: DeserializeOwned + Send + Sync + 'static> Collection<D> {
    /// The document with this `_id`, if there is one. Those that are looked for at the same time are found together, each
    /// by a query that began after it was asked for.
    pub async fn find_by_id(&self, id: ObjectId) -> Result<Option<D>, StoreError> {
        match &self.0 {
            Backing::Server(.., together) => {
                let found = self.observed("find", together.find(id)).await?;
                let read = found.map(|found| bson::deserialize_from_slice(found.as_bytes()));
                Ok(read.transpose()?)
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find_one(&doc! { "_id": id }).await,
        }
    }
}

impl<D: Serialize + Send + Sync + 'static> Collection<D> {
    /// Adds a document; those that are added at the same time by one write, each of which may fail by itself.
    pub async fn insert_one(&self, document: &D) -> Result<(), StoreError> {
        match &self.0 {
            Backing::Server(.., together) => {
                let document = bson::serialize_to_document(document)?;
                self.observed("insert", together.insert(document)).await?;
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.insert_one(document).await?,
        }
        Ok(())
    }

    /// Adds a document whose `_id` was made for it, and which has no other unique value.
    ///
    /// Such an `_id` is only ever taken by the document itself: the driver repeats a write whose answer got lost, and a
    /// server that was killed meanwhile may not remember that it did it.
    pub async fn insert_fresh(&self, document: &D) -> Result<(), StoreError> {
        match self.insert_one(document).await {
            Err(error) if error.is_duplicate_key() => Ok(()),
            inserted => inserted,
        }
    }
}

/// The batches of a collection.
#[derive(Debug, Clone)]
pub(super) struct Together {
    found: Batched<ObjectId, Result<Option<RawDocumentBuf>, StoreError>>,
    inserted: Batched<Document, Result<(), StoreError>>,
}

impl Together {
    pub(super) fn on(collection: &mongodb::Collection<Document>) -> Self {
        let (found, inserted) = (collection.clone_with_type(), collection.clone());
        Self {
            found: Batched::new(move |ids| find_all(found.clone(), ids)),
            inserted: Batched::new(move |documents| insert_all(inserted.clone(), documents)),
        }
    }

    /// The document with this `_id`.
    async fn find(&self, id: ObjectId) -> Result<Option<RawDocumentBuf>, StoreError> {
        self.found.run(id).await
    }

    /// Adds the document.
    async fn insert(&self, document: Document) -> Result<(), StoreError> {
        self.inserted.run(document).await
    }
}

async fn find_all(
    collection: mongodb::Collection<RawDocumentBuf>,
    ids: Vec<ObjectId>,
) -> Vec<Result<Option<RawDocumentBuf>, StoreError>> {
    let filter = if let [id] = ids[..] {
        doc! { "_id": id }
    } else {
        doc! { "_id": { "$in": &ids } }
    };
    let found = within_limit(async move {
        let found: Vec<_> = collection.find(filter).await?.try_collect().await?;
        Ok(found)
    });
    match found.await {
        Ok(found) => {
            let found = found.into_iter();
            let by_id: HashMap<_, _> = found
                .filter_map(|document| Some((document.get_object_id("_id").ok()?, document)))
                .collect();
            ids.iter().map(|id| Ok(by_id.get(id).cloned())).collect()
        }
        Err(failure) => vec![Err(failure); ids.len()],
    }
}

async fn insert_all(
    collection: mongodb::Collection<Document>,
    documents: Vec<Document>,
) -> Vec<Result<(), StoreError>> {
    let number = documents.len();
    let inserted = within_limit(async move {
        let inserted = collection.insert_many(documents).ordered(false).await;
        match inserted {
            Ok(_) => Ok(Vec::new()),
            Err(error) => failures(error),
        }
    });
    let mut outcomes = vec![Ok(()); number];
    match inserted.await {
        Ok(failures) => {
            for failure in failures {
                if let Some(outcome) = outcomes.get_mut(failure.index) {
                    *outcome = Err(StoreError::of_document(&failure));
                }
            }
        }
        Err(failure) => outcomes.fill(Err(failure)),
    }
    outcomes
}

/// Which of the documents were not written, if that is what the error says: all others were.
fn failures(error: Error) -> Result<Vec<IndexedWriteError>, Error> {
    match &*error.kind {
        ErrorKind::InsertMany(failure) if failure.write_concern_error.is_none() => {
            Ok(failure.write_errors.clone().unwrap_or_default())
        }
        _ => Err(error),
    }
}
