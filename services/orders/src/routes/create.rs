//! `POST /api/orders`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base::Clock;
use common::api::orders::{OrderBody, OrderView, PlaceOrder};
use common::id::kind;
use common::{ErrorBody, Id, Price};
use mongo::StoreError;
use web::ApiError;
use web::replica_waits::ReplicaWaits;
use web::{Authorized, NewId};

use crate::app::Expiration;
use crate::domain::{Order, OrderedTicket};
use crate::store::{OrderStore, TicketStore};

/// Reserves a ticket until the order is paid, cancelled, or expires.
///
/// If the buyer's own unpaid order holds the ticket, that order is the answer, so a request whose answer was lost can be
/// repeated. An order whose `price` is not the ticket's is refused; the price of an order never changes.
#[utoipa::path(
    post, path = "/api/orders", tag = "orders", request_body = OrderBody,
    security(("session" = [])),
    responses(
        (status = 201, description = "Reserved", body = OrderView),
        (status = 400, description = "The ticket is not named, already reserved, or has another price", body = ErrorBody,
            example = json!({"errors": [{"message": "Ticket is already reserved"}]})),
        (status = 401, description = "Not signed in", body = ErrorBody),
        (status = 404, description = "There is no such ticket, or it was withdrawn", body = ErrorBody),
    )
)]
pub(crate) async fn create(
    State(orders): State<OrderStore>,
    State(tickets): State<TicketStore>,
    State(waits): State<ReplicaWaits>,
    State(clock): State<Clock>,
    State(Expiration(expiration)): State<Expiration>,
    id: NewId<kind::Order>,
    Authorized { user, input }: Authorized<PlaceOrder>,
) -> Result<(StatusCode, Json<OrderView>), ApiError> {
    if id.is_repeated()
        && let Some(order) = orders.find(id.get()).await?
    {
        return Ok((StatusCode::CREATED, Json(order.into())));
    }
    let (ticket_id, shown) = (input.ticket_id.ok_or(ApiError::NotFound)?, input.price);
    // Told of a sale a moment ago, a shopper must not be told that there is no such ticket.
    let found = waits.find(ticket_id, || tickets.find(ticket_id)).await?;
    if found.withdrawn {
        return Err(ApiError::NotFound);
    }
    let now = clock.now();
    // When thousands want one ticket, all but the first few are told so without a transaction. It may have been freed
    // since it was told of, so the reservation decides.
    if found.holder.is_some()
        && let Some(held) = orders.find_held(ticket_id, user.id, now).await?
    {
        return Ok((StatusCode::CREATED, Json(held.at(shown)?.into())));
    }
    let ticket = at_price(&tickets, &waits, found.ticket, shown).await?;
    ticket.check_price(shown)?;
    let order = Order::new(id.get(), user.id, ticket, now.plus(expiration));
    let placed = orders.place(order, now).await?;
    Ok((StatusCode::CREATED, Json(placed.at(shown)?.into())))
}

/// The ticket at the price that the buyer was shown, if that is on its way to the replica; else as it is.
async fn at_price(
    tickets: &TicketStore,
    waits: &ReplicaWaits,
    ticket: OrderedTicket,
    shown: Option<Price>,
) -> Result<OrderedTicket, StoreError> {
    if ticket.check_price(shown).is_ok() {
        return Ok(ticket);
    }
    let id: Id<kind::Ticket> = ticket.id;
    let changed = waits.find_change(|| async move {
        let newest = tickets.find(id).await?.map(|found| found.ticket);
        Ok::<_, StoreError>(newest.filter(|newest| newest.check_price(shown).is_ok()))
    });
    Ok(changed.await?.unwrap_or(ticket))
}
