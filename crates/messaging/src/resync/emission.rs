//! A re-emission under way: who does it, and how far it is.
//!
//! It is a document in the service's own database, so that of all its processes one re-emits. That one holds a lease, which
//! it renews; if it dies, another continues after the last page that was published. Should two ever believe that they hold
//! it, they publish the same messages under the same ids, which the broker stores once.

use std::time::Duration;

use bson::{Bson, DateTime, doc};
use serde::{Deserialize, Serialize};

use base::clock::Clock;
use mongo::{Collection, Database, StoreError, to_date_time};

/// For how long a process re-emits without a word. With the time that others take to notice it is well within the ten
/// seconds in which replicas are to agree.
pub(super) const LEASE: Duration = Duration::from_secs(5);

/// A re-emission, as the process knows it that holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Emission {
    #[serde(rename = "_id")]
    stream: String,
    /// Which one it is: what was lost.
    pub(super) run: String,
    /// Up to which `_id` everything is published.
    pub(super) after: Option<Bson>,
    /// Until when nobody else continues it.
    until: DateTime,
    /// Changes with every write.
    version: i64,
}

/// The re-emissions of a service, one for each stream that it ever filled.
#[derive(Debug, Clone)]
pub(super) struct Emissions(Collection<Emission>);

impl Emissions {
    pub(super) fn open(database: &Database) -> Self {
        Self(database.collection("emissions"))
    }

    /// Takes the run, new or where another process stopped; `None` if another holds it.
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
            // It ended, or is for what was lost before.
            let version = found.version;
            return self.write(Emission { version, ..new }).await;
        }
        if found.until > now() {
            return Ok(None);
        }
        self.write(found).await
    }

    /// Holds it for longer, with what has become of it; `None` if another has taken it.
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
