//! `GET /api/tickets/{id}`

use axum::extract::State;
use common::api::tickets::TicketView;
use common::id::kind;
use common::schema::IdSchema;
use common::{ErrorBody, Id};
use service::ApiError;
use service::http::{Encoded, PathId};
use service::kept::Kept;
use service::session::CurrentUser;

use crate::store::TicketStore;

/// The tickets that are looked at.
pub(crate) type Shown = Kept<Id<kind::Ticket>, Option<Encoded>>;

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
    user: CurrentUser,
    id: PathId<kind::Ticket>,
) -> Result<Encoded, ApiError> {
    let id = id.found()?;
    let shown = shown.read(id, user.freshness(), move || async move {
        let ticket = tickets.find(id).await?;
        Ok(ticket.map(|ticket| Encoded::json(&TicketView::from(ticket))))
    });
    shown.await?.ok_or(ApiError::NotFound)
}
