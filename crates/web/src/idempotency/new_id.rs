//! The id of the entity that a request creates.

use std::convert::Infallible;
use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bson::oid::ObjectId;
use common::Id;

use mongo::typed_id;

/// The id in a claim, passed to the endpoint as an extension of the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimedId {
    pub(super) id: ObjectId,
    pub(super) is_repeated: bool,
}

/// The id of the entity that a request creates. With an `Idempotency-Key` it belongs to the key, so that a second
/// execution creates no second entity; without a key it is fresh.
#[derive(Debug)]
pub struct NewId<K> {
    id: ObjectId,
    is_repeated: bool,
    kind: PhantomData<fn() -> K>,
}

impl<K> NewId<K> {
    /// A fresh id.
    #[must_use]
    pub fn fresh() -> Self {
        Self::of(ClaimedId {
            id: ObjectId::new(),
            is_repeated: false,
        })
    }

    /// The id of a request that may have been executed before.
    #[must_use]
    pub const fn repeated(id: Id<K>) -> Self {
        Self::of(ClaimedId {
            id: ObjectId::from_bytes(id.bytes()),
            is_repeated: true,
        })
    }

    const fn of(ClaimedId { id, is_repeated }: ClaimedId) -> Self {
        Self {
            id,
            is_repeated,
            kind: PhantomData,
        }
    }

    /// The id.
    #[must_use]
    pub fn get(&self) -> Id<K> {
        typed_id(self.id)
    }

    /// Whether the request may have been executed before, so that an entity with this id may exist.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.is_repeated
    }
}

impl<K, S: Send + Sync> FromRequestParts<S> for NewId<K> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let claimed = parts.extensions.get::<ClaimedId>();
        Ok(claimed.copied().map_or_else(Self::fresh, Self::of))
    }
}
