//! Replicas of what other services own: rule two of messaging, apply if newer.

use bson::oid::ObjectId;
use bson::{Document, doc};

use super::{Collection, StoreError};

/// Takes over the state that an event tells of an entity, unless a state at least as new is there.
///
/// `state` is every field of the replica but its `_id`, its `version` among them.
pub async fn apply_if_newer<D: Send + Sync + 'static>(
    replicas: &Collection<D>,
    id: ObjectId,
    version: i64,
    state: Document,
) -> Result<(), StoreError> {
    let older = doc! { "_id": id, "version": { "$lt": version } };
    let update = doc! { "$set": state };
    match replicas.update_one(older, update, true).await {
        // No older one matched, so the upsert met one that is as new or newer.
        Err(error) if error.is_duplicate_key() => Ok(()),
        applied => applied,
    }
}
