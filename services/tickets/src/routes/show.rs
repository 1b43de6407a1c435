//! `GET /api/tickets/{id}`

use axum::extract::State;
use common::ErrorBody;
use common::api::tickets::{ShownTicketView, TicketView};
use common::id::kind;
use common::schema::IdSchema;
use web::response_cache::Freshness;
use web::{ApiError, Encoded, PathId};

use crate::feed::TicketFeed;
use crate::state::CachedTickets;
use crate::store::TicketStore;

/// Returns a ticket, unless it is withdrawn. Also available as `GET /api/ticket/{id}`.
#[utoipa::path(
    get, path = "/api/tickets/{id}", tag = "tickets",
    params(("id" = inline(IdSchema), Path, description = "The ticket's id")),
    responses(
        (status = 200, description = "The ticket",
            headers(("Last-Event-ID" = String, description = "The position in `/api/tickets/stream` from which later changes of this response follow")), body = ShownTicketView),
        (status = 404, description = "There is no such ticket", body = ErrorBody),
    )
)]
pub(super) async fn show(
    State(tickets): State<TicketStore>,
    State(cache): State<CachedTickets>,
    State(feed): State<TicketFeed>,
    freshness: Freshness,
    id: PathId<kind::Ticket>,
) -> Result<Encoded, ApiError> {
    let id = id.found()?;
    let shown = cache.read(id, freshness, move || async move {
        let cursor = feed.cursor();
        let ticket = tickets.find(id).await?;
        let view = ticket.filter(|ticket| !ticket.is_withdrawn());
        let view = view.map(|ticket| ShownTicketView::from(TicketView::from(ticket)));
        Ok(view.map(|view| Encoded::json(&view).with_last_event_id(cursor)))
    });
    shown.await?.ok_or(ApiError::NotFound)
}
