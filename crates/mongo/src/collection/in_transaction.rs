//! What is asked as part of a transaction, many documents at a time.

use bson::Document;
use serde::Serialize;

use super::batches::Change;
use super::{Backing, Collection};
use crate::timeouts::within_limit_or_dropped;
use crate::{Session, StoreError};

impl<D: Send + Sync + 'static> Collection<D> {
    /// Changes documents as part of a transaction, each the one that matches its own filter. Whether each matched one.
    ///
    /// Not for the first command of a transaction, which tells the server the read concern: the stand-in for MongoDB
    /// knows none of this command.
    pub async fn update_many_in(
        &self,
        session: &mut Session,
        changes: Vec<(Document, Document)>,
    ) -> Result<bool, StoreError> {
        match (&*self.0, session) {
            (Backing::Server(collection, ..), Session::Server(session)) => {
                let number = changes.len();
                let changes = changes.into_iter();
                let changes = changes.map(|(filter, update)| Change::of(filter, update));
                let written = Change::all(collection, changes).session(&mut **session);
                let written = self.observed("bulkWrite", within_limit_or_dropped(written));
                Ok(usize::try_from(written.await?.matched_count) == Ok(number))
            }
            #[cfg(feature = "simulation")]
            (Backing::Memory(table), Session::Memory(transaction)) => {
                table.update_many_in(transaction, &changes).await
            }
            #[cfg(feature = "simulation")]
            _ => unreachable!("a session is used with the database that it is of"),
        }
    }

    /// Changes all that match in the same way, as part of a transaction.
    pub async fn update_all_in(
        &self,
        session: &mut Session,
        filter: Document,
        update: Document,
    ) -> Result<(), StoreError> {
        match (&*self.0, session) {
            (Backing::Server(collection, ..), Session::Server(session)) => {
                let updated = collection
                    .update_many(filter, update)
                    .session(&mut **session);
                let updated = within_limit_or_dropped(updated);
                self.observed("update", updated).await?;
            }
            #[cfg(feature = "simulation")]
            (Backing::Memory(table), Session::Memory(transaction)) => {
                table.update_all_in(transaction, &filter, &update).await?;
            }
            #[cfg(feature = "simulation")]
            _ => unreachable!("a session is used with the database that it is of"),
        }
        Ok(())
    }

    /// Takes out all that match, as part of a transaction.
    pub async fn delete_many_in(
        &self,
        session: &mut Session,
        filter: Document,
    ) -> Result<(), StoreError> {
        match (&*self.0, session) {
            (Backing::Server(collection, ..), Session::Server(session)) => {
                let deleted = collection.delete_many(filter).session(&mut **session);
                let deleted = within_limit_or_dropped(deleted);
                self.observed("delete", deleted).await?;
            }
            #[cfg(feature = "simulation")]
            (Backing::Memory(table), Session::Memory(transaction)) => {
                table.delete_many_in(transaction, &filter).await?;
            }
            #[cfg(feature = "simulation")]
            _ => unreachable!("a session is used with the database that it is of"),
        }
        Ok(())
    }
}

impl<D: Serialize + Send + Sync + 'static> Collection<D> {
    /// Adds documents as part of a transaction.
    pub async fn insert_many_in(
        &self,
        session: &mut Session,
        documents: &[D],
    ) -> Result<(), StoreError> {
        match (&*self.0, session) {
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
