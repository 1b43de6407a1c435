//! What those are told who watch tickets.

use std::sync::Arc;

use common::api::tickets::TicketView;
use common::{Event, Subject};
use messaging::feed::Feed;

/// Every change of a ticket: the ticket as the API answers it, in JSON that is written once for all who watch.
pub(crate) type TicketFeed = Feed<Arc<str>>;

/// What the feed reads: our own events.
pub(crate) const SUBJECTS: &[Subject] = &[Subject::TicketCreated, Subject::TicketUpdated];

/// What is told of an event.
pub(crate) fn news(event: Event) -> Option<Arc<str>> {
    let (Event::TicketCreated(ticket) | Event::TicketUpdated(ticket)) = event else {
        return None;
    };
    let json = serde_json::to_string(&TicketView::from(ticket));
    Some(
        json.expect("a view has string keys and finite numbers only")
            .into(),
    )
}
