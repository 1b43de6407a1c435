//! The order: created, confirmed by the tickets service, then paid or cancelled. A paid order is cancelled if its
//! payment is refunded. Every transition returns the next version.

use common::events::{CancellationReason, OrderState};
use common::id::kind;
use common::{Event, Id, OrderStatus, Price, Timestamp, Title};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    id: Id<kind::Order>,
    buyer: Id<kind::User>,
    status: OrderStatus,
    expires_at: Timestamp,
    ticket: OrderedTicket,
    reason: Option<CancellationReason>,
    version: u64,
}

/// A ticket as it was when it was ordered. Later changes of the ticket do not change the price of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedTicket {
    /// The ticket's id.
    pub id: Id<kind::Ticket>,
    /// The ticket's title.
    pub title: Title,
    /// The price to pay.
    pub price: Price,
    /// The ticket's version at that time.
    pub version: u64,
}

/// The price differs from the one that the buyer saw. The message is part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Price has changed")]
pub struct PriceChanged;

impl OrderedTicket {
    /// Checks the price against the one that the buyer saw, if the client sent it.
    pub fn check_price(&self, shown: Option<Price>) -> Result<(), PriceChanged> {
        match shown {
            Some(shown) if shown != self.price => Err(PriceChanged),
            _ => Ok(()),
        }
    }
}

/// Why an order cannot be cancelled by a user. The messages are part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// The order belongs to another user.
    #[error("Not authorized")]
    NotTheBuyer,
    /// The order is paid.
    #[error("Cannot cancel a paid order")]
    Complete,
}

/// The order can still be paid, until this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the order can be paid until {0}")]
pub struct NotYetExpired(pub Timestamp);

