//! `GET /api/tickets/{id}`

use axum::extract::State;
use common::api::tickets::TicketView;
use common::id::kind;
use common::schema::IdSchema;
use common::{ErrorBody, Id};
use service::ApiError;
use service::grouped::Grouped;
use service::http::{Encoded, PathId};

use crate::store::TicketStore;

/// The tickets that are being read.
pub(crate) type Shown = Grouped<Id<kind::Ticket>, Option<Encoded>>;

/// One ticket, for sale or not. Also `GET /api/ticket/{id}`.
#[utoipa::path(
    get, path = "/api/tickets/{id}", tag = "tickets",
    params(("id" = inline(IdSchema), Path, description = "The ticket's id")),
    responses(
        (status = 200, description = "The ticket", body = TicketView),
        (status = 404, description = "There is none", body = ErrorBody),
    )
)]
pub(super) async fn show(
    State(tickets): State<TicketStore>,
    State(shown): State<Shown>,
    id: PathId<kind::Ticket>,
) -> Result<Encoded, ApiError> {
    let id = id.found()?;
    let shown = shown.read(id, async move {
        let ticket = tickets.find(id).await?;
        Ok(ticket.map(|ticket| Encoded::json(&TicketView::from(ticket))))
    });
    shown.await?.ok_or(ApiError::NotFound)
}
