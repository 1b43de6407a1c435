//! Replicas of what other services own: rule two of messaging, apply if newer.

use bson::oid::ObjectId;
use bson::{Document, RawDocumentBuf, doc};

use super::{Collection, StoreError};

/// What became of an event.
enum Outcome {
    /// It told of the version after the one that was here.
    Followed,
    /// It told of a later one.
    Skipped,
    /// It told nothing new.
    Stale,
}

/// Takes over the state that an event tells of an entity, unless a state at least as new is there.
///
/// `state` is every field of the replica but its `_id`, its `version` among them. It is written by at most a few commands
/// of one document, which those of the same moment share; nearly always by the first.
pub async fn apply_if_newer<D: Send + Sync + 'static>(
    replicas: &Collection<D>,
    id: ObjectId,
    version: i64,
    state: Document,
) -> Result<(), StoreError> {
    let outcome = if version > 0 {
        later(replicas, id, version, state).await?
    } else if add(replicas, id, state).await? {
        Outcome::Followed
    } else {
        Outcome::Stale
    };
    if let Some(operations) = replicas.operations() {
        match outcome {
            Outcome::Followed => {}
            Outcome::Skipped => operations.healed_gap(),
            Outcome::Stale => operations.was_stale(),
        }
    }
    Ok(())
}

async fn later<D: Send + Sync + 'static>(
    replicas: &Collection<D>,
    id: ObjectId,
    version: i64,
    state: Document,
) -> Result<Outcome, StoreError> {
    let update = doc! { "$set": &state };
    let before = doc! { "_id": id, "version": version - 1 };
    let older = doc! { "_id": id, "version": { "$lt": version } };
    let change = |filter| replicas.update_one(filter, update.clone(), false);
    if change(before).await? {
        return Ok(Outcome::Followed);
    }
    // An older one may come between the look for it and the adding, and only then.
    let is_written =
        change(older.clone()).await? || add(replicas, id, state).await? || change(older).await?;
    Ok(if is_written {
        Outcome::Skipped
    } else {
        Outcome::Stale
    })
}

/// Adds the entity, unless it is there.
async fn add<D: Send + Sync + 'static>(
    replicas: &Collection<D>,
    id: ObjectId,
    mut state: Document,
) -> Result<bool, StoreError> {
    state.insert("_id", id);
    match replicas.insert_raw(RawDocumentBuf::try_from(state)?).await {
        Err(error) if error.is_duplicate_key() => Ok(false),
        added => added.map(|()| true),
    }
}
