//! `POST /api/orders`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use common::ErrorBody;
use common::api::orders::{OrderBody, OrderView, PlaceOrder};
use service::http::Authorized;
use service::mongo::new_id;
use service::patience::{REPLICA_WAIT, find_within};
use service::{ApiError, Clock};

use crate::app::Expiration;
use crate::domain::Order;
use crate::store::{OrderStore, Replica, TicketStore};

/// Reserves a ticket until the order is paid, cancelled, or expires.
#[utoipa::path(
    post, path = "/api/orders", tag = "orders", request_body = OrderBody,
    security(("session" = [])),
    responses(
        (status = 201, description = "Reserved", body = OrderView),
        (status = 400, description = "The ticket is not named, or already reserved", body = ErrorBody,
            example = json!({"errors": [{"message": "Ticket is already reserved"}]})),
        (status = 401, description = "Not signed in", body = ErrorBody),
        (status = 404, description = "There is no such ticket", body = ErrorBody),
    )
)]
pub(crate) async fn create(
    State(orders): State<OrderStore>,
    State(tickets): State<TicketStore>,
    State(clock): State<Clock>,
    State(Expiration(expiration)): State<Expiration>,
    Authorized { user, input }: Authorized<PlaceOrder>,
) -> Result<(StatusCode, Json<OrderView>), ApiError> {
    let ticket_id = input.ticket_id.ok_or(ApiError::NotFound)?;
    // Told of a sale a moment ago, a shopper must not be told that there is no such ticket.
    let found = find_within(REPLICA_WAIT, || tickets.find(ticket_id)).await?;
    let Replica { ticket, holder } = found.ok_or(ApiError::NotFound)?;
    // When thousands want one ticket, all but the first few are told so without a transaction. It may have been freed
    // since it was told of, so the reservation decides.
    if holder.is_some() && orders.is_reserved(ticket_id).await? {
        return Err(orders.rejected().into());
    }
    let order = Order::new(new_id(), user.id, ticket, clock.now().plus(expiration));
    orders.place(order.clone()).await?;
    Ok((StatusCode::CREATED, Json(order.into())))
}
