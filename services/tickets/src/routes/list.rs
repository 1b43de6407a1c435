//! `GET /api/tickets`

use axum::extract::{OriginalUri, State};
use common::ErrorBody;
use common::api::tickets::{TicketListing, TicketSort, TicketView};
use web::ApiError;
use web::response_cache::{Freshness, ResponseCache};
use web::{Encoded, PageRequest, ValidQuery, invalid_after};

use crate::feed::TicketFeed;
use crate::store::{Place, TicketStore};

/// The lists that are looked at, by their addresses.
pub(crate) type Lists = ResponseCache<String, Encoded>;

/// What is for sale. Also `GET /api/ticket/getall`.
#[utoipa::path(
    get, path = "/api/tickets", tag = "tickets",
    params(
        ("q" = Option<String>, Query, description = "Words that the title must have, whatever their case and Unicode normalization form", max_length = 100, example = "front row"),
        ("sort" = inline(Option<TicketSort>), Query, description = "In which order"),
        ("limit" = Option<u32>, Query, description = "How many, 100 unless given", minimum = 1, maximum = 100, example = 20),
        ("after" = Option<String>, Query, description = "The last page's end, from its `Link` header"),
    ),
    responses(
        (status = 200, description = "A page; the next one's address is in `Link`",
            headers(
                ("Link" = String, description = "`<address>; rel=\"next\"`, unless this is the last page"),
                ("Last-Event-ID" = String, description = "The place in `/api/tickets/stream` after which is told what changes in this"),
            ), body = Vec<TicketView>),
        (status = 400, description = "The list or the page asked for makes no sense", body = ErrorBody,
            example = json!({"errors": [{"message": "Sort must be newest, price or -price", "field": "sort"}]})),
    )
)]
pub(super) async fn list(
    State(tickets): State<TicketStore>,
    State(lists): State<Lists>,
    State(feed): State<TicketFeed>,
    freshness: Freshness,
    OriginalUri(address): OriginalUri,
    ValidQuery(listing): ValidQuery<TicketListing>,
    page: PageRequest<Place>,
) -> Result<Encoded, ApiError> {
    if page.after.is_some_and(|after| !after.fits(listing.sort)) {
        return Err(invalid_after());
    }
    let listed = lists.read(address.to_string(), freshness, || async move {
        let place = feed.place();
        let found = tickets.list_for_sale(&listing, &page).await?;
        let page = page.page(found, |ticket| Place::of(ticket, listing.sort));
        Ok(page.map(TicketView::from).encoded().with_place(place))
    });
    Ok(listed.await?)
}
