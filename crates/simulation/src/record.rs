//! The responses and errors of a history, for the check at its end.

use audit::Acknowledged;
use common::Id;
use common::id::kind;

#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// The number of tickets that sellers created.
    pub(crate) for_sale: usize,
    /// The number of requests to create a ticket that had no idempotency key and got no response. Each may have created
    /// one more ticket.
    pub(crate) maybe_for_sale: usize,
    /// Tickets with events that no running release can publish, and the number of these events.
    pub(crate) rolled_back: Vec<(Id<kind::Ticket>, usize)>,
    /// Errors that must never occur.
    pub(crate) errors: Vec<String>,
}
