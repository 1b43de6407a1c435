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

/// The query of a magic link. It does not print.
#[derive(Deserialize)]
pub(super) struct LinkQuery {
    token: String,
}

/// Signs in by a magic link, once, and goes to the shop. The first link to an address makes its account.
///
/// A browser whose link does not work is sent to a page of the shop that says so; anybody else gets the error. `HEAD` says
/// whether the link works, and does not use it up.
#[utoipa::path(
    get, path = "/api/users/verify-magic-links", tag = "users",
    params(("token" = String, Query, description = "From the link")),
    responses(
        (status = 303, description = "Signed in: `Location` is the shop, the session is in `Set-Cookie`. Or a browser's link is invalid: `Location` is a page that says so",
            headers(("Location" = String, description = "Where to go"), ("Set-Cookie" = String, description = "The session"))),
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
    // The router takes HEAD for GET, and mail scanners send it to look at links, which must not use them up.
    let followed = if method == Method::HEAD {
        magic_links.check(&token).await.map(|()| None)
    } else {
        magic_links.follow(&token).await.map(Some)
    };
    match followed {
        Ok(reader) => {
            let mut response = Redirect::to(&magic_links.destination()).into_response();
            if let Some(email) = reader {
                let user = accounts.of_reader(email).await?;
                let cookie = sessions.issue(user.id, &user.email);
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(FollowError::Invalid(_)) if wants_a_page(&headers) => {
            Ok(Redirect::to(&magic_links.apology()).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a person reads the answer in a browser.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    accepted.is_some_and(|accepted| accepted.starts_with(b"text/html"))
}
