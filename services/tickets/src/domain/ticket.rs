//! The ticket: for sale, held by an order, released, edited, withdrawn. Every change gives the next version.

use common::api::tickets::TicketDetails;
use common::events::TicketState;
use common::id::kind;
use common::{Event, Id, Price, Title};

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: Id<kind::Ticket>,
    /// What is for sale.
    pub title: Title,
    /// What it costs.
    pub price: Price,
    /// Who sells it.
    pub seller: Id<kind::User>,
    /// The order that holds it; for ever, if that order is paid.
    pub order: Option<Id<kind::Order>>,
    /// The orders that held it, or would have, and were cancelled; the latest last.
    ///
    /// Events come in any order: an order's creation that comes after its cancellation must not hold the ticket.
    pub released: Vec<Id<kind::Order>>,
    /// Whether its seller took it off sale. Then no order holds it, and only one that was paid before may.
    pub withdrawn: bool,
    /// Whether it is off sale again once its order releases it: that one was paid before it could know of the withdrawal.
    pub withdrawn_once_free: bool,
    /// Grows by one with every change that the world sees.
    pub version: u64,
}

/// Why a ticket cannot be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Somebody else sells it.
    #[error("Not authorized")]
    NotTheSeller,
    /// An order holds it.
    #[error("Cannot edit a reserved ticket")]
    Reserved,
    /// It was changed since the version that the edit was made from.
    #[error("Ticket was changed meanwhile, reload it and try again")]
    Stale,
}

/// Why a ticket cannot be withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WithdrawError {
    /// Somebody else sells it.
    #[error("Not authorized")]
    NotTheSeller,
    /// An order holds it.
    #[error("Cannot withdraw a reserved ticket")]
    Reserved,
}

/// The ticket cannot be reserved now: another order holds it, and its release is on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ticket is held by order {0}")]
pub struct HeldByAnotherOrder(pub Id<kind::Order>);

impl Ticket {
    /// A new ticket for sale.
    #[must_use]
    pub fn new(id: Id<kind::Ticket>, seller: Id<kind::User>, details: TicketDetails) -> Self {
        Self {
            id,
            title: details.title,
            price: details.price,
            seller,
            order: None,
            released: Vec::new(),
            withdrawn: false,
            withdrawn_once_free: false,
            version: 0,
        }
    }

    /// The ticket with the seller's new title and price.
    pub fn edit(&self, editor: Id<kind::User>, details: TicketDetails) -> Result<Self, EditError> {
        if editor != self.seller {
            return Err(EditError::NotTheSeller);
        }
        if self.order.is_some() {
            return Err(EditError::Reserved);
        }
        if details
            .version
            .is_some_and(|version| version != self.version)
        {
            return Err(EditError::Stale);
        }
        Ok(Self {
            title: details.title,
            price: details.price,
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// The ticket off sale for good; `None` if it is so already.
    pub fn withdraw(&self, by: Id<kind::User>) -> Result<Option<Self>, WithdrawError> {
        if by != self.seller {
            return Err(WithdrawError::NotTheSeller);
        }
        if self.order.is_some() {
            return Err(WithdrawError::Reserved);
        }
        Ok((!self.withdrawn).then(|| Self {
            withdrawn: true,
            version: self.version + 1,
            ..self.clone()
        }))
    }

    /// The ticket held by `order`; `None` if it is so already, if the order was cancelled since, or if the ticket was
    /// withdrawn and the order is not paid. An order that was paid before it could know of the withdrawal stands.
    pub fn reserve(
        &self,
        order: Id<kind::Order>,
        is_paid: bool,
    ) -> Result<Option<Self>, HeldByAnotherOrder> {
        if self.released.contains(&order) || (self.withdrawn && !is_paid) {
            return Ok(None);
        }
        match self.order {
            Some(holder) if holder == order => Ok(None),
            Some(holder) => Err(HeldByAnotherOrder(holder)),
            None => Ok(Some(Self {
                order: Some(order),
                withdrawn: false,
                withdrawn_once_free: self.withdrawn,
                version: self.version + 1,
                ..self.clone()
            })),
        }
    }

    /// The ticket for sale again, or withdrawn if it was before; `None` if `order` does not hold it.
    #[must_use]
    pub fn release(&self, order: Id<kind::Order>) -> Option<Self> {
        (self.order == Some(order)).then(|| Self {
            order: None,
            withdrawn: self.withdrawn_once_free,
            withdrawn_once_free: false,
            version: self.version + 1,
            ..self.clone()
        })
    }

    /// What the world may know of it.
    #[must_use]
    pub fn state(&self) -> TicketState {
        TicketState {
            id: self.id,
            version: self.version,
            title: self.title.clone(),
            price: self.price,
            user_id: self.seller,
            order_id: self.order,
            withdrawn: self.withdrawn,
        }
    }

    /// The event that tells of its present version.
    #[must_use]
    pub fn event(&self) -> Event {
        if self.version == 0 {
            Event::TicketCreated(self.state())
        } else {
            Event::TicketUpdated(self.state())
        }
    }
}
