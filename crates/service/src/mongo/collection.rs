//! What is asked of a collection, and nothing more: single-document writes, reads by a filter, and indexes.
//!
//! The few operations here are all that a store may use, so that the simulation can offer the same over a database in
//! memory and run the very code that runs in production.

use std::time::Duration;

use bson::Document;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use mongodb::IndexModel;
use mongodb::options::ReturnDocument;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::patience::{until_available, within_limit, within_limit_or_dropped};
use super::transaction::Session;

/// A collection of documents `D`.
#[derive(Debug)]
pub struct Collection<D: Send + Sync>(Backing<D>);

#[derive(Debug)]
enum Backing<D: Send + Sync> {
    Server(mongodb::Collection<D>),
    #[cfg(feature = "simulation")]
    Memory(super::memory::Table),
}

// Written out because a derive would ask the same of `D`.
impl<D: Send + Sync> Clone for Collection<D> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Backing::Server(collection) => Backing::Server(collection.clone()),
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => Backing::Memory(table.clone()),
        })
    }
}

/// Which documents to find, and how much of them.
#[derive(Debug, Clone, Default)]
pub struct Find {
    pub(super) filter: Document,
    pub(super) sort: Option<Document>,
    pub(super) projection: Option<Document>,
    pub(super) limit: Option<i64>,
    max_time: Option<Duration>,
}

impl Find {
    /// All that match.
    #[must_use]
    pub fn matching(filter: Document) -> Self {
        Self {
            filter,
            ..Self::default()
        }
    }

    /// In this order.
    #[must_use]
    pub fn sort(mut self, order: Document) -> Self {
        self.sort = Some(order);
        self
    }

    /// Only these fields.
    #[must_use]
    pub fn project(mut self, fields: Document) -> Self {
        self.projection = Some(fields);
        self
    }

    /// At most so many.
    #[must_use]
    pub const fn limit(mut self, most: i64) -> Self {
        self.limit = Some(most);
        self
    }

    /// The server gives up after so long.
    #[must_use]
    pub const fn max_time(mut self, limit: Duration) -> Self {
        self.max_time = Some(limit);
        self
    }
}

impl<D: Send + Sync + 'static> Collection<D> {
    pub(super) const fn on_server(collection: mongodb::Collection<D>) -> Self {
        Self(Backing::Server(collection))
    }

    #[cfg(feature = "simulation")]
    pub(super) const fn in_memory(table: super::memory::Table) -> Self {
        Self(Backing::Memory(table))
    }

    /// The same collection, its documents read otherwise.
    #[must_use]
    pub fn with_type<E: Send + Sync + 'static>(&self) -> Collection<E> {
        Collection(match &self.0 {
            Backing::Server(collection) => Backing::Server(collection.clone_with_type()),
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => Backing::Memory(table.clone()),
        })
    }

    /// Makes these indexes where they are missing.
    pub async fn create_indexes(
        &self,
        indexes: impl IntoIterator<Item = IndexModel>,
    ) -> Result<(), StoreError> {
        match &self.0 {
            Backing::Server(collection) => {
                let indexes: Vec<_> = indexes.into_iter().collect();
                // Only asked when a process starts, which waits for what it depends on.
                until_available(|| {
                    let (collection, indexes) = (collection.clone(), indexes.clone());
                    within_limit(async move { collection.create_indexes(indexes).await })
                })
                .await?;
            }
            // Fast enough without; and what must be unique is an `_id`.
            #[cfg(feature = "simulation")]
            Backing::Memory(_) => {}
        }
        Ok(())
    }

    /// Changes the one document that matches; if none does and `upsert` is set, adds one of the filter's equalities
    /// and the update.
    pub async fn update_one(
        &self,
        filter: Document,
        update: Document,
        upsert: bool,
    ) -> Result<(), StoreError> {
        match &self.0 {
            Backing::Server(collection) => {
                let collection = collection.clone();
                let update = async move {
                    let update = collection.update_one(filter, update);
                    update.upsert(upsert).await
                };
                within_limit(update).await?;
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.update_one(&filter, &update, upsert).await?,
        }
        Ok(())
    }

    /// Takes the one document out that matches, as part of a transaction.
    pub async fn delete_one_in(
        &self,
        session: &mut Session,
        filter: Document,
    ) -> Result<(), StoreError> {
        match (&self.0, session) {
            (Backing::Server(collection), Session::Server(session)) => {
                collection
                    .delete_one(filter)
                    .session(&mut **session)
                    .await?;
            }
            #[cfg(feature = "simulation")]
            (Backing::Memory(table), Session::Memory(transaction)) => {
                table.delete_one_in(transaction, &filter).await?;
            }
            #[cfg(feature = "simulation")]
            _ => unreachable!("a session is used with the database that it is of"),
        }
        Ok(())
    }
}

