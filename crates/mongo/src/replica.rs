//! Replicas of entities that other services own. An event is applied if it is newer (rule 2 of `ARCHITECTURE.md`).

use bson::{Bson, Document, doc};
use serde::Serialize;

use super::{Collection, StoreError};

/// The effect of an event on the replica.
enum Outcome {
    /// It had the next version.
    Followed,
    /// It had a later version than the next.
    Skipped,
    /// It had no newer version.
    Stale,
}

/// Stores an entity's state from an event, unless the stored state is at least as new.
///
/// `version` is the version of `replica`. This takes at most a few commands on one document, nearly always one, and
/// concurrent calls share commands.
pub async fn apply_if_newer<D>(
    replicas: &Collection<D>,
    version: i64,
    replica: &D,
) -> Result<(), StoreError>
where
    D: Serialize + Send + Sync + 'static,
{
    let outcome = if version > 0 {
        apply_later(replicas, version, replica).await?
    } else if insert(replicas, replica).await? {
        Outcome::Followed
    } else {
        Outcome::Stale
    };
    if let Some(operations) = replicas.operations() {
        match outcome {
            Outcome::Followed => {}
            Outcome::Skipped => operations.count_gap(),
            Outcome::Stale => operations.count_stale(),
        }
    }
    Ok(())
}

async fn apply_later<D>(
    replicas: &Collection<D>,
    version: i64,
    replica: &D,
) -> Result<Outcome, StoreError>
where
    D: Serialize + Send + Sync + 'static,
{
    let (id, state) = split(replica)?;
    let update = doc! { "$set": state };
    let before = doc! { "_id": &id, "version": version - 1 };
    let older = doc! { "_id": id, "version": { "$lt": version } };
    let change = |filter| replicas.update_one(filter, update.clone(), false);
    if change(before).await? {
        return Ok(Outcome::Followed);
    }
    // An older version may be inserted between the second command and the third.
    let is_written =
        change(older.clone()).await? || insert(replicas, replica).await? || change(older).await?;
    Ok(if is_written {
        Outcome::Skipped
    } else {
        Outcome::Stale
    })
}

/// Splits the replica into its id and its other fields.
fn split(replica: &impl Serialize) -> Result<(Bson, Document), StoreError> {
    let mut state = bson::serialize_to_document(replica)?;
    let id = state.remove("_id").unwrap_or(Bson::Null);
    Ok((id, state))
}

/// Inserts the entity. Returns whether it was missing.
async fn insert<D>(replicas: &Collection<D>, replica: &D) -> Result<bool, StoreError>
where
    D: Serialize + Send + Sync + 'static,
{
    match replicas.insert_one(replica).await {
        Err(error) if error.is_duplicate_key() => Ok(false),
        inserted => inserted.map(|()| true),
    }
}
