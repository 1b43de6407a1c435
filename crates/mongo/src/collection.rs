//! Collections: writes of single documents, reads by a filter, and indexes.
//!
//! Stores may use these few operations only, so that another database can replace the server ([`crate::raw`]).

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
use super::raw::RawCollection;
use super::timeouts::{until_built, within_limit};
use super::trace::traced;
use batches::Batches;

pub use find::Find;

/// A collection of documents `D`. Clones share it: every request clones the stores.
#[derive(Debug)]
pub struct Collection<D: Send + Sync>(Arc<Backing<D>>);

#[derive(Debug)]
enum Backing<D: Send + Sync> {
    Server(mongodb::Collection<D>, Operations, Batches),
    Replaced(Arc<dyn RawCollection>),
}

// A derive would require `D: Clone`.
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

    pub(super) fn replaced(collection: Arc<dyn RawCollection>) -> Self {
        Self(Arc::new(Backing::Replaced(collection)))
    }

    /// The same collection with another type of documents.
    #[must_use]
    pub fn with_type<E: Send + Sync + 'static>(&self) -> Collection<E> {
        Collection(Arc::new(match &*self.0 {
            Backing::Server(collection, operations, batches) => {
                let collection = collection.clone_with_type();
                Backing::Server(collection, operations.clone(), batches.clone())
            }
            Backing::Replaced(collection) => Backing::Replaced(Arc::clone(collection)),
        }))
    }

    /// Measures the operation and, if it is part of a trace, adds a span.
    async fn observed<T>(
        &self,
        name: &'static str,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match &*self.0 {
            Backing::Server(collection, operations, _) => {
                let namespace = || Some(collection.namespace());
                operations
                    .time(name, traced(name, namespace, operation))
                    .await
            }
            Backing::Replaced(_) => operation.await,
        }
    }

    /// The collection's metrics; a replaced one has none.
    pub(super) fn operations(&self) -> Option<&Operations> {
        match &*self.0 {
            Backing::Server(_, operations, _) => Some(operations),
            Backing::Replaced(_) => None,
        }
    }

    /// Creates these indexes where they are missing, as soon as the database is available.
    ///
    /// An index is ready when a majority of the replica set has built it. By default the server waits for every member,
    /// even for one that is down.
    pub async fn create_indexes(
        &self,
        indexes: impl IntoIterator<Item = IndexModel>,
    ) -> Result<(), StoreError> {
        // Nothing but speed depends on indexes: what must be unique is an `_id`.
        if let Backing::Server(collection, ..) = &*self.0 {
            let indexes: Vec<_> = indexes.into_iter().collect();
            until_built(|| {
                let (collection, indexes) = (collection.clone(), indexes.clone());
                let create = async move {
                    let create = collection.create_indexes(indexes);
                    create.commit_quorum(CommitQuorum::Majority).await
                };
                self.observed("createIndexes", within_limit(create))
            })
            .await?;
        }
        Ok(())
    }

    /// The collection's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match &*self.0 {
            Backing::Server(collection, ..) => collection.name(),
            Backing::Replaced(collection) => collection.name(),
        }
    }
}

impl<D: DeserializeOwned + Send + Sync + 'static> Collection<D> {
    /// Finds the one document that matches.
    pub async fn find_one(&self, filter: Document) -> Result<Option<D>, StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let find = async move { collection.find_one(filter).await };
                self.observed("find", within_limit(find)).await
            }
            Backing::Replaced(collection) => {
                let find = Find::matching(filter).limit(1);
                read(collection.find(find).await?.pop())
            }
        }
    }

    /// Counts the documents that match, up to `limit`.
    pub async fn count(&self, filter: Document, limit: u64) -> Result<u64, StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let count = async move { collection.count_documents(filter).limit(limit).await };
                self.observed("aggregate", within_limit(count)).await
            }
            Backing::Replaced(collection) => {
                let found = collection.find(Find::matching(filter)).await?;
                Ok(u64::try_from(found.len()).map_or(limit, |number| number.min(limit)))
            }
        }
    }

    /// Finds the documents that match.
    pub async fn find(&self, find: Find) -> Result<Vec<D>, StoreError>
    where
        D: Unpin,
    {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let find = async move { find.on_server(&collection).await?.try_collect().await };
                self.observed("find", within_limit(find)).await
            }
            Backing::Replaced(collection) => {
                let found = collection.find(find).await?.into_iter();
                let read = found.map(bson::deserialize_from_document);
                Ok(read.collect::<Result<Vec<_>, _>>()?)
            }
        }
    }

    /// Changes the one document that matches and returns its new state; `None` if none matched.
    pub async fn find_one_and_update(
        &self,
        filter: Document,
        update: Document,
    ) -> Result<Option<D>, StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let change = async move {
                    let change = collection.find_one_and_update(filter, update);
                    change.return_document(ReturnDocument::After).await
                };
                self.observed("findAndModify", within_limit(change)).await
            }
            Backing::Replaced(collection) => {
                read(collection.find_one_and_update(filter, update).await?)
            }
        }
    }

    /// Deletes the one document that matches and returns it.
    pub async fn find_one_and_delete(&self, filter: Document) -> Result<Option<D>, StoreError> {
        match &*self.0 {
            Backing::Server(collection, ..) => {
                let collection = collection.clone();
                let delete = async move { collection.find_one_and_delete(filter).await };
                self.observed("findAndModify", within_limit(delete)).await
            }
            Backing::Replaced(collection) => read(collection.find_one_and_delete(filter).await?),
        }
    }
}

fn read<D: DeserializeOwned>(document: Option<Document>) -> Result<Option<D>, StoreError> {
    let read = document.map(bson::deserialize_from_document);
    Ok(read.transpose()?)
}
