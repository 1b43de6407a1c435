//! `POST /api/tickets`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::ErrorBody;
use common::api::tickets::{TicketBody, TicketDetails, TicketView};
use common::id::kind;
use web::response_cache::Wrote;
use web::{ApiError, Authorized, NewId};

use crate::domain::Ticket;
use crate::store::TicketStore;

/// Puts a ticket up for sale. Also available as `POST /api/ticket/create`.
#[utoipa::path(
    post, path = "/api/tickets", tag = "tickets", request_body = TicketBody,
    security(("session" = [])),
    responses(
        (status = 201, description = "For sale",
            headers(("Set-Cookie" = String, description = "`wrote`, for two seconds. A request that sends it sees this change at every replica")), body = TicketView),
        (status = 400, description = "The title or the price is invalid", body = ErrorBody,
            example = json!({"errors": [{"message": "Price must be greater than 0", "field": "price"}]})),
        (status = 401, description = "Not signed in", body = ErrorBody),
    )
)]
pub(crate) async fn create(
    State(tickets): State<TicketStore>,
    id: NewId<kind::Ticket>,
    Authorized { user, input }: Authorized<TicketDetails>,
) -> Result<(StatusCode, Wrote, Json<TicketView>), ApiError> {
    let ticket = Ticket::new(id.get(), user.id, input);
    // If the id exists, an earlier attempt of this request inserted it.
    tickets.insert(&ticket).await?;
    Ok((StatusCode::CREATED, Wrote, Json(ticket.into())))
}
