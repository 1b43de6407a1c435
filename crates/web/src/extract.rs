//! Extractors for handlers. They check in the contract's order: JSON, session, validation, existence.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use common::api::auth::SessionView;
use common::{Id, Input};

use super::ApiError;
use crate::session::{RequireUser, Sessions};

/// A valid input from a JSON body, from any client.
#[derive(Debug, Clone)]
pub struct Valid<T>(pub T);

/// A valid input from the query string, from any client.
#[derive(Debug, Clone)]
pub struct ValidQuery<T>(pub T);

/// A valid input from a JSON body, from a signed-in user.
#[derive(Debug, Clone)]
pub struct Authorized<T> {
    /// The user.
    pub user: SessionView,
    /// The input.
    pub input: T,
}

impl<T: Input, S: Send + Sync> FromRequest<S> for Valid<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = read_json::<T, S>(request, state).await?;
        T::parse(body).map(Self).map_err(ApiError::Invalid)
    }
}

impl<T: Input, S: Send + Sync> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<T::Body>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::Unreadable("Query string could not be read"))?;
        T::parse(query).map(Self).map_err(ApiError::Invalid)
    }
}

impl<T: Input, S: Send + Sync> FromRequest<S> for Authorized<T>
where
    Sessions: FromRef<S>,
    T::Body: Send,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let user = RequireUser::from_request_parts(&mut parts, state).await;
        let body = read_json::<T, S>(Request::from_parts(parts, body), state).await?;
        let RequireUser(user) = user?;
        let input = T::parse(body).map_err(ApiError::Invalid)?;
        Ok(Self { user, input })
    }
}

/// The body as JSON. An empty body counts as an empty object, whose fields are all missing. The content type is
/// ignored, because the body is validated anyway.
async fn read_json<T: Input, S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<T::Body, ApiError> {
    let bytes = Bytes::from_request(request, state)
        .await
        .map_err(unreadable)?;
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    // Serde would also accept an array, with its elements as the object's fields.
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    Json::<T::Body>::from_bytes(bytes)
        .ok()
        .filter(|_| is_object)
        .map(|Json(body)| body)
        .ok_or(ApiError::Unreadable("Request body must be a JSON object"))
}

fn unreadable(rejection: BytesRejection) -> ApiError {
    if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::BodyTooLarge
    } else {
        ApiError::Unreadable("Request body could not be read")
    }
}

/// The id in the path, which may be invalid.
#[derive(Debug)]
pub struct PathId<K>(Option<Id<K>>);

impl<K> PathId<K> {
    /// The id; 404 if it is invalid. Call this after authorization and validation, which come first in the contract.
    pub fn found(self) -> Result<Id<K>, ApiError> {
        self.0.ok_or(ApiError::NotFound)
    }
}

impl<K> From<Id<K>> for PathId<K> {
    fn from(id: Id<K>) -> Self {
        Self(Some(id))
    }
}

impl<K: 'static, S: Send + Sync> FromRequestParts<S> for PathId<K> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let segment = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(
            segment.ok().and_then(|Path(segment)| segment.parse().ok()),
        ))
    }
}
