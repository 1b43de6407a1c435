//! Batched updates, each with its own filter.

use std::collections::HashMap;

use bson::Document;
use mongodb::action::BulkWrite;
use mongodb::error::{
    BulkWriteError, Error, ErrorKind, PartialBulkWriteResult, WriteError as Failure,
};
use mongodb::options::UpdateOneModel;
use mongodb::results::{SummaryBulkWriteResult, UpdateResult};

use crate::StoreError;
use crate::collection::{Backing, Collection};
use crate::timeouts::within_limit;

/// A change of the one document that matches.
#[derive(Debug)]
pub(in crate::collection) struct Change {
    filter: Document,
    update: Document,
    upsert: bool,
}

impl Change {
    pub(in crate::collection) const fn of(filter: Document, update: Document) -> Self {
        Self {
            filter,
            update,
            upsert: false,
        }
    }

    /// The one command by which all of them are made, in any order.
    pub(in crate::collection) fn all<D: Send + Sync>(
        collection: &mongodb::Collection<D>,
        changes: impl IntoIterator<Item = Self>,
    ) -> BulkWrite<'_, SummaryBulkWriteResult> {
        let namespace = collection.namespace();
        let models = changes.into_iter().map(|change| {
            UpdateOneModel::builder()
                .namespace(namespace.clone())
                .filter(change.filter)
                .update(change.update)
                .upsert(change.upsert)
                .build()
        });
        collection.client().bulk_write(models).ordered(false)
    }
}

impl<D: Send + Sync + 'static> Collection<D> {
    /// Changes the one document that matches; if none does and `upsert` is set, adds one of the filter's equalities
    /// and the update. Whether one matched.
    ///
    /// Changes that are asked for at the same time are made by one command, in any order, and each may fail by itself.
    pub async fn update_one(
        &self,
        filter: Document,
        update: Document,
        upsert: bool,
    ) -> Result<bool, StoreError> {
        match &*self.0 {
            Backing::Server(.., batches) => {
                let change = Change {
                    filter,
                    update,
                    upsert,
                };
                let changed = batches.changed.run(change);
                self.observed("bulkWrite", changed).await
            }
            Backing::Replaced(collection) => collection.update_one(filter, update, upsert).await,
        }
    }
}

/// What the server says of each change, by its place among them.
#[derive(Default)]
struct Told {
    updated: HashMap<usize, UpdateResult>,
    failed: HashMap<usize, Failure>,
}

pub(super) async fn all(
    collection: mongodb::Collection<Document>,
    changes: Vec<Change>,
) -> Vec<Result<bool, StoreError>> {
    let number = changes.len();
    let told = within_limit(async move {
        let written = Change::all(&collection, changes).verbose_results();
        match written.await {
            Ok(result) => Ok(Told {
                updated: result.update_results,
                ..Told::default()
            }),
            Err(error) => of_each(error),
        }
    });
    match told.await {
        Ok(mut told) => (0..number).map(|place| told.outcome(place)).collect(),
        Err(failure) => vec![Err(failure); number],
    }
}

/// What became of each, if that is what the error says.
fn of_each(error: Error) -> Result<Told, Error> {
    match &*error.kind {
        ErrorKind::BulkWrite(BulkWriteError {
            write_concern_errors,
            write_errors,
            partial_result,
            ..
        }) if write_concern_errors.is_empty() && !write_errors.is_empty() => {
            let updated = match partial_result {
                Some(PartialBulkWriteResult::Verbose(result)) => result.update_results.clone(),
                _ => HashMap::new(),
            };
            let failed = write_errors.clone();
            Ok(Told { updated, failed })
        }
        _ => Err(error),
    }
}

impl Told {
    /// Whether a document matched the change at this place.
    fn outcome(&mut self, place: usize) -> Result<bool, StoreError> {
        if let Some(failure) = self.failed.remove(&place) {
            return Err(StoreError::of_document(failure.code, failure.message));
        }
        // An added document is told as one that matched.
        let updated = self.updated.get(&place).ok_or_else(StoreError::no_answer)?;
        Ok(updated.matched_count > 0 && updated.upserted_id.is_none())
    }
}
