//! `DELETE /api/orders/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use common::ErrorBody;
use common::id::kind;
use common::schema::IdSchema;
use web::ApiError;
use web::PathId;
use web::session::RequireUser;

use crate::store::OrderStore;

/// Gives an order up; its ticket is for sale again. Doing so twice changes nothing.
#[utoipa::path(
    delete, path = "/api/orders/{id}", tag = "orders",
    security(("session" = [])),
    params(("id" = inline(IdSchema), Path, description = "The order's id")),
    responses(
        (status = 204, description = "Cancelled"),
        (status = 400, description = "It is paid", body = ErrorBody,
            example = json!({"errors": [{"message": "Cannot cancel a paid order"}]})),
        (status = 401, description = "Not signed in, or another's order", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
    )
)]
pub(crate) async fn cancel(
    State(orders): State<OrderStore>,
    RequireUser(user): RequireUser,
    id: PathId<kind::Order>,
) -> Result<StatusCode, ApiError> {
    let cancelled = orders
        .change::<ApiError>(id.found()?, |order| Ok(order.cancel(user.id)?))
        .await?;
    cancelled.ok_or(ApiError::NotFound)?;
    Ok(StatusCode::NO_CONTENT)
}
