//! The live feed of ticket changes.

use std::sync::Arc;

use common::api::tickets::TicketView;
use common::{Event, Subject};
use messaging::feed::Feed;

/// A feed of tickets after each change, as JSON that all watchers share.
pub(crate) type TicketFeed = Feed<Arc<str>>;

/// The events that the feed reads: this service's own.
pub(crate) const SUBJECTS: &[Subject] = &[Subject::TicketCreated, Subject::TicketUpdated];

/// The feed's item for an event.
pub(crate) fn item(event: Event) -> Option<Arc<str>> {
    let (Event::TicketCreated(ticket) | Event::TicketUpdated(ticket)) = event else {
        return None;
    };
    let json = serde_json::to_string(&TicketView::from(ticket));
    Some(
        json.expect("a view has string keys and finite numbers only")
            .into(),
    )
}
