//! Requests for many documents.

use std::time::Duration;

use bson::Document;
use serde::de::DeserializeOwned;

/// Which documents to find, and which of their fields.
#[derive(Debug, Clone, Default)]
pub struct Find {
    /// What the documents match.
    pub filter: Document,
    /// Their order; any order if there is none.
    pub sort: Option<Document>,
    /// How many at most.
    pub limit: Option<i64>,
    projection: Option<Document>,
    max_time: Option<Duration>,
}

impl Find {
    /// All documents that match.
    #[must_use]
    pub fn matching(filter: Document) -> Self {
        Self {
            filter,
            ..Self::default()
        }
    }

    /// Sets the order.
    #[must_use]
    pub fn sort(mut self, order: Document) -> Self {
        self.sort = Some(order);
        self
    }

    /// Restricts the result to these fields.
    #[must_use]
    pub fn project(mut self, fields: Document) -> Self {
        self.projection = Some(fields);
        self
    }

    /// Restricts the number of documents.
    #[must_use]
    pub const fn limit(mut self, limit: i64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets the server's time limit.
    #[must_use]
    pub const fn max_time(mut self, limit: Duration) -> Self {
        self.max_time = Some(limit);
        self
    }

    pub(super) async fn on_server<D: DeserializeOwned + Send + Sync + 'static>(
        self,
        collection: &mongodb::Collection<D>,
    ) -> Result<mongodb::Cursor<D>, mongodb::error::Error> {
        let mut request = collection.find(self.filter);
        if let Some(order) = self.sort {
            request = request.sort(order);
        }
        if let Some(fields) = self.projection {
            request = request.projection(fields);
        }
        if let Some(limit) = self.limit {
            request = request.limit(limit);
        }
        if let Some(limit) = self.max_time {
            request = request.max_time(limit);
        }
        request.await
    }
}
