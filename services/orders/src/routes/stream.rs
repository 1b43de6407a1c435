//! `GET /api/orders/{id}/stream`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use common::ErrorBody;
use common::api::orders::OrderView;
use common::id::kind;
use common::schema::IdSchema;
use futures::StreamExt;
use web::session::RequireUser;
use web::{ApiError, EventStreams, LastEventId, PathId};

use super::show::find_own;
use crate::domain::Order;
use crate::feed::OrderFeed;
use crate::store::OrderStore;
use crate::watch::Watch;

/// Streams the changes of one of the user's orders.
///
/// Server-sent events: `order` carries the order, once at the start and then after each change. The event's id is the
/// order's version; a client that sends it is not sent that version again. The stream ends after the order is paid or
/// cancelled. A browser that then reconnects with the last version is answered 204, which stops its retries.
#[utoipa::path(
    get, path = "/api/orders/{id}/stream", tag = "orders",
    security(("session" = [])),
    params(
        ("id" = inline(IdSchema), Path, description = "The order's id"),
        ("Last-Event-ID" = Option<String>, Header, description = "The version of the order that the client received last"),
        ("lastEventId" = Option<String>, Query, description = "The same, for clients that cannot set the header; the header takes precedence"),
    ),
    responses(
        (status = 200, description = "Events `order`, each with an `OrderView`", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The order is paid or cancelled, and the client has its last version"),
        (status = 401, description = "Not signed in, or another user's order", body = ErrorBody),
        (status = 404, description = "There is no such order", body = ErrorBody),
        (status = 503, description = "Too many streams are open", body = ErrorBody),
    )
)]
pub(super) async fn stream(
    State(orders): State<OrderStore>,
    State(feed): State<OrderFeed>,
    State(streams): State<EventStreams>,
    RequireUser(user): RequireUser,
    id: PathId<kind::Order>,
    LastEventId(last): LastEventId,
) -> Result<Response, ApiError> {
    // Subscribes before it reads the order, so that no change is missed. Recent hints count too, since the change of a
    // hint may still be on its way.
    let hints = feed.subscribe_to_recent();
    let order = find_own(&orders, user.id, id).await?;
    let seen = last.and_then(|id| id.parse().ok());
    if !order.status().is_active() && seen == Some(order.version()) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let watch = Watch::new(orders, hints, order, seen);
    streams.answer(watch.changes().map(event_of))
}

fn event_of(order: Order) -> Event {
    let id = order.version().to_string();
    let event = Event::default().event("order").id(id);
    let event = event.json_data(OrderView::from(order));
    event.expect("a view has string keys and finite numbers only")
}
