//! What is looked for.

use std::time::Duration;

use bson::Document;
use serde::de::DeserializeOwned;

/// Which documents to find, and how much of them.
#[derive(Debug, Clone, Default)]
pub struct Find {
    pub(crate) filter: Document,
    pub(crate) sort: Option<Document>,
    pub(crate) projection: Option<Document>,
    pub(crate) limit: Option<i64>,
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

    /// Asks the server.
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
        if let Some(most) = self.limit {
            request = request.limit(most);
        }
        if let Some(limit) = self.max_time {
            request = request.max_time(limit);
        }
        request.await
    }
}