impl Order {
    /// Creates a new order.
    #[must_use]
    pub fn new(
        id: Id<kind::Order>,
        buyer: Id<kind::User>,
        ticket: OrderedTicket,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            buyer,
            status: OrderStatus::Created,
            expires_at,
            ticket,
            reason: None,
            version: 0,
        }
    }

    /// Restores an order from storage.
    #[must_use]
    pub fn restore(
        id: Id<kind::Order>,
        buyer: Id<kind::User>,
        status: OrderStatus,
        expires_at: Timestamp,
        ticket: OrderedTicket,
        reason: Option<CancellationReason>,
        version: u64,
    ) -> Self {
        Self {
            id,
            buyer,
            status,
            expires_at,
            ticket,
            reason,
            version,
        }
    }

    /// The order's id.
    #[must_use]
    pub const fn id(&self) -> Id<kind::Order> {
        self.id
    }

    /// The user who ordered.
    #[must_use]
    pub const fn buyer(&self) -> Id<kind::User> {
        self.buyer
    }

    /// The present status.
    #[must_use]
    pub const fn status(&self) -> OrderStatus {
        self.status
    }

    /// The time until which the order can be paid.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The ordered ticket.
    #[must_use]
    pub const fn ticket(&self) -> &OrderedTicket {
        &self.ticket
    }

    /// The ordered ticket, by value.
    #[must_use]
    pub fn into_ticket(self) -> OrderedTicket {
        self.ticket
    }

    /// Why the order was cancelled; `None` if it is not cancelled, or if its ticket was withdrawn.
    #[must_use]
    pub const fn reason(&self) -> Option<CancellationReason> {
        self.reason
    }

    /// The version, which grows by one with every change.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Confirms the reservation of the ticket; `None` if the order is confirmed already, paid or cancelled.
    #[must_use]
    pub fn confirm(&self) -> Option<Self> {
        match self.status {
            OrderStatus::Created => Some(self.changed(OrderStatus::AwaitingPayment, None)),
            OrderStatus::AwaitingPayment | OrderStatus::Complete | OrderStatus::Cancelled => None,
        }
    }

    /// Cancels the order on behalf of a user; `None` if it is cancelled already.
    pub fn cancel(&self, by: Id<kind::User>) -> Result<Option<Self>, CancelError> {
        if by != self.buyer {
            return Err(CancelError::NotTheBuyer);
        }
        match self.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                Ok(Some(self.cancelled(Some(CancellationReason::Owner))))
            }
            OrderStatus::Cancelled => Ok(None),
            OrderStatus::Complete => Err(CancelError::Complete),
        }
    }

    /// Cancels the order if it was not paid in time; `None` if it is paid or cancelled.
    pub fn expire(&self, now: Timestamp) -> Result<Option<Self>, NotYetExpired> {
        match self.status {
            OrderStatus::Complete | OrderStatus::Cancelled => Ok(None),
            OrderStatus::Created | OrderStatus::AwaitingPayment if now < self.expires_at => {
                Err(NotYetExpired(self.expires_at))
            }
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                Ok(Some(self.cancelled(Some(CancellationReason::Expired))))
            }
        }
    }

    /// Cancels the order because its ticket was withdrawn; `None` if it is cancelled already, or paid: then the sale
    /// stands.
    #[must_use]
    pub fn lose_ticket(&self) -> Option<Self> {
        match self.status {
            // Without a reason: older releases could not read a new one.
            OrderStatus::Created | OrderStatus::AwaitingPayment => Some(self.cancelled(None)),
            OrderStatus::Complete | OrderStatus::Cancelled => None,
        }
    }

    /// Completes the order after its payment; `None` if it is complete already, or cancelled: then the payments service
    /// refunds the payment.
    #[must_use]
    pub fn complete(&self) -> Option<Self> {
        match self.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                Some(self.changed(OrderStatus::Complete, None))
            }
            OrderStatus::Complete | OrderStatus::Cancelled => None,
        }
    }

    /// Whether the order can be paid at this time.
    #[must_use]
    pub fn can_be_paid(&self, now: Timestamp) -> bool {
        self.status.is_active() && now < self.expires_at
    }

    /// Returns the order if its price is the one that the buyer saw.
    pub fn at_price(self, shown: Option<Price>) -> Result<Self, PriceChanged> {
        self.ticket.check_price(shown)?;
        Ok(self)
    }

    /// Cancels the order because its payment was refunded or lost to a dispute; `None` if it is cancelled already.
    ///
    /// The event of the payment may arrive after the event of the refund, so an unpaid order is cancelled too.
    #[must_use]
    pub fn refund(&self) -> Option<Self> {
        match self.status {
            OrderStatus::Cancelled => None,
            OrderStatus::Created | OrderStatus::AwaitingPayment | OrderStatus::Complete => {
                Some(self.cancelled(Some(CancellationReason::Refunded)))
            }
        }
    }

    fn cancelled(&self, reason: Option<CancellationReason>) -> Self {
        self.changed(OrderStatus::Cancelled, reason)
    }

    fn changed(&self, status: OrderStatus, reason: Option<CancellationReason>) -> Self {
        Self {
            status,
            reason,
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// The event to publish with the change to this version; `None` if no other service needs to know of it.
    #[must_use]
    pub fn change_event(&self) -> Option<Event> {
        match self.status {
            OrderStatus::Created | OrderStatus::Cancelled => Some(self.event()),
            OrderStatus::AwaitingPayment | OrderStatus::Complete => None,
        }
    }

    /// The event that publishes the present state.
    #[must_use]
    pub fn event(&self) -> Event {
        // Older consumers cannot read an event with a reason that is new to them.
        let reason = self
            .reason
            .filter(|reason| *reason != CancellationReason::Refunded);
        let state = OrderState {
            id: self.id,
            version: self.version,
            status: self.status,
            user_id: self.buyer,
            ticket_id: self.ticket.id,
            price: self.ticket.price,
            expires_at: self.expires_at,
            reason,
        };
        match self.status {
            OrderStatus::Cancelled => Event::OrderCancelled(state),
            OrderStatus::Created | OrderStatus::AwaitingPayment | OrderStatus::Complete => {
                Event::OrderCreated(state)
            }
        }
    }
}
