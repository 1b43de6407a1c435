//! The collection of magic links. A link is stored under the digest of its token, and deleted when it is used.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use common::{Email, Timestamp};
use mongo::{Collection, Database, StoreError, to_date_time};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};

use crate::domain::{MagicLink, TokenDigest};

/// How long after its expiry the database deletes an unused link. The service itself checks the expiry when a link is
/// followed. The delay covers a database clock that is ahead of ours.
const DELETION_DELAY: Duration = Duration::from_hours(1);

/// The collection of magic links.
#[derive(Debug, Clone)]
pub(crate) struct MagicLinkStore {
    links: Collection<MagicLinkDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MagicLinkDocument {
    #[serde(rename = "_id")]
    digest: String,
    email: Email,
    expires_at: DateTime,
}

impl MagicLinkStore {
    /// Opens the collection and creates its index.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        let links = database.collection("magic_links");
        let ttl = IndexOptions::builder().expire_after(DELETION_DELAY).build();
        let by_expiry = IndexModel::builder()
            .keys(doc! { "expires_at": 1 })
            .options(ttl)
            .build();
        links.create_indexes([by_expiry]).await?;
        Ok(Self { links })
    }

    /// Stores a new link.
    pub(crate) async fn insert(&self, link: &MagicLink) -> Result<(), StoreError> {
        let stored = MagicLinkDocument {
            digest: link.digest.to_string(),
            email: link.email.clone(),
            expires_at: to_date_time(link.expires_at),
        };
        self.links.insert_fresh(&stored).await
    }

    /// Deletes the link with this digest and returns the address it was sent to; `None` if it is unknown or expired. Of
    /// concurrent claims exactly one succeeds.
    pub(crate) async fn claim(
        &self,
        digest: TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Email>, StoreError> {
        let claimed = self.links.find_one_and_delete(valid(digest, now)).await?;
        Ok(claimed.map(|link| link.email))
    }

    /// Whether the link with this digest exists and has not expired.
    pub(crate) async fn is_valid(
        &self,
        digest: TokenDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let found = self.links.find_one(valid(digest, now)).await?;
        Ok(found.is_some())
    }
}

/// The filter for the link with this digest, unless it has expired.
fn valid(digest: TokenDigest, now: Timestamp) -> Document {
    doc! {
        "_id": digest.to_string(),
        "expires_at": { "$gt": to_date_time(now) },
    }
}
