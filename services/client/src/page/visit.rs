//! A request for a page, with the responses that every page may need.

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
    path_and_query: String,
}

impl<S> FromRequestParts<S> for Visit
where
    S: Send + Sync,
    ApiClient: FromRef<S>,
    Arc<Shop>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = parts.uri.path_and_query();
        Ok(Self {
            path_and_query: path.map_or("/", |path| path.as_str()).to_owned(),
            method: parts.method.clone(),
            api: Api::from_request_parts(parts, state).await?,
            shop: Arc::from_ref(state),
        })
    }
}

impl Visit {
    /// Whether a link can repeat the request. HEAD counts, since its headers equal those of GET.
    fn is_safe(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Looks up the visitor. A request without a session needs no call.
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

    /// Responds with a page.
    pub(crate) fn page<V: IntoView + 'static>(
        &self,
        visitor: &Visitor,
        page: Page,
        view: impl FnOnce() -> V,
    ) -> Response {
        let page = if page.next.is_empty() && self.is_safe() {
            page.with_next(self.path_and_query.clone())
        } else {
            page
        };
        respond(&self.shop, visitor, page, view)
    }

    /// Redirects to the sign-in page, which leads back here.
    pub(crate) fn redirect_to_sign_in(&self) -> Response {
        // A link cannot repeat a sent form.
        let next = if self.is_safe() {
            &self.path_and_query
        } else {
            "/"
        };
        Redirect::to(&sign_in_url(next)).into_response()
    }

    /// The page for a failed call of the API.
    pub(crate) fn failed(&self, visitor: &Visitor, failure: &Failure) -> Response {
        match failure {
            Failure::Unavailable(_) => self.unavailable(visitor),
            Failure::Refused { status, .. } if *status == StatusCode::NOT_FOUND => {
                self.not_found(visitor)
            }
            // Do not reveal whether another user's ticket or order exists.
            Failure::Refused { .. } if failure.is_unauthorized() => match visitor {
                Visitor::Anonymous => self.redirect_to_sign_in(),
                Visitor::SignedIn(_) | Visitor::Unknown => self.not_found(visitor),
            },
            Failure::Refused { status, errors } => {
                let message = errors.first().map(|error| error.message.clone());
                self.error(visitor, *status, || view::refused(*status, message))
            }
        }
    }

    pub(crate) fn not_found(&self, visitor: &Visitor) -> Response {
        self.error(visitor, StatusCode::NOT_FOUND, view::not_found)
    }

    pub(crate) fn unavailable(&self, visitor: &Visitor) -> Response {
        let retry_url = self.is_safe().then(|| self.path_and_query.clone());
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let mut response = self.error(visitor, status, || view::unavailable(retry_url));
        let seconds = HeaderValue::from_static("2");
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
        response
    }

    /// The page for an error status that a layer around the handlers returned.
    pub(crate) fn status_page(&self, status: StatusCode) -> Response {
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

/// The URL of the sign-in page, which leads on to `next`.
pub(crate) fn sign_in_url(next: &str) -> String {
    view::with_next("/auth/signin", next)
}

/// Redirects (303), with the cookies that the API set.
pub(crate) fn redirect(to: &str, cookies: Vec<HeaderValue>) -> Response {
    let mut response = Redirect::to(to).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
