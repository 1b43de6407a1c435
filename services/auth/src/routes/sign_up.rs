//! `POST /api/users/signup`

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use common::ErrorBody;
use common::api::auth::{CredentialsBody, SignUp, UserView};
use common::id::kind;
use web::session::Sessions;
use web::{ApiError, NewId, Valid};

use crate::accounts::Accounts;
use crate::client_address::ClientAddress;
use crate::limits::RateLimits;

/// Creates an account and signs in.
#[utoipa::path(
    post, path = "/api/users/signup", tag = "users", request_body = CredentialsBody,
    responses(
        (status = 201, description = "Signed up and in; the session is in `Set-Cookie`", body = UserView,
            headers(("Set-Cookie" = String, description = "The session"))),
        (status = 400, description = "Email or password is wrong, or the email is in use", body = ErrorBody,
            example = json!({"errors": [{"message": "Email in use", "field": "email"}]})),
        (status = 429, description = "Too many sign-ups from this network address", body = ErrorBody),
        (status = 503, description = "Too many passwords are waiting to be hashed", body = ErrorBody),
    )
)]
pub(super) async fn sign_up(
    State(accounts): State<Accounts>,
    State(limits): State<RateLimits>,
    State(sessions): State<Sessions>,
    from: ClientAddress,
    id: NewId<kind::User>,
    Valid(input): Valid<SignUp>,
) -> Result<impl IntoResponse, ApiError> {
    limits.sign_up(from)?;
    let user = accounts.sign_up(&id, input).await?;
    let cookie = [(header::SET_COOKIE, sessions.issue(user.id, &user.email))];
    Ok((StatusCode::CREATED, cookie, Json(UserView::from(user))))
}
