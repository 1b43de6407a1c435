//! The operations that another database must offer to replace MongoDB.
//!
//! The simulation runs the stores' own code on a database in memory this way. Operations on the server do not go
//! through these traits.

use std::fmt::Debug;
use std::sync::Arc;

use bson::Document;
use futures::future::BoxFuture;

use super::{Find, StoreError};

/// An operation and its result.
pub type Operation<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A database that replaces MongoDB.
pub trait RawDatabase: Debug + Send + Sync {
    /// The collection of this name.
    fn collection(&self, name: &str) -> Arc<dyn RawCollection>;

    /// A session, in which a transaction can be started.
    fn session(&self) -> Box<dyn RawSession>;
}

/// A collection of such a database. [`Collection`](super::Collection) defines what the operations mean.
pub trait RawCollection: Debug + Send + Sync {
    /// The collection's name.
    fn name(&self) -> &str;

    /// Finds documents, in full even if the request asks for some fields only.
    fn find(&self, find: Find) -> Operation<'_, Vec<Document>>;

    /// Inserts a document.
    fn insert_one(&self, document: Document) -> Operation<'_, ()>;

    /// Changes or, if `upsert` is set, adds a document. Returns whether one matched.
    fn update_one(&self, filter: Document, update: Document, upsert: bool) -> Operation<'_, bool>;

    /// Changes a document and returns the new state.
    fn find_one_and_update(
        &self,
        filter: Document,
        update: Document,
    ) -> Operation<'_, Option<Document>>;

    /// Deletes a document and returns it.
    fn find_one_and_delete(&self, filter: Document) -> Operation<'_, Option<Document>>;
}

/// A session of such a database, with one transaction at a time. Dropping it aborts the transaction.
pub trait RawSession: Debug + Send {
    /// Starts a transaction.
    fn start(&mut self);

    /// Commits the transaction. Fails with [`StoreError::no_answer`] if the outcome is unknown.
    fn commit(&mut self) -> Operation<'_, ()>;

    /// Aborts the transaction.
    fn abort(&mut self);

    /// Inserts documents.
    fn insert_many<'a>(
        &'a mut self,
        collection: &'a str,
        documents: Vec<Document>,
    ) -> Operation<'a, ()>;

    /// Changes one document for each filter and update. Returns whether all filters matched.
    fn update_many<'a>(
        &'a mut self,
        collection: &'a str,
        changes: Vec<(Document, Document)>,
    ) -> Operation<'a, bool>;

    /// Changes all documents that match.
    fn update_all<'a>(
        &'a mut self,
        collection: &'a str,
        filter: Document,
        update: Document,
    ) -> Operation<'a, ()>;

    /// Deletes all documents that match.
    fn delete_many<'a>(&'a mut self, collection: &'a str, filter: Document) -> Operation<'a, ()>;
}
