//! `DELETE /api/tickets/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use common::ErrorBody;
use common::id::kind;
use common::schema::IdSchema;
use mongo::until_written;
use web::response_cache::Wrote;
use web::session::RequireUser;
use web::{ApiError, PathId};

use crate::store::TicketStore;

/// Takes a ticket off sale for good, unless an order holds it. Also available as `DELETE /api/ticket/{id}`.
///
/// A withdrawn ticket is not found and cannot be ordered. If its seller withdraws it again, nothing changes. A
/// concurrent order is cancelled, and refunded if it is paid later. If it was paid before, the sale stands.
#[utoipa::path(
    delete, path = "/api/tickets/{id}", tag = "tickets",
    security(("session" = [])),
    params(("id" = inline(IdSchema), Path, description = "The ticket's id")),
    responses(
        (status = 204, description = "Withdrawn",
            headers(("Set-Cookie" = String, description = "`wrote`, for two seconds. A request that sends it sees this change at every replica"))),
        (status = 400, description = "The ticket is reserved or sold", body = ErrorBody,
            example = json!({"errors": [{"message": "Cannot withdraw a reserved ticket"}]})),
        (status = 401, description = "Not signed in, or not the seller", body = ErrorBody),
        (status = 404, description = "There is no such ticket", body = ErrorBody),
    )
)]
pub(crate) async fn withdraw(
    State(tickets): State<TicketStore>,
    RequireUser(user): RequireUser,
    id: PathId<kind::Ticket>,
) -> Result<(StatusCode, Wrote, ()), ApiError> {
    let id = id.found()?;
    let tickets = &tickets;
    until_written(|| async move {
        let ticket = tickets.find(id).await?;
        // A withdrawn ticket exists for its seller only.
        let ticket = ticket.filter(|ticket| !ticket.is_withdrawn() || ticket.seller() == user.id);
        let ticket = ticket.ok_or(ApiError::NotFound)?;
        let written = match ticket.withdraw(user.id)? {
            Some(withdrawn) => tickets.withdraw(&ticket, &withdrawn).await?,
            None => true,
        };
        Ok::<_, ApiError>(written.then_some(()))
    })
    .await?;
    Ok((StatusCode::NO_CONTENT, Wrote, ()))
}
