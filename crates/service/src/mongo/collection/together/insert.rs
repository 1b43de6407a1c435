//! Documents that are added together.

use bson::RawDocumentBuf;
use mongodb::error::{Error, ErrorKind, IndexedWriteError};
use serde::Serialize;

use crate::mongo::StoreError;
use crate::mongo::collection::{Backing, Collection};
use crate::mongo::patience::within_limit;

impl<D: Serialize + Send + Sync + 'static> Collection<D> {
    /// Adds a document; those that are added at the same time by one write, each of which may fail by itself.
    pub async fn insert_one(&self, document: &D) -> Result<(), StoreError> {
        let document = bson::serialize_to_raw_document_buf(document)?;
        self.insert_raw(document).await
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

impl<D: Send + Sync + 'static> Collection<D> {
    /// As [`Collection::insert_one`], of a document that is BSON already.
    pub(crate) async fn insert_raw(&self, document: RawDocumentBuf) -> Result<(), StoreError> {
        match &*self.0 {
            Backing::Server(.., together) => {
                let inserted = together.inserted.run(document);
                self.observed("insert", inserted).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.insert_one(&document).await,
        }
    }
}

pub(super) async fn all(
    collection: mongodb::Collection<RawDocumentBuf>,
    documents: Vec<RawDocumentBuf>,
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
                    *outcome = Err(StoreError::of_document(failure.code, failure.message));
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
