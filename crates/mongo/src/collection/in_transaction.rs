//! Operations in a transaction, each on many documents.

use bson::Document;
use serde::Serialize;

use super::batches::Change;
use super::{Backing, Collection};
use crate::timeouts::within_limit_or_dropped;
use crate::{Session, StoreError};

impl<D: Send + Sync + 'static> Collection<D> {
    /// Changes one document for each filter and update. Returns whether all filters matched.
    ///
    /// This must not be the first command of a transaction, which carries the read concern: the stand-in for MongoDB
    /// does not accept one in this command.
    pub async fn update_many_in(
        &self,
        session: &mut Session,
        changes: Vec<(Document, Document)>,
    ) -> Result<bool, StoreError> {
        let session = match session {
            Session::Server(session) => session,
            Session::Replaced(session) => return session.update_many(self.name(), changes).await,
        };
        let number = changes.len();
        let changes = changes.into_iter();
        let changes = changes.map(|(filter, update)| Change::of(filter, update));
        let write = Change::all(self.server(), changes).session(&mut **session);
        let written = self.observed("bulkWrite", within_limit_or_dropped(write));
        Ok(usize::try_from(written.await?.matched_count) == Ok(number))
    }

    /// Makes the same change to all documents that match.
    pub async fn update_all_in(
        &self,
        session: &mut Session,
        filter: Document,
        update: Document,
    ) -> Result<(), StoreError> {
        let session = match session {
            Session::Server(session) => session,
            Session::Replaced(session) => {
                return session.update_all(self.name(), filter, update).await;
            }
        };
        let update = self.server().update_many(filter, update);
        let update = within_limit_or_dropped(update.session(&mut **session));
        self.observed("update", update).await?;
        Ok(())
    }

    /// Deletes all documents that match.
    pub async fn delete_many_in(
        &self,
        session: &mut Session,
        filter: Document,
    ) -> Result<(), StoreError> {
        let session = match session {
            Session::Server(session) => session,
            Session::Replaced(session) => return session.delete_many(self.name(), filter).await,
        };
        let delete = self.server().delete_many(filter);
        let delete = within_limit_or_dropped(delete.session(&mut **session));
        self.observed("delete", delete).await?;
        Ok(())
    }

    /// The collection on the server, for a session on the server.
    fn server(&self) -> &mongodb::Collection<D> {
        match &*self.0 {
            Backing::Server(collection, ..) => collection,
            Backing::Replaced(_) => unreachable!("a session and a collection of two databases"),
        }
    }
}

impl<D: Serialize + Send + Sync + 'static> Collection<D> {
    /// Inserts documents.
    pub async fn insert_many_in(
        &self,
        session: &mut Session,
        documents: &[D],
    ) -> Result<(), StoreError> {
        let session = match session {
            Session::Server(session) => session,
            Session::Replaced(session) => {
                let documents = documents.iter().map(bson::serialize_to_document);
                let documents = documents.collect::<Result<Vec<_>, _>>()?;
                return session.insert_many(self.name(), documents).await;
            }
        };
        let insert = self.server().insert_many(documents);
        let insert = within_limit_or_dropped(insert.session(&mut **session));
        self.observed("insert", insert).await?;
        Ok(())
    }
}
