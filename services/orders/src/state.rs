//! What the request handlers share.

use std::time::Duration;

use axum::extract::FromRef;
use base::Clock;
use web::EventStreams;
use web::replica_waits::ReplicaWaits;
use web::session::Sessions;

use crate::feed::OrderFeed;
use crate::store::{OrderStore, TicketStore};

/// The application state. Each handler extracts the parts that it needs.
#[derive(Clone, FromRef)]
pub(crate) struct AppState {
    pub(crate) sessions: Sessions,
    pub(crate) orders: OrderStore,
    pub(crate) tickets: TicketStore,
    pub(crate) waits: ReplicaWaits,
    pub(crate) clock: Clock,
    pub(crate) expiration: Expiration,
    pub(crate) feed: OrderFeed,
    pub(crate) streams: EventStreams,
}

/// How long a new order can be paid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expiration(pub(crate) Duration);
