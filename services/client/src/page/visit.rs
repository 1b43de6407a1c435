//! One shopper's request for a page: who they are, and the pages that any request can end in.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::*;

use super::respond::respond;
use crate::api::{Api, ApiClient, Failure};
use crate::state::Shop;
use crate::view::{self, Page, Visitor};

/// A request for a page.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) api: Api,
    pub(crate) shop: Arc<Shop>,
    method: Method,
    /// What was asked for: path and query.
    address: String,
}

impl<S> FromRequestParts<S> for Visit
where
    S: Send + Sync,
    ApiClient: FromRef<S>,
    Arc<Shop>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let address = parts.uri.path_and_query();
        Ok(Self {
            address: address.map_or("/", |address| address.as_str()).to_owned(),
            method: parts.method.clone(),
            api: Api::from_request_parts(parts, state).await?,
            shop: Arc::from_ref(state),
        })
    }
}

impl Visit {
    /// Whether the address can be visited again. HEAD is answered with the headers that GET would have.
    fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Who asks. No call is made for a request without a session.
    pub(crate) async fn visitor(&self) -> Visitor {
        if !self.api.has_session() {
            return Visitor::Anonymous;
        }
        match self.api.current_user().await {
            Ok(Some(session)) => Visitor::SignedIn(session),
            Ok(None) => Visitor::Anonymous,
            Err(_) => Visitor::Unknown,
        }
    }

    /// The page with this view.
    pub(crate) fn page<V: IntoView + 'static>(
        &self,
        visitor: &Visitor,
        page: Page,
        view: impl FnOnce() -> V,
    ) -> Response {
        let page = if page.next.is_empty() && self.is_read() {
            page.leading_to(self.address.clone())
        } else {
            page
        };
        respond(&self.shop, visitor, page, view)
    }

    /// The way to the sign-in page, and back here after it.
    pub(crate) fn sign_in_first(&self) -> Response {
        // What a form sent cannot be sent again by following a link.
        let back = if self.is_read() { &self.address } else { "/" };
        Redirect::to(&sign_in_url(back)).into_response()
    }

    /// What a failed call of the API comes to, where the page has nothing better to say.
    pub(crate) fn failed(&self, visitor: &Visitor, failure: &Failure) -> Response {
        match failure {
            Failure::Unavailable(_) => self.unavailable(visitor),
            Failure::Refused { status, .. } if *status == StatusCode::NOT_FOUND => {
                self.not_found(visitor)
            }
            // Another's is nobody's business: it might as well not be there.
            Failure::Refused { .. } if failure.is_unauthorized() => match visitor {
                Visitor::Anonymous => self.sign_in_first(),
                Visitor::SignedIn(_) | Visitor::Unknown => self.not_found(visitor),
            },
            Failure::Refused { status, errors } => {
                let message = errors.first().map(|error| error.message.clone());
                self.error(visitor, *status, || view::refused(*status, message))
            }
        }
    }

    /// 404.
    pub(crate) fn not_found(&self, visitor: &Visitor) -> Response {
        self.error(visitor, StatusCode::NOT_FOUND, view::not_found)
    }

    /// 503: something that we need does not answer.
    pub(crate) fn unavailable(&self, visitor: &Visitor) -> Response {
        let again = self.is_read().then(|| self.address.clone());
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut response = self.error(visitor, status, || view::unavailable(again));
        let retry = HeaderValue::from_static("2");
        response.headers_mut().insert(header::RETRY_AFTER, retry);
        response
    }

    /// A failure of a layer around the handlers, or of ours.
    pub(crate) fn failure(&self, status: StatusCode) -> Response {
        match status {
            StatusCode::NOT_FOUND => self.not_found(&Visitor::Unknown),
            StatusCode::SERVICE_UNAVAILABLE => self.unavailable(&Visitor::Unknown),
            _ => self.error(&Visitor::Unknown, status, || view::refused(status, None)),
        }
    }

    fn error<V: IntoView + 'static>(
        &self,
        visitor: &Visitor,
        status: StatusCode,
        view: impl FnOnce() -> V,
    ) -> Response {
        let title = match status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::SERVICE_UNAVAILABLE => "Back in a moment",
            _ => "That did not work",
        };
        self.page(visitor, Page::new(title).status(status), view)
    }
}

/// The sign-in page, which leads on to `back`.
pub(crate) fn sign_in_url(back: &str) -> String {
    view::leading_to("/auth/signin", back)
}

/// Goes to another page (303), with the cookies that the API set.
pub(crate) fn go(to: &str, cookies: Vec<HeaderValue>) -> Response {
    let mut response = Redirect::to(to).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
