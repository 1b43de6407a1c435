//! `GET /api/tickets/mine`

use axum::extract::State;
use common::api::tickets::TicketView;
use common::id::kind;
use common::{ErrorBody, Id};
use web::session::RequireUser;
use web::{ApiError, Page, PageRequest};

use crate::domain::Ticket;
use crate::store::TicketStore;

/// Lists the user's own tickets, newest first: for sale, reserved and sold, but not withdrawn.
#[utoipa::path(
    get, path = "/api/tickets/mine", tag = "tickets",
    security(("session" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "The page size, 100 by default", minimum = 1, maximum = 100, example = 20),
        ("after" = Option<String>, Query, description = "Where the page begins, from the `Link` header of the page before"),
    ),
    responses(
        (status = 200, description = "One page",
            headers(("Link" = String, description = "The next page, as `<address>; rel=\"next\"`; absent on the last page")), body = Vec<TicketView>),
        (status = 400, description = "A query parameter is invalid", body = ErrorBody,
            example = json!({"errors": [{"message": "Limit must be between 1 and 100", "field": "limit"}]})),
        (status = 401, description = "Not signed in", body = ErrorBody),
    )
)]
pub(super) async fn mine(
    State(tickets): State<TicketStore>,
    RequireUser(user): RequireUser,
    page: PageRequest<Id<kind::Ticket>>,
) -> Result<Page<TicketView>, ApiError> {
    let found = tickets.list_of(user.id, &page).await?;
    Ok(page.page(found, Ticket::id).map(TicketView::from))
}
