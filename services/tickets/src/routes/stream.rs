//! `GET /api/tickets/stream`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use common::ErrorBody;
use futures::StreamExt;
use messaging::feed::News;
use web::ApiError;
use web::{EventStreams, LastEventId};

use crate::feed::TicketFeed;

/// Changes of tickets, as they happen: new, edited, reserved, released, withdrawn.
///
/// Server-sent events. `ticket` has the ticket as it is now, with `withdrawn` if it is off sale; it may come again, and what has no higher `version` than is
/// known says nothing new. `reset` says that more happened since the client's place than can be told: what is shown has
/// to be loaded again. `place` only gives a client its place. Every event's id is the client's place after it, at
/// whichever replica; without a place the stream begins now. A list of tickets, and a ticket, come with the place after
/// which is told what changes in them, in `Last-Event-ID`.
#[utoipa::path(
    get, path = "/api/tickets/stream", tag = "tickets",
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen; what came after it is sent first"),
        ("lastEventId" = Option<String>, Query, description = "The same, for clients that cannot set the header, which wins"),
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
    streams.answer(news.into_stream().map(|news| told(&news)))
}

fn told(news: &News<Arc<str>>) -> Event {
    let (name, id, data) = match news {
        News::Event { id, item } => ("ticket", id, &**item),
        // Browsers pass over an event without data.
        News::Reset(id) => ("reset", id, "{}"),
        News::Place(id) => ("place", id, "{}"),
    };
    Event::default().event(name).id(id.to_string()).data(data)
}
