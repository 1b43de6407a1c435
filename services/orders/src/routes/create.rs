//! `POST /api/orders`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base::Clock;
use common::api::orders::{OrderBody, OrderView, PlaceOrder};
use common::id::kind;
use common::{ErrorBody, Id, Price};
use mongo::StoreError;
use web::replica_waits::ReplicaWaits;
use web::{ApiError, Authorized, NewId};

use crate::domain::{Order, OrderedTicket};
use crate::state::Expiration;
use crate::store::{OrderStore, TicketStore};

/// Orders a ticket, which reserves it until the order is cancelled or expires.
///
/// If an unpaid order of the same user holds the ticket, that order is returned, so a request can be repeated if its
/// response was lost. If `price` is given and differs from the ticket's price, the order is refused. The price of an
/// order never changes.
#[utoipa::path(
    post, path = "/api/orders", tag = "orders", request_body = OrderBody,
    security(("session" = [])),
    responses(
        (status = 201, description = "Reserved", body = OrderView),
        (status = 400, description = "`ticketId` is missing, or the ticket is reserved or has another price", body = ErrorBody,
            example = json!({"errors": [{"message": "Ticket is already reserved"}]})),
        (status = 401, description = "Not signed in", body = ErrorBody),
        (status = 404, description = "There is no such ticket, or it is withdrawn", body = ErrorBody),
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
    // A new ticket may be on its way to the replica, so it is waited for.
    let found = waits.find(ticket_id, || tickets.find(ticket_id)).await?;
    if found.withdrawn {
        return Err(ApiError::NotFound);
    }
    let now = clock.now();
    // When thousands want one ticket, this refuses nearly all of them without a transaction. The ticket may be free
    // again although the replica has a holder, so the reservation decides.
    if found.holder.is_some()
        && let Some(held) = orders.find_held(ticket_id, user.id, now).await?
    {
        return Ok((StatusCode::CREATED, Json(held.at_price(shown)?.into())));
    }
    let ticket = at_shown_price(&tickets, &waits, found.ticket, shown).await?;
    ticket.check_price(shown)?;
    let order = Order::new(id.get(), user.id, ticket, now.plus(expiration));
    let placed = orders.place(order, now).await?;
    Ok((StatusCode::CREATED, Json(placed.at_price(shown)?.into())))
}

/// Waits until the ticket has the price that the buyer saw, since that price may be on its way to the replica. Returns
/// the ticket as it is if that takes too long.
async fn at_shown_price(
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
