//! `POST /api/users/signup-pl`

use axum::Json;
use axum::extract::State;
use common::ErrorBody;
use common::api::auth::{Empty, MagicLinkBody, RequestMagicLink};
use web::{ApiError, Valid};

use crate::client_address::ClientAddress;
use crate::limits::RateLimits;
use crate::magic_links::MagicLinks;

/// Mails a sign-in link. The answer does not reveal whether the address has an account.
#[utoipa::path(
    post, path = "/api/users/signup-pl", tag = "users", request_body = MagicLinkBody,
    responses(
        (status = 200, description = "The link will be sent", body = Empty),
        (status = 400, description = "Email is wrong", body = ErrorBody,
            example = json!({"errors": [{"message": "Email must be valid", "field": "email"}]})),
        (status = 429, description = "Too many links to this recipient or from this network address", body = ErrorBody),
        (status = 503, description = "Too many mails are waiting to be sent", body = ErrorBody),
    )
)]
pub(super) async fn request_magic_link(
    State(magic_links): State<MagicLinks>,
    State(limits): State<RateLimits>,
    from: ClientAddress,
    Valid(input): Valid<RequestMagicLink>,
) -> Result<Json<Empty>, ApiError> {
    limits.magic_link(&input.email, from)?;
    magic_links.send(input.email).await?;
    Ok(Json(Empty {}))
}
