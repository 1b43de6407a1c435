//! `DELETE /api/orders/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use common::ErrorBody;
use common::id::kind;
use common::schema::IdSchema;
use web::session::RequireUser;
use web::{ApiError, PathId};

use crate::store::OrderStore;

/// Cancels an order, which puts its ticket back on sale. Cancelling it again changes nothing.
#[utoipa::path(
    delete, path = "/api/orders/{id}", tag = "orders",
    security(("session" = [])),
    params(("id" = inline(IdSchema), Path, description = "The order's id")),
    responses(
        (status = 204, description = "Cancelled"),
        (status = 400, description = "The order is paid", body = ErrorBody,
            example = json!({"errors": [{"message": "Cannot cancel a paid order"}]})),
        (status = 401, description = "Not signed in, or another user's order", body = ErrorBody),
        (status = 404, description = "There is no such order", body = ErrorBody),
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
