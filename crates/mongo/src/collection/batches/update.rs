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

/// An update of the one document that matches.
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

    /// The command that makes all changes, in any order.
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
    /// Updates the one document that matches, and returns whether one did. If none does and `upsert` is set, inserts one made
    /// of the filter's equalities and the update.
    ///
    /// Concurrent updates share a command, in any order, and each succeeds or fails on its own.
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

/// The server's reply, by each change's index.
#[derive(Default)]
struct Reply {
    updated: HashMap<usize, UpdateResult>,
    failed: HashMap<usize, Failure>,
}

pub(super) async fn all(
    collection: mongodb::Collection<Document>,
    changes: Vec<Change>,
) -> Vec<Result<bool, StoreError>> {
    let number = changes.len();
    let reply = within_limit(async move {
        let written = Change::all(&collection, changes).verbose_results();
        match written.await {
            Ok(result) => Ok(Reply {
                updated: result.update_results,
                ..Reply::default()
            }),
            Err(error) => outcomes_in(error),
        }
    });
    match reply.await {
        Ok(mut reply) => (0..number).map(|index| reply.outcome(index)).collect(),
        Err(failure) => vec![Err(failure); number],
    }
}

/// The outcome of each change, if the error contains it.
fn outcomes_in(error: Error) -> Result<Reply, Error> {
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
            Ok(Reply { updated, failed })
        }
        _ => Err(error),
    }
}

impl Reply {
    /// Whether a document matched the change at this index.
    fn outcome(&mut self, index: usize) -> Result<bool, StoreError> {
        if let Some(failure) = self.failed.remove(&index) {
            return Err(StoreError::of_document(failure.code, failure.message));
        }
        // The server reports an inserted document as matched.
        let updated = self.updated.get(&index).ok_or_else(StoreError::no_answer)?;
        Ok(updated.matched_count > 0 && updated.upserted_id.is_none())
    }
}
