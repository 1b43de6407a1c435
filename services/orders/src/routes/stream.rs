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
use web::ApiError;
use web::session::RequireUser;
use web::{EventStreams, LastEventId, PathId};

use super::show::own;
use crate::domain::Order;
use crate::feed::OrderFeed;
use crate::store::OrderStore;
use crate::watch::Watch;

/// One of one's own orders, as it changes.
///
/// Server-sent events: `order` has the order as it is, at once and then after each change; its id is the order's version,
/// and a client that names that one is not sent it again. The stream ends after the order was sent paid or cancelled. A
/// browser that comes back then, naming the order's last version, is answered 204, upon which it gives up for good.
#[utoipa::path(
    get, path = "/api/orders/{id}/stream", tag = "orders",
    security(("session" = [])),
    params(
        ("id" = inline(IdSchema), Path, description = "The order's id"),
        ("Last-Event-ID" = Option<String>, Header, description = "The version of the order that was seen last"),
        ("lastEventId" = Option<String>, Query, description = "The same, for clients that cannot set the header, which wins"),
    ),
    responses(
        (status = 200, description = "Events `order`, each with an `OrderView`", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The order is paid or cancelled, and the client knows"),
        (status = 401, description = "Not signed in, or another's order", body = ErrorBody),
        (status = 404, description = "There is none", body = ErrorBody),
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
    // Before the order is read, so that no change falls between; and a change may have been hinted at that is yet to come.
    let hints = feed.subscribe_to_recent();
    let order = own(&orders, user.id, id).await?;
    let seen = last.and_then(|id| id.parse().ok());
    if !order.status.is_active() && seen == Some(order.version) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let watch = Watch::new(orders, hints, order, seen);
    streams.answer(watch.changes().map(told))
}

fn told(order: Order) -> Event {
    let id = order.version.to_string();
    let event = Event::default().event("order").id(id);
    let event = event.json_data(OrderView::from(order));
    event.expect("a view has string keys and finite numbers only")
}
