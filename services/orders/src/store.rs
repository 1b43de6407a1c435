//! Orders, their reservations, and replicas of tickets in MongoDB.

mod document;
mod orders;
mod tickets;

pub(crate) use orders::{OrderStore, PlaceError, Raced};
pub(crate) use tickets::TicketStore;
