//! `POST /api/users/signin`

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use common::ErrorBody;
use common::api::auth::{CredentialsBody, SignIn, UserView};
use web::session::Sessions;
use web::{ApiError, Valid};

use crate::accounts::{Accounts, SignInError};
use crate::client_address::ClientAddress;
use crate::limits::RateLimits;

/// Signs in with a password.
///
/// An unknown account and a wrong password get the same answer after the same time.
#[utoipa::path(
    post, path = "/api/users/signin", tag = "users", request_body = CredentialsBody,
    responses(
        (status = 200, description = "Signed in; the session is in `Set-Cookie`", body = UserView,
            headers(("Set-Cookie" = String, description = "The session"))),
        (status = 400, description = "Email or password is missing or wrong", body = ErrorBody,
            example = json!({"errors": [{"message": "Invalid credentials"}]})),
        (status = 429, description = "Too many failures for this account or from this network address", body = ErrorBody),
        (status = 503, description = "Too many passwords are waiting to be verified", body = ErrorBody),
    )
)]
pub(super) async fn sign_in(
    State(accounts): State<Accounts>,
    State(limits): State<RateLimits>,
    State(sessions): State<Sessions>,
    from: ClientAddress,
    Valid(input): Valid<SignIn>,
) -> Result<impl IntoResponse, ApiError> {
    let attempt = limits.sign_in(&input.email, from)?;
    let outcome = accounts.sign_in(input).await;
    if !matches!(outcome, Err(SignInError::Invalid(_))) {
        attempt.refund();
    }
    let user = outcome?;
    let cookie = [(header::SET_COOKIE, sessions.issue(user.id, &user.email))];
    Ok((cookie, Json(UserView::from(user))))
}
