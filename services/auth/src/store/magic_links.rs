//! Magic links as they are stored: by the digest of their token, and only until they are used.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use common::{Email, Timestamp};
use mongo::{Collection, Database, StoreError, to_date_time};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};

use crate::domain::{MagicLink, TokenDigest};

/// How long a link that nobody followed stays after it expired. That it works no more is checked when it is followed;
/// the database only tidies up, by its own clock, which may be ahead of ours.
const KEPT_AFTER_EXPIRY: Duration = Duration::from_hours(1);

/// The magic links collection.
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
    /// Opens the collection and makes sure of its index.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        let links = database.collection("magic_links");
        let tidy = IndexOptions::builder()
            .expire_after(KEPT_AFTER_EXPIRY)
            .build();
        let by_expiry = IndexModel::builder()
            .keys(doc! { "expires_at": 1 })
            .options(tidy)
            .build();
        links.create_indexes([by_expiry]).await?;
        Ok(Self { links })
    }

    /// Adds a link.
    pub(crate) async fn insert(&self, link: &MagicLink) -> Result<(), StoreError> {
        let stored = MagicLinkDocument {
            digest: link.digest.to_string(),
            email: link.email.clone(),
            expires_at: to_date_time(link.expires_at),
        };
        self.links.insert_fresh(&stored).await
    }

    /// Uses up the link with this digest and gives the address that it was sent to; `None` if there is none, or if it
    /// has expired. Of several at the same moment one gets it.
    pub(crate) async fn claim(
        &self,
        digest: TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Email>, StoreError> {
        let claimed = self.links.find_one_and_delete(valid(digest, now)).await?;
        Ok(claimed.map(|link| link.email))
    }

    /// Whether there is a link with this digest that has not expired.
    pub(crate) async fn is_valid(
        &self,
        digest: TokenDigest,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let found = self.links.find_one(valid(digest, now)).await?;
        Ok(found.is_some())
    }
}

/// Matches the link with this digest unless it has expired.
fn valid(digest: TokenDigest, now: Timestamp) -> Document {
    doc! {
        "_id": digest.to_string(),
        "expires_at": { "$gt": to_date_time(now) },
    }
}
