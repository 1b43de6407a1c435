//! `DELETE /api/tickets/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use common::ErrorBody;
use common::id::kind;
use common::schema::IdSchema;
use mongo::until_written;
use web::ApiError;
use web::PathId;
use web::response_cache::Wrote;
use web::session::RequireUser;

use crate::store::TicketStore;

/// Takes a ticket off sale for good, unless an order holds it. Also `DELETE /api/ticket/{id}`.
///
/// From then on it is not found and cannot be ordered. For its seller, doing so twice changes nothing. An order of the same
/// moment is cancelled, and refunded if it is paid by then; only if it was paid before, the sale stands.
#[utoipa::path(
    delete, path = "/api/tickets/{id}", tag = "tickets",
    security(("session" = [])),
    params(("id" = inline(IdSchema), Path, description = "The ticket's id")),
    responses(
        (status = 204, description = "Withdrawn",
            headers(("Set-Cookie" = String, description = "`wrote`, for two seconds: who sends it is shown this change by whichever replica"))),
        (status = 400, description = "The ticket is reserved or sold", body = ErrorBody,
            example = json!({"errors": [{"message": "Cannot withdraw a reserved ticket"}]})),
        (status = 401, description = "Not signed in, or not the seller", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
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
        // To everybody but its seller, a withdrawn ticket is not there.
        let ticket = ticket.filter(|ticket| !ticket.withdrawn || ticket.seller == user.id);
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
