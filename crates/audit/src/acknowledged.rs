//! What the fleet acknowledged over HTTP: from then on it must be there. Whoever drives a fleet takes note of it.

use common::id::kind;
use common::{Id, Price, Timestamp};

/// One answer that said "done". Answers that failed, or never came, promise nothing and are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledged {
    /// 201 to a sign-up, or a magic link that was followed.
    SignedUp {
        /// The account.
        user: Id<kind::User>,
        /// Whose it is.
        email: String,
    },
    /// 201 to a new ticket.
    TicketCreated {
        /// The ticket.
        ticket: Id<kind::Ticket>,
        /// Who sells it.
        seller: Id<kind::User>,
        /// As it was asked for.
        title: String,
        /// As it was asked for.
        price: Price,
    },
    /// 200 to an edit of a ticket.
    TicketEdited {
        /// The ticket.
        ticket: Id<kind::Ticket>,
        /// The version that the answer told of.
        version: u64,
        /// As it was asked for.
        title: String,
        /// As it was asked for.
        price: Price,
    },
    /// 204 to a withdrawal.
    TicketWithdrawn {
        /// The ticket.
        ticket: Id<kind::Ticket>,
    },
    /// 201 to an order.
    OrderPlaced {
        /// The order.
        order: Id<kind::Order>,
        /// What is ordered.
        ticket: Id<kind::Ticket>,
        /// Who ordered.
        buyer: Id<kind::User>,
        /// What is to be paid.
        price: Price,
        /// Until when it can be paid.
        expires_at: Timestamp,
    },
    /// 204 to the wish to give an order up.
    OrderCancelled {
        /// The order.
        order: Id<kind::Order>,
    },
    /// 201 to a payment.
    Paid {
        /// What was paid.
        order: Id<kind::Order>,
        /// The payment.
        payment: Id<kind::Payment>,
    },
}
