//! Claims on keys, in the service's own database.

use std::time::Duration;

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use common::Timestamp;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};

use super::LEASE;
use super::new_id::ClaimedId;
use super::stored::StoredAnswer;
use base::clock::Clock;
use mongo::{Collection, Database, StoreError, to_date_time};

/// How long a key is known: what Stripe promises at least. The database tidies up by its own clock.
const KNOWN: Duration = Duration::from_hours(24);

/// A key as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct ClaimDocument {
    /// The digest of caller and key.
    #[serde(rename = "_id")]
    id: String,
    /// The digest of the request.
    fingerprint: String,
    /// The id of what the request creates.
    creates: ObjectId,
    /// Who executes the request, or did so last.
    holder: ObjectId,
    /// Until when nobody else may.
    leased_until: DateTime,
    created_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<StoredAnswer>,
}

/// The right to execute a request.
#[derive(Debug)]
pub(super) struct Claim {
    id: String,
    holder: ObjectId,
    creates: ObjectId,
    /// Whether somebody may have executed it before.
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

/// What came of the wish to execute a request.
pub(super) enum Claimed {
    /// It is to be executed.
    Ours(Claim),
    /// It has been.
    Answered(StoredAnswer),
    /// Somebody executes it.
    Busy,
    /// Its key was used for another request.
    OtherRequest,
}

/// The claims of a service.
#[derive(Debug)]
pub(super) struct Claims {
    claims: Collection<ClaimDocument>,
    clock: Clock,
}

impl Claims {
    /// Opens the collection and makes sure of its index.
    pub(super) async fn open(database: &Database, clock: Clock) -> Result<Self, StoreError> {
        let claims = database.collection("idempotency_keys");
        let tidy = IndexOptions::builder().expire_after(KNOWN).build();
        let by_age = IndexModel::builder()
            .keys(doc! { "created_at": 1 })
            .options(tidy)
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

    /// Claims a key that is known: one whose lease is over passes to this request.
    async fn claim_again(&self, fresh: ClaimDocument) -> Result<Claimed, StoreError> {
        let Some(known) = self.claims.find_one(doc! { "_id": &fresh.id }).await? else {
            // It was deleted at this moment.
            return Ok(Claimed::Busy);
        };
        if known.holder == fresh.holder {
            // The driver repeated a write whose answer got lost.
            return Ok(Claimed::Ours(fresh.claim(false)));
        }
        if known.fingerprint != fresh.fingerprint {
            return Ok(Claimed::OtherRequest);
        }
        if let Some(answer) = known.answer {
            return Ok(Claimed::Answered(answer));
        }
        if known.leased_until > fresh.created_at {
            return Ok(Claimed::Busy);
        }
        let over = doc! { "_id": known.id, "holder": known.holder, "answer": null };
        let taken = doc! {
            "$set": { "holder": fresh.holder, "leased_until": fresh.leased_until },
        };
        let taken = self.claims.find_one_and_update(over, taken).await?;
        Ok(taken.map_or(Claimed::Busy, |taken| Claimed::Ours(taken.claim(true))))
    }

    /// Stores the result.
    pub(super) async fn complete(
        &self,
        claim: &Claim,
        answer: &StoredAnswer,
    ) -> Result<(), StoreError> {
        let answer = bson::serialize_to_bson(answer)?;
        self.update(claim, doc! { "answer": answer }).await
    }

    /// Lets a repeat execute the request again.
    pub(super) async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let now = to_date_time(self.clock.now());
        self.update(claim, doc! { "leased_until": now }).await
    }

    /// Forgets the key.
    pub(super) async fn delete(&self, claim: &Claim) -> Result<(), StoreError> {
        self.claims.find_one_and_delete(held_by(claim)).await?;
        Ok(())
    }

    /// Changes the claim, unless somebody else has it by now.
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
