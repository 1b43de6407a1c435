//! What is asked as part of a transaction.

use bson::Document;
use mongodb::options::ReturnDocument;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Backing, Collection};
use crate::mongo::patience::within_limit_or_dropped;
use crate::mongo::{Session, StoreError};

impl<D: Send + Sync + 'static> Collection<D> {
    /// Takes the one document out that matches, as part of a transaction.
    pub async fn delete_one_in(
        &self,
        session: &mut Session,
        filter: Document,
    ) -> Result<(), StoreError> {
        match (&self.0, session) {
            (Backing::Server(collection, ..), Session::Server(session)) => {
                let deleted = collection.delete_one(filter).session(&mut **session);
                let deleted = within_limit_or_dropped(deleted);
                self.observed("delete", deleted).await?;
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
    /// As [`Collection::find_one_and_update`], as part of a transaction.
    pub async fn find_one_and_update_in(
        &self,
        session: &mut Session,
        filter: Document,
        update: Document,
    ) -> Result<Option<D>, StoreError> {
        match (&self.0, session) {
            (Backing::Server(collection, ..), Session::Server(session)) => {
                let changed = collection
                    .find_one_and_update(filter, update)
                    .return_document(ReturnDocument::After)
                    .session(&mut **session);
                let changed = within_limit_or_dropped(changed);
                self.observed("findAndModify", changed).await
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
}

impl<D: Serialize + Send + Sync + 'static> Collection<D> {
    /// Adds documents as part of a transaction.
    pub async fn insert_many_in(
        &self,
        session: &mut Session,
        documents: &[D],
    ) -> Result<(), StoreError> {
        match (&self.0, session) {
            (Backing::Server(collection, ..), Session::Server(session)) => {
                let inserted = collection.insert_many(documents).session(&mut **session);
                let inserted = within_limit_or_dropped(inserted);
                self.observed("insert", inserted).await?;
            }
            #[cfg(feature = "simulation")]
            (Backing::Memory(table), Session::Memory(transaction)) => {
                table.insert_many_in(transaction, documents).await?;
            }
            #[cfg(feature = "simulation")]
            _ => unreachable!("a session is used with the database that it is of"),
        }
        Ok(())
    }
}
