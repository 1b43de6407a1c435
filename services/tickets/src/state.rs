//! What the request handlers share.

use axum::extract::FromRef;
use common::Id;
use common::id::kind;
use web::response_cache::ResponseCache;
use web::session::Sessions;
use web::{Encoded, EventStreams};

use crate::feed::TicketFeed;
use crate::store::TicketStore;

/// The application state. Each handler extracts the parts that it needs.
#[derive(Clone, FromRef)]
pub(crate) struct AppState {
    pub(crate) sessions: Sessions,
    pub(crate) tickets: TicketStore,
    pub(crate) lists: CachedLists,
    pub(crate) shown: CachedTickets,
    pub(crate) feed: TicketFeed,
    pub(crate) streams: EventStreams,
}

/// The response cache of lists, by their addresses.
pub(crate) type CachedLists = ResponseCache<String, Encoded>;

/// The response cache of single tickets.
pub(crate) type CachedTickets = ResponseCache<Id<kind::Ticket>, Option<Encoded>>;
