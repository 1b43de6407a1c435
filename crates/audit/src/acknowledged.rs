//! What the fleet acknowledged over HTTP, recorded by its client. From then on it must be stored.

use common::id::kind;
use common::{Id, Price, Timestamp};

/// One response that reported success. Failed and missing responses promise nothing and are not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledged {
    /// 201 to a sign-up, or to a followed magic link.
    SignedUp {
        /// The account.
        user: Id<kind::User>,
        /// Its email address.
        email: String,
    },
    /// 201 to a new ticket.
    TicketCreated {
        /// The ticket.
        ticket: Id<kind::Ticket>,
        /// The seller.
        seller: Id<kind::User>,
        /// The requested title.
        title: String,
        /// The requested price.
        price: Price,
    },
    /// 200 to an edit of a ticket.
    TicketEdited {
        /// The ticket.
        ticket: Id<kind::Ticket>,
        /// The version in the response.
        version: u64,
        /// The requested title.
        title: String,
        /// The requested price.
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
        /// The ordered ticket.
        ticket: Id<kind::Ticket>,
        /// The buyer.
        buyer: Id<kind::User>,
        /// The price to pay.
        price: Price,
        /// When it expires unless it is paid.
        expires_at: Timestamp,
    },
    /// 204 to a cancellation.
    OrderCancelled {
        /// The order.
        order: Id<kind::Order>,
    },
    /// 201 to a payment.
    Paid {
        /// The paid order.
        order: Id<kind::Order>,
        /// The payment.
        payment: Id<kind::Payment>,
    },
}
