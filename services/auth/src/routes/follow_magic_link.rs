//! `GET /api/users/verify-magic-links`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use common::ErrorBody;
use serde::Deserialize;
use web::ApiError;
use web::session::Sessions;

use crate::accounts::Accounts;
use crate::magic_links::{FollowError, MagicLinks};

/// The query of a magic link. It has no `Debug`, so it cannot be logged.
#[derive(Deserialize)]
pub(super) struct LinkQuery {
    token: String,
}

/// Signs in by a magic link, once, and redirects to the shop. The first link to an address creates its account.
///
/// A browser with an invalid link is redirected to a page of the shop that says so; other clients get the error. `HEAD`
/// checks a link without using it up.
#[utoipa::path(
    get, path = "/api/users/verify-magic-links", tag = "users",
    params(("token" = String, Query, description = "From the link")),
    responses(
        (status = 303, description = "Signed in: `Location` is the shop, the session is in `Set-Cookie`. Or a browser's link is invalid: `Location` is a page that says so",
            headers(("Location" = String, description = "The next page"), ("Set-Cookie" = String, description = "The session"))),
        (status = 400, description = "The link is invalid, was used or has expired", body = ErrorBody,
            example = json!({"errors": [{"message": "This link is invalid or has expired"}]})),
    )
)]
pub(super) async fn follow_magic_link(
    State(magic_links): State<MagicLinks>,
    State(accounts): State<Accounts>,
    State(sessions): State<Sessions>,
    method: Method,
    headers: HeaderMap,
    query: Result<Query<LinkQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let token = query.map_or_else(|_| String::new(), |Query(query)| query.token);
    // The router handles HEAD like GET. Mail scanners send HEAD to check links, which must not use them up.
    let outcome = if method == Method::HEAD {
        magic_links.check(&token).await.map(|()| None)
    } else {
        magic_links.follow(&token).await.map(Some)
    };
    match outcome {
        Ok(email) => {
            let mut response = Redirect::to(&magic_links.shop_url()).into_response();
            if let Some(email) = email {
                let user = accounts.find_or_create(email).await?;
                let cookie = sessions.issue(user.id, &user.email);
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(FollowError::Invalid(_)) if is_browser(&headers) => {
            Ok(Redirect::to(&magic_links.invalid_link_url()).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the client prefers HTML, as browsers do.
fn is_browser(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    accepted.is_some_and(|accepted| accepted.starts_with(b"text/html"))
}
