//! `PUT /api/tickets/{id}`

use axum::Json;
use axum::extract::State;
use common::ErrorBody;
use common::api::tickets::{TicketBody, TicketDetails, TicketView};
use common::id::kind;
use common::schema::IdSchema;
use web::ApiError;
use web::response_cache::Wrote;
use web::{Authorized, PathId};

use crate::domain::EditError;
use crate::store::TicketStore;

/// Changes a ticket's title and price, unless an order holds it. Also `PUT /api/ticket/{id}`.
///
/// Of two edits at the same moment one is told that the ticket was changed meanwhile; so is one that names a
/// `version` which is not the current one.
#[utoipa::path(
    put, path = "/api/tickets/{id}", tag = "tickets", request_body = TicketBody,
    security(("session" = [])),
    params(("id" = inline(IdSchema), Path, description = "The ticket's id")),
    responses(
        (status = 200, description = "Changed",
            headers(("Set-Cookie" = String, description = "`wrote`, for two seconds: who sends it is shown this change by whichever replica")), body = TicketView),
        (status = 400, description = "Title or price is wrong, or the ticket is reserved or changed", body = ErrorBody,
            example = json!({"errors": [{"message": "Cannot edit a reserved ticket"}]})),
        (status = 401, description = "Not signed in, or not the seller", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
    )
)]
pub(crate) async fn update(
    State(tickets): State<TicketStore>,
    id: PathId<kind::Ticket>,
    Authorized { user, input }: Authorized<TicketDetails>,
) -> Result<(Wrote, Json<TicketView>), ApiError> {
    let ticket = tickets.find(id.found()?).await?;
    let ticket = ticket.filter(|ticket| !ticket.withdrawn);
    let ticket = ticket.ok_or(ApiError::NotFound)?;
    let edited = ticket.edit(user.id, input)?;
    if tickets.replace(&ticket, &edited).await? {
        Ok((Wrote, Json(edited.into())))
    } else {
        Err(EditError::Stale.into())
    }
}
