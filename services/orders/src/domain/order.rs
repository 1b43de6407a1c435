//! The order: made, confirmed, then paid or cancelled, or both if its money goes back. Every change gives the next
//! version.

use common::events::{CancellationReason, OrderState};
use common::id::kind;
use common::{Event, Id, OrderStatus, Price, Timestamp, Title};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: Id<kind::Order>,
    /// Who ordered.
    pub buyer: Id<kind::User>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// What is ordered.
    pub ticket: OrderedTicket,
    /// Why it was cancelled, if it was; none if its ticket was withdrawn.
    pub reason: Option<CancellationReason>,
    /// Grows by one with every change.
    pub version: u64,
}

/// A ticket as it was when it was ordered: its price is the order's, whatever becomes of the ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedTicket {
    /// The ticket's id.
    pub id: Id<kind::Ticket>,
    /// What is ordered.
    pub title: Title,
    /// What is to be paid.
    pub price: Price,
    /// The ticket's version then.
    pub version: u64,
}

/// The ticket costs something else than the buyer was shown. The message is part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Price has changed")]
pub struct PriceChanged;

impl OrderedTicket {
    /// Refuses another price than the buyer was shown, if that is known.
    pub fn check_price(&self, shown: Option<Price>) -> Result<(), PriceChanged> {
        match shown {
            Some(shown) if shown != self.price => Err(PriceChanged),
            _ => Ok(()),
        }
    }
}

/// The order cannot be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// Somebody else ordered.
    #[error("Not authorized")]
    NotTheBuyer,
    /// It is paid.
    #[error("Cannot cancel a paid order")]
    Complete,
}

/// The order's time is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the order can be paid until {0}")]
pub struct NotYetExpired(pub Timestamp);

impl Order {
    /// A new order.
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

    /// The order after the tickets service confirmed the reservation; `None` if that is known or no longer matters.
    #[must_use]
    pub fn confirm(&self) -> Option<Self> {
        match self.status {
            OrderStatus::Created => Some(self.changed(OrderStatus::AwaitingPayment, None)),
            OrderStatus::AwaitingPayment | OrderStatus::Complete | OrderStatus::Cancelled => None,
        }
    }

    /// The order given up by its buyer; `None` if it is cancelled already.
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

    /// The order after its time; `None` if it is paid or cancelled.
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

    /// The order after its ticket was withdrawn; `None` if it is paid, in which case the sale stands, or cancelled.
    #[must_use]
    pub fn lose_ticket(&self) -> Option<Self> {
        match self.status {
            // No reason of its own: releases that know only the others must be able to read it.
            OrderStatus::Created | OrderStatus::AwaitingPayment => Some(self.cancelled(None)),
            OrderStatus::Complete | OrderStatus::Cancelled => None,
        }
    }

    /// The paid order; `None` if it is complete already, or cancelled, in which case payments refunds.
    #[must_use]
    pub fn complete(&self) -> Option<Self> {
        match self.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                Some(self.changed(OrderStatus::Complete, None))
            }
            OrderStatus::Complete | OrderStatus::Cancelled => None,
        }
    }

    /// Whether a payment would still be in time.
    #[must_use]
    pub fn can_be_paid(&self, now: Timestamp) -> bool {
        self.status.is_active() && now < self.expires_at
    }

    /// The order, unless its price is another one than the buyer was shown.
    pub fn at(self, shown: Option<Price>) -> Result<Self, PriceChanged> {
        self.ticket.check_price(shown)?;
        Ok(self)
    }

    /// The order after all of its money went back at Stripe; `None` if it is cancelled already.
    ///
    /// An order that is not known to be paid is cancelled too: the news of the payment is on its way, and too late.
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

    /// What the world may know of it.
    #[must_use]
    pub fn state(&self) -> OrderState {
        // Older consumers could not read an event with a reason that they do not know.
        let reason = self
            .reason
            .filter(|reason| *reason != CancellationReason::Refunded);
        OrderState {
            id: self.id,
            version: self.version,
            status: self.status,
            user_id: self.buyer,
            ticket_id: self.ticket.id,
            price: self.ticket.price,
            expires_at: self.expires_at,
            reason,
        }
    }

    /// The event that tells of its present state.
    #[must_use]
    pub fn event(&self) -> Event {
        match self.status {
            OrderStatus::Cancelled => Event::OrderCancelled(self.state()),
            OrderStatus::Created | OrderStatus::AwaitingPayment | OrderStatus::Complete => {
                Event::OrderCreated(self.state())
            }
        }
    }
}
