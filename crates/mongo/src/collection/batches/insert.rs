//! Batched insertions.

use bson::RawDocumentBuf;
use mongodb::error::{Error, ErrorKind, IndexedWriteError};
use serde::Serialize;

use crate::StoreError;
use crate::collection::{Backing, Collection};
use crate::timeouts::within_limit;

impl<D: Serialize + Send + Sync + 'static> Collection<D> {
    /// Inserts a document. Concurrent insertions share a command, and each succeeds or fails on its own.
    pub async fn insert_one(&self, document: &D) -> Result<(), StoreError> {
        let document = bson::serialize_to_raw_document_buf(document)?;
        self.insert_raw(document).await
    }

    /// Inserts a document with a fresh `_id` and no other unique value.
    ///
    /// A duplicate key then means that the document is already stored: the driver retried a write whose response was lost,
    /// on a server that was restarted in between and does not remember the first one.
    pub async fn insert_fresh(&self, document: &D) -> Result<(), StoreError> {
        match self.insert_one(document).await {
            Err(error) if error.is_duplicate_key() => Ok(()),
            inserted => inserted,
        }
    }
}

impl<D: Send + Sync + 'static> Collection<D> {
    /// As [`Collection::insert_one`], of a document that is BSON already.
    pub async fn insert_raw(&self, document: RawDocumentBuf) -> Result<(), StoreError> {
        match &*self.0 {
            Backing::Server(.., batches) => {
                let inserted = batches.inserted.run(document);
                self.observed("insert", inserted).await
            }
            Backing::Replaced(collection) => {
                let document = bson::serialize_to_document(&document)?;
                collection.insert_one(document).await
            }
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
