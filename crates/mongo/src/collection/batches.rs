//! Operations that are batched per collection: reads by id, insertions, and updates of one document each.

mod find;
mod insert;
mod update;

use bson::oid::ObjectId;
use bson::{Document, RawDocumentBuf};

use crate::StoreError;
use crate::batching::Batched;
pub(super) use update::Change;

/// The batches of a collection.
#[derive(Debug, Clone)]
pub(super) struct Batches {
    found: Batched<ObjectId, Result<Option<RawDocumentBuf>, StoreError>>,
    inserted: Batched<RawDocumentBuf, Result<(), StoreError>>,
    changed: Batched<Change, Result<bool, StoreError>>,
}

impl Batches {
    pub(super) fn on(collection: &mongodb::Collection<Document>) -> Self {
        let found = collection.clone_with_type();
        let inserted = collection.clone_with_type();
        let changed = collection.clone();
        Self {
            found: Batched::new(move |ids| find::all(found.clone(), ids)),
            inserted: Batched::new(move |documents| insert::all(inserted.clone(), documents)),
            changed: Batched::new(move |asked| update::all(changed.clone(), asked)),
        }
    }
}
