//! Orders, reservations and replicas of tickets in MongoDB.

mod cancellation;
mod document;
mod orders;
mod placement;
mod tickets;

pub(crate) use orders::OrderStore;
pub(crate) use placement::PlaceError;
pub(crate) use tickets::TicketStore;
