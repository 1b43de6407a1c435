//! Pages of lists: an array in the body, and the address of the next page in a `Link` header (RFC 8288).

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, OriginalUri, Query};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use common::FieldError;
use serde::{Deserialize, Serialize};

use super::{ApiError, Encoded};

const MAX_LIMIT: u32 = 100;

/// Which page a client asks for: `?limit=` (1 to 100, default 100) and `?after=` (opaque).
///
/// `C` is the cursor of an item: its position in the list's order, such as its id. A page begins after the last item of
/// the previous page, so items added or removed meanwhile shift nothing.
#[derive(Debug)]
pub struct PageRequest<C> {
    /// The maximum number of items.
    pub limit: u32,
    /// The cursor of the last item of the previous page.
    pub after: Option<C>,
    path: String,
    /// The other parameters of the query, which the next page's address repeats.
    rest: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct PageQuery {
    limit: Option<String>,
    after: Option<String>,
}

impl<C: FromStr, S: Send + Sync> FromRequestParts<S> for PageRequest<C> {
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
            rest: other_parameters(uri.query().unwrap_or_default()),
        })
    }
}

fn parse_limit(text: Option<&str>) -> Result<u32, ApiError> {
    let Some(text) = text else {
        return Ok(MAX_LIMIT);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| invalid("limit", "Limit must be between 1 and 100"))
}

fn parse_after<C: FromStr>(text: Option<&str>) -> Result<Option<C>, ApiError> {
    text.map(str::parse)
        .transpose()
        .map_err(|_| invalid_after())
}

/// The error for a cursor that is invalid in this list.
#[must_use]
pub fn invalid_after() -> ApiError {
    invalid("after", "After must come from a Link header")
}

fn other_parameters(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != "limit" && name != "after")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

fn invalid(field: &str, message: &str) -> ApiError {
    ApiError::Invalid(vec![FieldError::new(field, message)])
}

impl<C: Display> PageRequest<C> {
    /// How many items to fetch: one more than the page has, to find out whether there is a next page.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page of the fetched items. `cursor` returns the cursor of an item.
    #[must_use]
    pub fn page<T>(&self, mut items: Vec<T>, cursor: impl Fn(&T) -> C) -> Page<T> {
        let limit = self.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| {
            let (path, query) = (&self.path, self.next_query(&cursor(last)));
            format!("<{path}?{query}>; rel=\"next\"")
        });
        Page { items, next }
    }

    fn next_query(&self, after: &C) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.rest)
            .append_pair("limit", &self.limit.to_string())
            .append_pair("after", &after.to_string())
            .finish()
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with converted items.
    #[must_use]
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(view).collect(),
            next: self.next,
        }
    }
}

impl<T: Serialize> Page<T> {
    /// The page as an encoded response.
    #[must_use]
    pub fn encoded(self) -> Encoded {
        let link = self.next.and_then(|next| HeaderValue::try_from(next).ok());
        Encoded::json(&self.items).with_link(link)
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        self.encoded().into_response()
    }
}
