//! `GET /api/tickets/stream`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use common::ErrorBody;
use futures::StreamExt;
use messaging::feed::News;
use web::{ApiError, EventStreams, LastEventId};

use crate::feed::TicketFeed;

/// Streams the changes of all tickets: new, edited, reserved, released and withdrawn ones.
///
/// Server-sent events. `ticket` carries a ticket after a change; it has `withdrawn` if it is off sale. It may be sent
/// more than once: ignore it unless its `version` is higher than the known one. `reset` means that too many changes
/// were missed, so the client must reload what it shows. `place` only carries a position. The id of every event is the
/// client's position in the stream, valid at every replica; without a position, the stream begins with the next change.
/// Responses with tickets carry the position from which their later changes follow, in the header `Last-Event-ID`.
#[utoipa::path(
    get, path = "/api/tickets/stream", tag = "tickets",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event received; the stream continues after it"),
        ("lastEventId" = Option<String>, Query, description = "The same, for clients that cannot set the header; the header takes precedence"),
    ),
    responses(
        (status = 200, description = "Events `ticket`, with a `TicketView`, `reset` and `place`, both with `{}`", body = String, content_type = "text/event-stream"),
        (status = 503, description = "Too many streams are open", body = ErrorBody),
    )
)]
pub(super) async fn stream(
    State(feed): State<TicketFeed>,
    State(streams): State<EventStreams>,
    LastEventId(last): LastEventId,
) -> Result<Response, ApiError> {
    let news = feed.subscribe(last.as_deref());
    streams.answer(news.into_stream().map(|news| event_of(&news)))
}

fn event_of(news: &News<Arc<str>>) -> Event {
    let (name, id, data) = match news {
        News::Event { id, item } => ("ticket", id, &**item),
        // Browsers ignore events without data.
        News::Reset(id) => ("reset", id, "{}"),
        News::Cursor(id) => ("place", id, "{}"),
    };
    Event::default().event(name).id(id.to_string()).data(data)
}
