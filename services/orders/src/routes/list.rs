//! `GET /api/orders`

use axum::extract::State;
use common::api::orders::OrderView;
use common::id::kind;
use common::{ErrorBody, Id};
use service::ApiError;
use service::http::{Page, PageRequest};
use service::session::RequireUser;

use crate::store::OrderStore;

/// One's own orders, newest first.
#[utoipa::path(
    get, path = "/api/orders", tag = "orders",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100, default 20"),
        ("after" = Option<String>, Query, description = "from the `Link` header of the page before"),
    ),
    responses(
        (status = 200, description = "A page; the next one's address is in `Link`", body = Vec<OrderView>),
        (status = 400, description = "The page asked for makes no sense", body = ErrorBody),
        (status = 401, description = "Not signed in", body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(orders): State<OrderStore>,
    RequireUser(user): RequireUser,
    page: PageRequest<Id<kind::Order>>,
) -> Result<Page<OrderView>, ApiError> {
    let found = orders.list_of(user.id, &page).await?;
    Ok(page.page(found, |order| order.id).map(OrderView::from))
}
