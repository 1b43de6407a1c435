//! Batched reads by id.

use std::collections::HashMap;

use bson::oid::ObjectId;
use bson::{RawDocumentBuf, doc};
use futures::TryStreamExt;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::collection::{Backing, Collection, Find, read};
use crate::timeouts::within_limit;

impl<D: DeserializeOwned + Send + Sync + 'static> Collection<D> {
    /// The document with this `_id`, if there is one. Concurrent reads share a query, which always begins after the call.
    pub async fn find_by_id(&self, id: ObjectId) -> Result<Option<D>, StoreError> {
        match &*self.0 {
            Backing::Server(.., batches) => {
                let found = self.observed("find", batches.found.run(id)).await?;
                let read = found.map(|found| bson::deserialize_from_slice(found.as_bytes()));
                Ok(read.transpose()?)
            }
            Backing::Replaced(collection) => {
                let find = Find::matching(doc! { "_id": id }).limit(1);
                read(collection.find(find).await?.pop())
            }
        }
    }
}

pub(super) async fn all(
    collection: mongodb::Collection<RawDocumentBuf>,
    ids: Vec<ObjectId>,
) -> Vec<Result<Option<RawDocumentBuf>, StoreError>> {
    let filter = if let [id] = ids[..] {
        doc! { "_id": id }
    } else {
        doc! { "_id": { "$in": &ids } }
    };
    let found = within_limit(async move {
        let found: Vec<_> = collection.find(filter).await?.try_collect().await?;
        Ok(found)
    });
    match found.await {
        Ok(found) => {
            let found = found.into_iter();
            let by_id: HashMap<_, _> = found
                .filter_map(|document| Some((document.get_object_id("_id").ok()?, document)))
                .collect();
            ids.iter().map(|id| Ok(by_id.get(id).cloned())).collect()
        }
        Err(failure) => vec![Err(failure); ids.len()],
    }
}
