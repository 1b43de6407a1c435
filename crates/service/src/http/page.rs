//! Pages of lists: an array in the body, the next page's address in a `Link` header (RFC 8288).

use axum::Json;
use axum::extract::{FromRequestParts, OriginalUri, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use common::{FieldError, Id};
use serde::{Deserialize, Serialize};

use super::ApiError;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// Which page a client asks for: `?limit=` (1 to 100, default 20) and `?after=` (opaque).
#[derive(Debug)]
pub struct PageRequest<K> {
    /// The most items to give.
    pub limit: u32,
    /// The last item of the page before.
    pub after: Option<Id<K>>,
    path: String,
}

#[derive(Deserialize)]
struct PageQuery {
    limit: Option<String>,
    after: Option<String>,
}

impl<K: 'static, S: Send + Sync> FromRequestParts<S> for PageRequest<K> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) = Query::<PageQuery>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::bad_request("Query string could not be read"))?;
        let OriginalUri(uri) = OriginalUri::from_request_parts(parts, state)
            .await
            .unwrap_or_else(|never| match never {});
        Ok(Self {
            limit: parse_limit(query.limit.as_deref())?,
            after: parse_after(query.after.as_deref())?,
            path: uri.path().to_owned(),
        })
    }
}

fn parse_limit(text: Option<&str>) -> Result<u32, ApiError> {
    let Some(text) = text else {
        return Ok(DEFAULT_LIMIT);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| invalid("limit", "Limit must be between 1 and 100"))
}

fn parse_after<K>(text: Option<&str>) -> Result<Option<Id<K>>, ApiError> {
    text.map(str::parse)
        .transpose()
        .map_err(|_| invalid("after", "After must come from a Link header"))
}

fn invalid(field: &str, message: &str) -> ApiError {
    ApiError::Invalid(vec![FieldError::new(field, message)])
}

impl<K> PageRequest<K> {
    /// How many items to fetch: one more than are shown tells whether there is a next page.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page made of what was fetched.
    #[must_use]
    pub fn page<T>(&self, mut items: Vec<T>, id: impl Fn(&T) -> Id<K>) -> Page<T> {
        let limit = self.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| {
            let (path, after) = (&self.path, id(last));
            format!("<{path}?limit={limit}&after={after}>; rel=\"next\"")
        });
        Page { items, next }
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T> Page<T> {
    /// The same page of other items.
    #[must_use]
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(view).collect(),
            next: self.next,
        }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.items).into_response();
        let link = self.next.and_then(|next| HeaderValue::try_from(next).ok());
        if let Some(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}
