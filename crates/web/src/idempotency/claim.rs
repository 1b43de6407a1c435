//! The claims of keys, in the service's own database.

use std::time::Duration;

use base::clock::Clock;
use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use common::Timestamp;
use mongo::{Collection, Database, StoreError, to_date_time};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};

use super::LEASE;
use super::new_id::ClaimedId;
use super::stored::StoredResponse;

/// How long a key is stored: the minimum that Stripe promises. The database deletes it, by its own clock.
const LIFETIME: Duration = Duration::from_hours(24);

/// A claim as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct ClaimDocument {
    /// The digest of caller and key.
    #[serde(rename = "_id")]
    id: String,
    /// The digest of the request.
    fingerprint: String,
    /// The id of the entity that the request creates.
    creates: ObjectId,
    /// Identifies the latest execution.
    holder: ObjectId,
    /// Until when no other request may execute it.
    leased_until: DateTime,
    created_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<StoredResponse>,
}

/// The right to execute a request.
#[derive(Debug)]
pub(super) struct Claim {
    id: String,
    holder: ObjectId,
    creates: ObjectId,
    /// Whether the request may have been executed before.
    pub(super) is_repeated: bool,
}

impl Claim {
    pub(super) const fn new_id(&self) -> ClaimedId {
        ClaimedId {
            id: self.creates,
            is_repeated: self.is_repeated,
        }
    }
}

/// The outcome of claiming a key.
pub(super) enum Claimed {
    /// The request must be executed.
    Ours(Claim),
    /// It has been executed, with this result.
    Completed(StoredResponse),
    /// It is being executed.
    Busy,
    /// The key was used for another request.
    OtherRequest,
}

/// The claims of a service.
#[derive(Debug)]
pub(super) struct Claims {
    claims: Collection<ClaimDocument>,
    clock: Clock,
}

impl Claims {
    /// Opens the collection and creates its index.
    pub(super) async fn open(database: &Database, clock: Clock) -> Result<Self, StoreError> {
        let claims = database.collection("idempotency_keys");
        let expiry = IndexOptions::builder().expire_after(LIFETIME).build();
        let by_age = IndexModel::builder()
            .keys(doc! { "created_at": 1 })
            .options(expiry)
            .build();
        claims.create_indexes([by_age]).await?;
        Ok(Self { claims, clock })
    }

    /// Claims a key for a request.
    pub(super) async fn claim(
        &self,
        id: String,
        fingerprint: String,
    ) -> Result<Claimed, StoreError> {
        let now = self.clock.now();
        let fresh = ClaimDocument {
            id,
            fingerprint,
            creates: ObjectId::new(),
            holder: ObjectId::new(),
            leased_until: lease(now),
            created_at: to_date_time(now),
            answer: None,
        };
        match self.claims.insert_one(&fresh).await {
            Err(error) if error.is_duplicate_key() => self.claim_again(fresh).await,
            inserted => {
                inserted?;
                Ok(Claimed::Ours(fresh.claim(false)))
            }
        }
    }

    /// Claims a key that exists. If its lease has expired, it passes to this request.
    async fn claim_again(&self, fresh: ClaimDocument) -> Result<Claimed, StoreError> {
        let Some(stored) = self.claims.find_one(doc! { "_id": &fresh.id }).await? else {
            // It was deleted in between.
            return Ok(Claimed::Busy);
        };
        if stored.holder == fresh.holder {
            // The driver repeated the insertion, because the first response was lost.
            return Ok(Claimed::Ours(fresh.claim(false)));
        }
        if stored.fingerprint != fresh.fingerprint {
            return Ok(Claimed::OtherRequest);
        }
        if let Some(response) = stored.answer {
            return Ok(Claimed::Completed(response));
        }
        if stored.leased_until > fresh.created_at {
            return Ok(Claimed::Busy);
        }
        let expired = doc! { "_id": stored.id, "holder": stored.holder, "answer": null };
        let taken = doc! {
            "$set": { "holder": fresh.holder, "leased_until": fresh.leased_until },
        };
        let taken = self.claims.find_one_and_update(expired, taken).await?;
        Ok(taken.map_or(Claimed::Busy, |taken| Claimed::Ours(taken.claim(true))))
    }

    /// Stores the result.
    pub(super) async fn complete(
        &self,
        claim: &Claim,
        response: &StoredResponse,
    ) -> Result<(), StoreError> {
        let response = bson::serialize_to_bson(response)?;
        self.update(claim, doc! { "answer": response }).await
    }

    /// Lets a repeat execute the request again.
    pub(super) async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let now = to_date_time(self.clock.now());
        self.update(claim, doc! { "leased_until": now }).await
    }

    /// Deletes the claim.
    pub(super) async fn delete(&self, claim: &Claim) -> Result<(), StoreError> {
        self.claims.find_one_and_delete(held_by(claim)).await?;
        Ok(())
    }

    /// Updates the claim, unless another request has taken it over.
    async fn update(&self, claim: &Claim, fields: Document) -> Result<(), StoreError> {
        let change = doc! { "$set": fields };
        self.claims
            .update_one(held_by(claim), change, false)
            .await?;
        Ok(())
    }
}

impl ClaimDocument {
    fn claim(self, is_repeated: bool) -> Claim {
        Claim {
            id: self.id,
            holder: self.holder,
            creates: self.creates,
            is_repeated,
        }
    }
}

fn held_by(claim: &Claim) -> Document {
    doc! { "_id": &claim.id, "holder": claim.holder }
}

fn lease(now: Timestamp) -> DateTime {
    to_date_time(now.plus(LEASE))
}
