//! `GET /api/tickets/mine`

use axum::extract::State;
use common::api::tickets::TicketView;
use common::id::kind;
use common::{ErrorBody, Id};
use web::ApiError;
use web::session::RequireUser;
use web::{Page, PageRequest};

use crate::store::TicketStore;

/// One's own tickets, taken or not, newest first; those withdrawn are left out.
#[utoipa::path(
    get, path = "/api/tickets/mine", tag = "tickets",
    security(("session" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "How many, 100 unless given", minimum = 1, maximum = 100, example = 20),
        ("after" = Option<String>, Query, description = "The last page's end, from its `Link` header"),
    ),
    responses(
        (status = 200, description = "A page; the next one's address is in `Link`",
            headers(("Link" = String, description = "`<address>; rel=\"next\"`, unless this is the last page")), body = Vec<TicketView>),
        (status = 400, description = "The page asked for makes no sense", body = ErrorBody,
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
    Ok(page.page(found, |ticket| ticket.id).map(TicketView::from))
}
