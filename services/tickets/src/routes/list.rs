//! `GET /api/tickets`

use axum::extract::State;
use common::ErrorBody;
use common::api::tickets::TicketView;
use common::id::kind;
use service::ApiError;
use service::http::{Page, PageRequest};

use crate::store::TicketStore;

/// What is for sale, newest first. Also `GET /api/ticket/getall`.
#[utoipa::path(
    get, path = "/api/tickets", tag = "tickets",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100, default 20"),
        ("after" = Option<String>, Query, description = "from the `Link` header of the page before"),
    ),
    responses(
        (status = 200, description = "A page; the next one's address is in `Link`", body = Vec<TicketView>),
        (status = 400, description = "The page asked for makes no sense", body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(tickets): State<TicketStore>,
    page: PageRequest<kind::Ticket>,
) -> Result<Page<TicketView>, ApiError> {
    let found = tickets.list_for_sale(&page).await?;
    Ok(page.page(found, |ticket| ticket.id).map(TicketView::from))
}
