//! `GET /api/tickets/{id}`

use axum::extract::State;
use common::api::tickets::{ShownTicketView, TicketView};
use common::id::kind;
use common::schema::IdSchema;
use common::{ErrorBody, Id};
use web::ApiError;
use web::response_cache::{Freshness, ResponseCache};
use web::{Encoded, PathId};

use crate::feed::TicketFeed;
use crate::store::TicketStore;

/// The tickets that are looked at.
pub(crate) type Shown = ResponseCache<Id<kind::Ticket>, Option<Encoded>>;

/// One ticket, for sale or not, unless it was withdrawn. Also `GET /api/ticket/{id}`.
#[utoipa::path(
    get, path = "/api/tickets/{id}", tag = "tickets",
    params(("id" = inline(IdSchema), Path, description = "The ticket's id")),
    responses(
        (status = 200, description = "The ticket",
            headers(("Last-Event-ID" = String, description = "The place in `/api/tickets/stream` after which is told what changes in this")), body = ShownTicketView),
        (status = 404, description = "There is none", body = ErrorBody),
    )
)]
pub(super) async fn show(
    State(tickets): State<TicketStore>,
    State(shown): State<Shown>,
    State(feed): State<TicketFeed>,
    freshness: Freshness,
    id: PathId<kind::Ticket>,
) -> Result<Encoded, ApiError> {
    let id = id.found()?;
    let shown = shown.read(id, freshness, move || async move {
        let place = feed.place();
        let ticket = tickets.find(id).await?;
        let view = ticket.filter(|ticket| !ticket.withdrawn);
        let view = view.map(|ticket| ShownTicketView::from(TicketView::from(ticket)));
        Ok(view.map(|view| Encoded::json(&view).with_place(place)))
    });
    shown.await?.ok_or(ApiError::NotFound)
}
