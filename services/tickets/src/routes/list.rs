//! `GET /api/tickets`

use axum::extract::State;
use common::ErrorBody;
use common::api::tickets::{TicketListing, TicketView};
use service::ApiError;
use service::http::{Page, PageRequest, ValidQuery, invalid_after};

use crate::store::{Place, TicketStore};

/// What is for sale. Also `GET /api/ticket/getall`.
#[utoipa::path(
    get, path = "/api/tickets", tag = "tickets",
    params(
        ("q" = Option<String>, Query, description = "words that the title must have, whatever their case; at most 100 characters"),
        ("sort" = Option<String>, Query, description = "`newest` first, which is the default, or by `price`, or by `-price`, the dearest first"),
        ("limit" = Option<u32>, Query, description = "1 to 100, default 20"),
        ("after" = Option<String>, Query, description = "from the `Link` header of the page before"),
    ),
    responses(
        (status = 200, description = "A page; the next one's address is in `Link`", body = Vec<TicketView>),
        (status = 400, description = "The list or the page asked for makes no sense", body = ErrorBody),
    )
)]
pub(super) async fn list(
    State(tickets): State<TicketStore>,
    ValidQuery(listing): ValidQuery<TicketListing>,
    page: PageRequest<Place>,
) -> Result<Page<TicketView>, ApiError> {
    if page.after.is_some_and(|after| !after.fits(listing.sort)) {
        return Err(invalid_after());
    }
    let found = tickets.list_for_sale(&listing, &page).await?;
    let page = page.page(found, |ticket| Place::of(ticket, listing.sort));
    Ok(page.map(TicketView::from))
}
