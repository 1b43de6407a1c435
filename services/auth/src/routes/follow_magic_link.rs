//! `GET /api/users/verify-magic-links`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Redirect};
use common::ErrorBody;
use serde::Deserialize;
use service::ApiError;
use service::session::Sessions;

use crate::accounts::Accounts;
use crate::domain::InvalidToken;
use crate::magic_links::MagicLinks;

/// The query of a magic link. It does not print.
#[derive(Deserialize)]
pub(super) struct LinkQuery {
    token: String,
}

/// Signs in by a magic link, once, and goes to the shop. The first link to an address makes its account.
#[utoipa::path(
    get, path = "/api/users/verify-magic-links", tag = "users",
    params(("token" = String, Query, description = "From the link")),
    responses(
        (status = 303, description = "Signed in; `Location` is the shop, the session is in `Set-Cookie`"),
        (status = 400, description = "The link is invalid, was used or has expired", body = ErrorBody),
    )
)]
pub(super) async fn follow_magic_link(
    State(magic_links): State<MagicLinks>,
    State(accounts): State<Accounts>,
    State(sessions): State<Sessions>,
    method: Method,
    query: Result<Query<LinkQuery>, QueryRejection>,
) -> Result<impl IntoResponse, ApiError> {
    // The router takes HEAD for GET, and mail scanners send it to look at links, which must not use them up.
    if method == Method::HEAD {
        return Err(ApiError::NotFound);
    }
    let Query(query) = query.map_err(|_| InvalidToken)?;
    let email = magic_links.follow(&query.token).await?;
    let user = accounts.of_reader(email).await?;
    let cookie = [(header::SET_COOKIE, sessions.issue(user.id, &user.email))];
    Ok((cookie, Redirect::to(&magic_links.destination())))
}
