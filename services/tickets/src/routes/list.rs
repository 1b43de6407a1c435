//! `GET /api/tickets`

use axum::extract::{OriginalUri, State};
use common::ErrorBody;
use common::api::tickets::{TicketListing, TicketSort, TicketView};
use web::response_cache::Freshness;
use web::{ApiError, Encoded, PageRequest, ValidQuery, invalid_after};

use crate::feed::TicketFeed;
use crate::state::CachedLists;
use crate::store::{Position, TicketStore};

/// Lists the tickets for sale. Also available as `GET /api/ticket/getall`.
#[utoipa::path(
    get, path = "/api/tickets", tag = "tickets",
    params(
        ("q" = Option<String>, Query, description = "Words that the title must contain, in any case and Unicode normalization form", max_length = 100, example = "front row"),
        ("sort" = inline(Option<TicketSort>), Query, description = "The sort order"),
        ("limit" = Option<u32>, Query, description = "The page size, 100 by default", minimum = 1, maximum = 100, example = 20),
        ("after" = Option<String>, Query, description = "Where the page begins, from the `Link` header of the page before"),
    ),
    responses(
        (status = 200, description = "One page",
            headers(
                ("Link" = String, description = "The next page, as `<address>; rel=\"next\"`; absent on the last page"),
                ("Last-Event-ID" = String, description = "The position in `/api/tickets/stream` from which later changes of this response follow"),
            ), body = Vec<TicketView>),
        (status = 400, description = "A query parameter is invalid", body = ErrorBody,
            example = json!({"errors": [{"message": "Sort must be newest, price or -price", "field": "sort"}]})),
    )
)]
pub(super) async fn list(
    State(tickets): State<TicketStore>,
    State(lists): State<CachedLists>,
    State(feed): State<TicketFeed>,
    freshness: Freshness,
    OriginalUri(address): OriginalUri,
    ValidQuery(listing): ValidQuery<TicketListing>,
    page: PageRequest<Position>,
) -> Result<Encoded, ApiError> {
    if page.after.is_some_and(|after| !after.fits(listing.sort)) {
        return Err(invalid_after());
    }
    let listed = lists.read(address.to_string(), freshness, || async move {
        let cursor = feed.cursor();
        let found = tickets.list_for_sale(&listing, &page).await?;
        let page = page.page(found, |ticket| Position::of(ticket, listing.sort));
        Ok(page
            .map(TicketView::from)
            .encoded()
            .with_last_event_id(cursor))
    });
    Ok(listed.await?)
}
