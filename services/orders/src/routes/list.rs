//! `GET /api/orders`

use axum::extract::State;
use common::api::orders::{OrderSort, OrderView};
use common::id::kind;
use common::{ErrorBody, Id};
use web::session::RequireUser;
use web::{ApiError, Page, PageRequest, ValidQuery};

use crate::domain::Order;
use crate::store::OrderStore;

/// Lists the user's orders, by default oldest first.
#[utoipa::path(
    get, path = "/api/orders", tag = "orders",
    security(("session" = [])),
    params(
        ("sort" = inline(Option<OrderSort>), Query, description = "The sort order"),
        ("limit" = Option<u32>, Query, description = "The page size, 100 by default", minimum = 1, maximum = 100, example = 20),
        ("after" = Option<String>, Query, description = "Where the page begins, from the `Link` header of the page before"),
    ),
    responses(
        (status = 200, description = "One page",
            headers(("Link" = String, description = "The next page, as `<address>; rel=\"next\"`; absent on the last page")), body = Vec<OrderView>),
        (status = 400, description = "A query parameter is invalid", body = ErrorBody,
            example = json!({"errors": [{"message": "Limit must be between 1 and 100", "field": "limit"}]})),
        (status = 401, description = "Not signed in", body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(orders): State<OrderStore>,
    RequireUser(user): RequireUser,
    ValidQuery(sort): ValidQuery<OrderSort>,
    page: PageRequest<Id<kind::Order>>,
) -> Result<Page<OrderView>, ApiError> {
    let found = orders.list_of(user.id, sort, &page).await?;
    Ok(page.page(found, Order::id).map(OrderView::from))
}
