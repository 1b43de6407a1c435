//! A running re-emission: its lease and its progress.
//!
//! It is a document in the service's own database, so that only one process re-emits. This process renews a lease; if
//! it dies, another process continues after the last published page. If two processes ever believe that they hold the
//! lease, they publish the same messages under the same ids, and the broker stores each once.

use std::time::Duration;

use bson::{Bson, DateTime, doc};
use serde::{Deserialize, Serialize};

use base::clock::Clock;
use mongo::{Collection, Database, StoreError, to_date_time};

/// How long a lease lasts without renewal. Together with the time until another process checks, this is well below the
/// ten seconds within which replicas must agree.
pub(super) const LEASE: Duration = Duration::from_secs(5);

/// A re-emission, as known to the process that holds its lease.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Emission {
    #[serde(rename = "_id")]
    stream: String,
    /// Its name, made from what was lost.
    pub(super) run: String,
    /// The `_id` of the last published document.
    pub(super) after: Option<Bson>,
    /// The end of the lease.
    until: DateTime,
    /// Incremented by every write, for optimistic concurrency.
    version: i64,
}

/// The re-emissions of a service: one document for each stream that it ever filled.
#[derive(Debug, Clone)]
pub(super) struct Emissions(Collection<Emission>);

impl Emissions {
    pub(super) fn open(database: &Database) -> Self {
        Self(database.collection("emissions"))
    }

    /// Starts the run, or continues where another process stopped; `None` if another process holds the lease.
    pub(super) async fn claim(
        &self,
        stream: &str,
        run: &str,
    ) -> Result<Option<Emission>, StoreError> {
        let new = Emission {
            stream: stream.to_owned(),
            run: run.to_owned(),
            after: None,
            until: lease(),
            version: 0,
        };
        let Some(found) = self.0.find_one(doc! { "_id": stream }).await? else {
            return match self.0.insert_one(&new).await {
                Err(error) if error.is_duplicate_key() => Ok(None),
                inserted => inserted.map(|()| Some(new)),
            };
        };
        if found.run != run {
            // That run has ended, or repairs an earlier loss.
            let version = found.version;
            return self.write(Emission { version, ..new }).await;
        }
        if found.until > now() {
            return Ok(None);
        }
        self.write(found).await
    }

    /// Stores the progress and renews the lease; `None` if another process took it over.
    pub(super) async fn write(&self, emission: Emission) -> Result<Option<Emission>, StoreError> {
        let current = doc! { "_id": &emission.stream, "version": emission.version };
        let next = Emission {
            until: lease(),
            version: emission.version + 1,
            ..emission
        };
        let mut fields = bson::serialize_to_document(&next)?;
        fields.remove("_id");
        let set = doc! { "$set": fields };
        let is_written = self.0.update_one(current, set, false).await?;
        Ok(is_written.then_some(next))
    }
}

fn now() -> DateTime {
    to_date_time(Clock::system().now())
}

fn lease() -> DateTime {
    to_date_time(Clock::system().now().plus(LEASE))
}
