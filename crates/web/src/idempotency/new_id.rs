//! The id of what a request creates.

use std::convert::Infallible;
use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bson::oid::ObjectId;
use common::Id;

use mongo::typed_id;

/// The id that was given to a request's key, beside the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimedId {
    pub(super) id: ObjectId,
    pub(super) is_repeated: bool,
}

/// The id of what a request creates: the one of its `Idempotency-Key`, so that a second execution creates the same thing
/// and not another; a fresh one without a key.
#[derive(Debug)]
pub struct NewId<K> {
    id: ObjectId,
    is_repeated: bool,
    kind: PhantomData<fn() -> K>,
}

impl<K> NewId<K> {
    /// An id that nothing has.
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

    /// Whether the request may have been executed before, so that there may be something with this id.
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
