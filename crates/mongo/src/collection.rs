//! What is asked of a collection, and nothing more: single-document writes, reads by a filter, and indexes.
//!
//! The few operations here are all that a store may use, so that the simulation can offer the same over a database in
//! memory and run the very code that runs in production.

mod batches;
mod find;
mod in_transaction;

use std::sync::Arc;

use bson::Document;
use futures::TryStreamExt;
use mongodb::IndexModel;
use mongodb::options::{CommitQuorum, ReturnDocument};
use serde::de::DeserializeOwned;

use super::StoreError;
use super::metrics::Operations;
use super::timeouts::{until_built, within_limit};
use super::trace::traced;
use batches::Batches;

pub use find::Find;

/// A collection of documents `D`. Clones share it: stores are part of what handlers are given, so for each request.
#[derive(Debug)]
pub struct Collection<D: Send + Sync>(Arc<Backing<D>>);

#[derive(Debug)]
enum Backing<D: Send + Sync> {
    Server(mongodb::Collection<D>, Operations, Batches),
    #[cfg(feature = "simulation")]
    Memory(super::memory::Table),
}

// Written out because a derive would ask the same of `D`.
impl<D: Send + Sync> Clone for Collection<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D: Send + Sync + 'static> Collection<D> {
    pub(super) fn on_server(collection: mongodb::Collection<D>, operations: Operations) -> Self {
        let batches = Batches::on(&collection.clone_with_type());
        Self(Arc::new(Backing::Server(collection, operations, batches)))
    }

    #[cfg(feature = "simulation")]
    pub(super) fn in_memory(table: super::memory::Table) -> Self {
        Self(Arc::new(Backing::Memory(table)))
    }

    /// The same collection, its documents read otherwise.
    #[must_use]
    pub fn with_type<E: Send + Sync + 'static>(&self) -> Collection<E> {
        Collection(Arc::new(match &*self.0 {
            Backing::Server(collection, operations, batches) => {
                let collection = collection.clone_with_type();
                Backing::Server(collection, operations.clone(), batches.clone())
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => Backing::Memory(table.clone()),
        }))
    }

    /// Waits for the operation, which is measured, and within a span if it is part of a trace.
    async fn observed<T>(
        &self,
        name: &'static str,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match &*self.0 {
            Backing::Server(collection, operations, _) => {
                let on = || Some(collection.namespace());
                operations.time(name, traced(name, on, operation)).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => operation.await,
        }
    }

    /// What is measured of it, if it is on a server.
    #[cfg_attr(
        not(feature = "simulation"),
        expect(clippy::unnecessary_wraps, reason = "a simulation has none")
    )]
    pub(super) fn operations(&self) -> Option<&Operations> {
        match &*self.0 {
            Backing::Server(_, operations, _) => Some(operations),
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => None,
        }
    }

    /// Makes these indexes where they are missing, as soon as the database is available.
    ///
    /// They are ready when a majority of the replica set has built them. By default the server waits for every member,
    /// also for one that is down.
    pub async fn create_indexes(
        &self,
        indexes: impl IntoIterator<Item = IndexModel>,
    ) -> Result<(), StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let indexes: Vec<_> = indexes.into_iter().collect();
                until_built(|| {
                    let (collection, indexes) = (collection.clone(), indexes.clone());
                    let made = async move {
                        let made = collection.create_indexes(indexes);
                        made.commit_quorum(CommitQuorum::Majority).await
                    };
                    self.observed("createIndexes", within_limit(made))
                })
                .await?;
            }
            // Fast enough without; and what must be unique is an `_id`.
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => {}
        }
        Ok(())
    }

    /// What the collection is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match &*self.0 {
            Backing::Server(collection, ..) => collection.name(),
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.name(),
        }
    }
}

impl<D: DeserializeOwned + Send + Sync + 'static> Collection<D> {
    /// The one document that matches, if there is one.
    pub async fn find_one(&self, filter: Document) -> Result<Option<D>, StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let found = async move { collection.find_one(filter).await };
                self.observed("find", within_limit(found)).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find_one(&filter).await,
        }
    }

    /// How many documents match, counted up to `most`.
    pub async fn count(&self, filter: Document, most: u64) -> Result<u64, StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let counted = async move { collection.count_documents(filter).limit(most).await };
                self.observed("aggregate", within_limit(counted)).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => {
                let found: Vec<Document> = table.find(&Find::matching(filter)).await?;
                Ok(u64::try_from(found.len()).map_or(most, |number| number.min(most)))
            }
        }
    }

    /// The documents that match.
    pub async fn find(&self, find: Find) -> Result<Vec<D>, StoreError>
    where
        D: Unpin,
    {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let found = async move { find.on_server(&collection).await?.try_collect().await };
                self.observed("find", within_limit(found)).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find(&find).await,
        }
    }

    /// Changes the one document that matches; gives it as it is then, or `None` if none matched.
    pub async fn find_one_and_update(
        &self,
        filter: Document,
        update: Document,
    ) -> Result<Option<D>, StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let changed = async move {
                    let changed = collection.find_one_and_update(filter, update);
                    changed.return_document(ReturnDocument::After).await
                };
                self.observed("findAndModify", within_limit(changed)).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find_one_and_update(&filter, &update).await,
        }
    }

    /// Takes the one document out that matches, and gives it.
    pub async fn find_one_and_delete(&self, filter: Document) -> Result<Option<D>, StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let taken = async move { collection.find_one_and_delete(filter).await };
                self.observed("findAndModify", within_limit(taken)).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find_one_and_delete(&filter).await,
        }
    }
}
