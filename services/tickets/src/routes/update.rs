//! `PUT /api/tickets/{id}`

use axum::Json;
use axum::extract::State;
use common::ErrorBody;
use common::api::tickets::{TicketBody, TicketDetails, TicketView};
use common::id::kind;
use common::schema::IdSchema;
use web::response_cache::Wrote;
use web::{ApiError, Authorized, PathId};

use crate::domain::EditError;
use crate::store::TicketStore;

/// Changes a ticket's title and price, unless an order holds it. Also available as `PUT /api/ticket/{id}`.
///
/// Of two concurrent edits, one is refused. An edit with a `version` that is not the current one is refused too.
#[utoipa::path(
    put, path = "/api/tickets/{id}", tag = "tickets", request_body = TicketBody,
    security(("session" = [])),
    params(("id" = inline(IdSchema), Path, description = "The ticket's id")),
    responses(
        (status = 200, description = "Changed",
            headers(("Set-Cookie" = String, description = "`wrote`, for two seconds. A request that sends it sees this change at every replica")), body = TicketView),
        (status = 400, description = "The title or the price is invalid, or the ticket is reserved or has changed", body = ErrorBody,
            example = json!({"errors": [{"message": "Cannot edit a reserved ticket"}]})),
        (status = 401, description = "Not signed in, or not the seller", body = ErrorBody),
        (status = 404, description = "There is no such ticket", body = ErrorBody),
    )
)]
pub(crate) async fn update(
    State(tickets): State<TicketStore>,
    id: PathId<kind::Ticket>,
    Authorized { user, input }: Authorized<TicketDetails>,
) -> Result<(Wrote, Json<TicketView>), ApiError> {
    let ticket = tickets.find(id.found()?).await?;
    let ticket = ticket.filter(|ticket| !ticket.is_withdrawn());
    let ticket = ticket.ok_or(ApiError::NotFound)?;
    let edited = ticket.edit(user.id, input)?;
    if tickets.replace(&ticket, &edited).await? {
        Ok((Wrote, Json(edited.into())))
    } else {
        Err(EditError::Stale.into())
    }
}
