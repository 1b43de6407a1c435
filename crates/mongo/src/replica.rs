//! Replicas of what other services own: rule two of messaging, apply if newer.

use bson::{Bson, Document, doc};
use serde::Serialize;

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
/// `version` is the one that the replica has. It is written by at most a few commands of one document, which those of the
/// same moment share; nearly always by the first.
pub async fn apply_if_newer<D>(
    replicas: &Collection<D>,
    version: i64,
    replica: &D,
) -> Result<(), StoreError>
where
    D: Serialize + Send + Sync + 'static,
{
    let outcome = if version > 0 {
        later(replicas, version, replica).await?
    } else if add(replicas, replica).await? {
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

async fn later<D>(
    replicas: &Collection<D>,
    version: i64,
    replica: &D,
) -> Result<Outcome, StoreError>
where
    D: Serialize + Send + Sync + 'static,
{
    let (id, state) = parts(replica)?;
    let update = doc! { "$set": state };
    let before = doc! { "_id": &id, "version": version - 1 };
    let older = doc! { "_id": id, "version": { "$lt": version } };
    let change = |filter| replicas.update_one(filter, update.clone(), false);
    if change(before).await? {
        return Ok(Outcome::Followed);
    }
    // An older one may come between the look for it and the adding, and only then.
    let is_written =
        change(older.clone()).await? || add(replicas, replica).await? || change(older).await?;
    Ok(if is_written {
        Outcome::Skipped
    } else {
        Outcome::Stale
    })
}

/// The replica's id, and all else.
fn parts(replica: &impl Serialize) -> Result<(Bson, Document), StoreError> {
    let mut state = bson::serialize_to_document(replica)?;
    let id = state.remove("_id").unwrap_or(Bson::Null);
    Ok((id, state))
}

/// Adds the entity, unless it is there.
async fn add<D>(replicas: &Collection<D>, replica: &D) -> Result<bool, StoreError>
where
    D: Serialize + Send + Sync + 'static,
{
    match replicas.insert_one(replica).await {
        Err(error) if error.is_duplicate_key() => Ok(false),
        added => added.map(|()| true),
    }
}
