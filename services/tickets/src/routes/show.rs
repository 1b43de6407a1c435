//! `GET /api/tickets/{id}`

use axum::Json;
use axum::extract::State;
use common::ErrorBody;
use common::api::tickets::TicketView;
use common::id::kind;
use common::schema::IdSchema;
use service::ApiError;
use service::http::PathId;

use crate::store::TicketStore;

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
    id: PathId<kind::Ticket>,
) -> Result<Json<TicketView>, ApiError> {
    let ticket = tickets.find(id.found()?).await?;
    let ticket = ticket.ok_or(ApiError::NotFound)?;
    Ok(Json(ticket.into()))
}
