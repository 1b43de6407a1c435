//! `GET /api/orders`

use axum::extract::State;
use common::api::orders::{OrderSort, OrderView};
use common::id::kind;
use common::{ErrorBody, Id};
use web::ApiError;
use web::session::RequireUser;
use web::{Page, PageRequest, ValidQuery};

use crate::store::OrderStore;

/// One's own orders, oldest first unless `sort` says otherwise.
#[utoipa::path(
    get, path = "/api/orders", tag = "orders",
    security(("session" = [])),
    params(
        ("sort" = inline(Option<OrderSort>), Query, description = "In which order"),
        ("limit" = Option<u32>, Query, description = "How many, 100 unless given", minimum = 1, maximum = 100, example = 20),
        ("after" = Option<String>, Query, description = "The last page's end, from its `Link` header"),
    ),
    responses(
        (status = 200, description = "A page; the next one's address is in `Link`",
            headers(("Link" = String, description = "`<address>; rel=\"next\"`, unless this is the last page")), body = Vec<OrderView>),
        (status = 400, description = "The list or the page asked for makes no sense", body = ErrorBody,
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
    Ok(page.page(found, |order| order.id).map(OrderView::from))
}
