//! Replicas of what other services own: rule two of messaging, apply if newer.

use bson::oid::ObjectId;
use bson::{Document, doc};

use super::measured::Operations;
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
    let before = match replicas.upsert_giving_version(older, update).await {
        // No older one matched, so the upsert met one that is as new or newer.
        Err(error) if error.is_duplicate_key() => {
            note(replicas, Operations::was_stale);
            return Ok(());
        }
        applied => applied?,
    };
    if version > before.map_or(0, |before| before + 1) {
        note(replicas, Operations::healed_gap);
    }
    Ok(())
}

fn note<D: Send + Sync + 'static>(replicas: &Collection<D>, what: impl Fn(&Operations)) {
    replicas.operations().into_iter().for_each(what);
}
