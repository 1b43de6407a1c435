//! `GET /api/orders/{id}`

use axum::Json;
use axum::extract::State;
use common::api::orders::OrderView;
use common::id::kind;
use common::schema::IdSchema;
use common::{ErrorBody, Id};
use web::session::RequireUser;
use web::{ApiError, PathId};

use crate::domain::Order;
use crate::store::OrderStore;

/// Returns one of the user's orders.
#[utoipa::path(
    get, path = "/api/orders/{id}", tag = "orders",
    security(("session" = [])),
    params(("id" = inline(IdSchema), Path, description = "The order's id")),
    responses(
        (status = 200, description = "The order", body = OrderView),
        (status = 401, description = "Not signed in, or another user's order", body = ErrorBody),
        (status = 404, description = "There is no such order", body = ErrorBody),
    )
)]
pub(super) async fn show(
    State(orders): State<OrderStore>,
    RequireUser(user): RequireUser,
    id: PathId<kind::Order>,
) -> Result<Json<OrderView>, ApiError> {
    let order = find_own(&orders, user.id, id).await?;
    Ok(Json(order.into()))
}

/// Finds an order of this user.
pub(super) async fn find_own(
    orders: &OrderStore,
    user: Id<kind::User>,
    id: PathId<kind::Order>,
) -> Result<Order, ApiError> {
    let order = orders.find(id.found()?).await?;
    let order = order.ok_or(ApiError::NotFound)?;
    if order.buyer() == user {
        Ok(order)
    } else {
        Err(ApiError::NotAuthorized)
    }
}