impl<D: DeserializeOwned + Send + Sync + 'static> Collection<D> {
    /// The one document that matches, if there is one.
    pub async fn find_one(&self, filter: Document) -> Result<Option<D>, StoreError> {
        match &self.0 {
            Backing::Server(collection) => {
                let collection = collection.clone();
                within_limit(async move { collection.find_one(filter).await }).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find_one(&filter).await,
        }
    }

    /// The documents that match.
    pub async fn find(&self, find: Find) -> Result<Vec<D>, StoreError>
    where
        D: Unpin,
    {
        match &self.0 {
            Backing::Server(collection) => {
                let collection = collection.clone();
                let found = async move { on_server(&collection, find).await?.try_collect().await };
                within_limit(found).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find(&find).await,
        }
    }

    /// All documents, one after the other.
    #[must_use]
    pub fn stream(&self) -> BoxStream<'static, Result<D, StoreError>>
    where
        D: Unpin,
    {
        let this = self.clone();
        futures::stream::once(async move { this.cursor().await })
            .try_flatten()
            .boxed()
    }

    async fn cursor(self) -> Result<BoxStream<'static, Result<D, StoreError>>, StoreError>
    where
        D: Unpin,
    {
        match &self.0 {
            Backing::Server(collection) => {
                let collection = collection.clone();
                let cursor = async move { on_server(&collection, Find::default()).await };
                let cursor = within_limit(cursor).await?;
                Ok(bounded(cursor))
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => {
                let found = table.find(&Find::default()).await?;
                Ok(futures::stream::iter(found.into_iter().map(Ok)).boxed())
            }
        }
    }

    /// Changes the one document that matches; gives it as it is then, or `None` if none matched.
    pub async fn find_one_and_update(
        &self,
        filter: Document,
        update: Document,
    ) -> Result<Option<D>, StoreError> {
        match &self.0 {
            Backing::Server(collection) => {
                let collection = collection.clone();
                let changed = async move {
                    let changed = collection.find_one_and_update(filter, update);
                    changed.return_document(ReturnDocument::After).await
                };
                within_limit(changed).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find_one_and_update(&filter, &update).await,
        }
    }

    /// As [`Collection::find_one_and_update`], as part of a transaction.
    pub async fn find_one_and_update_in(
        &self,
        session: &mut Session,
        filter: Document,
        update: Document,
    ) -> Result<Option<D>, StoreError> {
        match (&self.0, session) {
            (Backing::Server(collection), Session::Server(session)) => {
                let changed = collection
                    .find_one_and_update(filter, update)
                    .return_document(ReturnDocument::After)
                    .session(&mut **session);
                within_limit_or_dropped(changed).await
            }
            #[cfg(feature = "simulation")]
            (Backing::Memory(table), Session::Memory(transaction)) => {
                let changed = table.find_one_and_update_in(transaction, &filter, &update);
                changed.await
            }
            #[cfg(feature = "simulation")]
            _ => unreachable!("a session is used with the database that it is of"),
        }
    }

    /// Takes the one document out that matches, and gives it.
    pub async fn find_one_and_delete(&self, filter: Document) -> Result<Option<D>, StoreError> {
        match &self.0 {
            Backing::Server(collection) => {
                let collection = collection.clone();
                within_limit(async move { collection.find_one_and_delete(filter).await }).await
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.find_one_and_delete(&filter).await,
        }
    }
}

impl<D: Serialize + Send + Sync + 'static> Collection<D> {
    /// Adds a document.
    pub async fn insert_one(&self, document: &D) -> Result<(), StoreError> {
        match &self.0 {
            Backing::Server(collection) => {
                // Written as a document first, since what is borrowed could not go on by itself.
                let document = bson::serialize_to_document(document)?;
                let collection = collection.clone_with_type::<Document>();
                within_limit(async move { collection.insert_one(document).await }).await?;
            }
            #[cfg(feature = "simulation")]
            Backing::Memory(table) => table.insert_one(document).await?,
        }
        Ok(())
    }

    /// As [`Collection::insert_one`], as part of a transaction.
    pub async fn insert_one_in(
        &self,
        session: &mut Session,
        document: &D,
    ) -> Result<(), StoreError> {
        match (&self.0, session) {
            (Backing::Server(collection), Session::Server(session)) => {
                let inserted = collection.insert_one(document).session(&mut **session);
                within_limit_or_dropped(inserted).await?;
            }
            #[cfg(feature = "simulation")]
            (Backing::Memory(table), Session::Memory(transaction)) => {
                table.insert_one_in(transaction, document).await?;
            }
            #[cfg(feature = "simulation")]
            _ => unreachable!("a session is used with the database that it is of"),
        }
        Ok(())
    }
}

async fn on_server<D: DeserializeOwned + Send + Sync + 'static>(
    collection: &mongodb::Collection<D>,
    find: Find,
) -> Result<mongodb::Cursor<D>, mongodb::error::Error> {
    let mut request = collection.find(find.filter);
    if let Some(order) = find.sort {
        request = request.sort(order);
    }
    if let Some(fields) = find.projection {
        request = request.projection(fields);
    }
    if let Some(most) = find.limit {
        request = request.limit(most);
    }
    if let Some(limit) = find.max_time {
        request = request.max_time(limit);
    }
    request.await
}

/// The cursor's documents, none of which is waited for longer than any other answer.
fn bounded<D>(cursor: mongodb::Cursor<D>) -> BoxStream<'static, Result<D, StoreError>>
where
    D: DeserializeOwned + Send + Sync + Unpin + 'static,
{
    futures::stream::try_unfold(cursor, async |mut cursor: mongodb::Cursor<D>| {
        let next = async move {
            let next = cursor.try_next().await?;
            Ok(next.map(|document| (document, cursor)))
        };
        within_limit(next).await
    })
    .boxed()
}
