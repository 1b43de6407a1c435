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
    let applied = if version == 0 {
        first(replicas, id, state).await
    } else {
        let older = doc! { "_id": id, "version": { "$lt": version } };
        let update = doc! { "$set": state };
        replicas.upsert_giving_version(older, update).await
    };
    let before = match applied {
        // No older one is there, so what was added met one that is as new or newer.
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

/// Adds the first version of an entity, which has none before: others of the same moment are added by the same write.
async fn first<D: Send + Sync + 'static>(
    replicas: &Collection<D>,
    id: ObjectId,
    mut state: Document,
) -> Result<Option<i64>, StoreError> {
    state.insert("_id", id);
    let replicas = replicas.with_type::<Document>();
    replicas.insert_one(&state).await?;
    Ok(None)
}

fn note<D: Send + Sync + 'static>(replicas: &Collection<D>, what: impl Fn(&Operations)) {
    replicas.operations().into_iter().for_each(what);
}
