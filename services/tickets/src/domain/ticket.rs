//! The ticket: for sale, held by an order, or withdrawn. Every transition returns the next version.

use common::api::tickets::TicketDetails;
use common::events::TicketState;
use common::id::kind;
use common::{Event, Id, Price, Title};

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    id: Id<kind::Ticket>,
    title: Title,
    price: Price,
    seller: Id<kind::User>,
    availability: Availability,
    released: Vec<Id<kind::Order>>,
    version: u64,
}

/// Whether a ticket can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// The ticket is for sale.
    ForSale,
    /// An order holds the ticket until the order is cancelled.
    Held {
        /// The order.
        order: Id<kind::Order>,
        /// Whether the ticket was withdrawn before the event of this paid order arrived. Then it is withdrawn again
        /// when the order releases it.
        withdraw_on_release: bool,
    },
    /// The seller took the ticket off sale. Only an order that was paid before can still hold it.
    Withdrawn,
}

/// Why a ticket cannot be edited. The messages are part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The ticket belongs to another seller.
    #[error("Not authorized")]
    NotTheSeller,
    /// An order holds the ticket.
    #[error("Cannot edit a reserved ticket")]
    Reserved,
    /// The ticket changed after the version that was edited.
    #[error("Ticket was changed meanwhile, reload it and try again")]
    Stale,
}

/// Why a ticket cannot be withdrawn. The messages are part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WithdrawError {
    /// The ticket belongs to another seller.
    #[error("Not authorized")]
    NotTheSeller,
    /// An order holds the ticket.
    #[error("Cannot withdraw a reserved ticket")]
    Reserved,
}

/// Another order holds the ticket. Its release is on the way, so the reservation can be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ticket is held by order {0}")]
pub struct HeldByAnotherOrder(pub Id<kind::Order>);

impl Ticket {
    /// Puts a new ticket up for sale.
    #[must_use]
    pub fn new(id: Id<kind::Ticket>, seller: Id<kind::User>, details: TicketDetails) -> Self {
        Self {
            id,
            title: details.title,
            price: details.price,
            seller,
            availability: Availability::ForSale,
            released: Vec::new(),
            version: 0,
        }
    }

    /// Restores a ticket from storage.
    #[must_use]
    pub fn restore(
        id: Id<kind::Ticket>,
        title: Title,
        price: Price,
        seller: Id<kind::User>,
        availability: Availability,
        released: Vec<Id<kind::Order>>,
        version: u64,
    ) -> Self {
        Self {
            id,
            title,
            price,
            seller,
            availability,
            released,
            version,
        }
    }

    /// The ticket's id.
    #[must_use]
    pub const fn id(&self) -> Id<kind::Ticket> {
        self.id
    }

    /// The title.
    #[must_use]
    pub const fn title(&self) -> &Title {
        &self.title
    }

    /// The price.
    #[must_use]
    pub const fn price(&self) -> Price {
        self.price
    }

    /// The user who sells the ticket.
    #[must_use]
    pub const fn seller(&self) -> Id<kind::User> {
        self.seller
    }

    /// Whether the ticket can be ordered.
    #[must_use]
    pub const fn availability(&self) -> Availability {
        self.availability
    }

    /// Whether the seller took the ticket off sale.
    #[must_use]
    pub const fn is_withdrawn(&self) -> bool {
        matches!(self.availability, Availability::Withdrawn)
    }

    /// The latest cancelled orders of the ticket, the most recent one last.
    ///
    /// Events arrive in any order: the creation of one of these orders must no longer reserve the ticket.
    #[must_use]
    pub fn released(&self) -> &[Id<kind::Order>] {
        &self.released
    }

    /// The version, which grows by one with every published change.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Changes the title and the price.
    pub fn edit(&self, editor: Id<kind::User>, details: TicketDetails) -> Result<Self, EditError> {
        if editor != self.seller {
            return Err(EditError::NotTheSeller);
        }
        if matches!(self.availability, Availability::Held { .. }) {
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
            ..self.changed(self.availability)
        })
    }

    /// Takes the ticket off sale for good; `None` if it is withdrawn already.
    pub fn withdraw(&self, by: Id<kind::User>) -> Result<Option<Self>, WithdrawError> {
        if by != self.seller {
            return Err(WithdrawError::NotTheSeller);
        }
        match self.availability {
            Availability::ForSale => Ok(Some(self.changed(Availability::Withdrawn))),
            Availability::Held { .. } => Err(WithdrawError::Reserved),
            Availability::Withdrawn => Ok(None),
        }
    }

    /// Reserves the ticket for `order`; `None` if the order holds it already, was cancelled since, or is unpaid while
    /// the ticket is withdrawn. A sale that was paid before the withdrawal was known stands.
    pub fn reserve(
        &self,
        order: Id<kind::Order>,
        is_paid: bool,
    ) -> Result<Option<Self>, HeldByAnotherOrder> {
        if self.released.contains(&order) {
            return Ok(None);
        }
        match self.availability {
            Availability::Held { order: holder, .. } if holder == order => Ok(None),
            Availability::Held { order: holder, .. } => Err(HeldByAnotherOrder(holder)),
            Availability::Withdrawn if !is_paid => Ok(None),
            Availability::ForSale | Availability::Withdrawn => {
                let withdraw_on_release = self.is_withdrawn();
                Ok(Some(self.changed(Availability::Held {
                    order,
                    withdraw_on_release,
                })))
            }
        }
    }

    /// Frees the ticket of `order`; `None` if that order does not hold it.
    #[must_use]
    pub fn release(&self, order: Id<kind::Order>) -> Option<Self> {
        match self.availability {
            Availability::Held {
                order: holder,
                withdraw_on_release,
            } if holder == order => Some(self.changed(if withdraw_on_release {
                Availability::Withdrawn
            } else {
                Availability::ForSale
            })),
            _ => None,
        }
    }

    fn changed(&self, availability: Availability) -> Self {
        Self {
            availability,
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// The public state.
    #[must_use]
    pub fn into_state(self) -> TicketState {
        TicketState {
            id: self.id,
            version: self.version,
            title: self.title,
            price: self.price,
            user_id: self.seller,
            order_id: match self.availability {
                Availability::Held { order, .. } => Some(order),
                Availability::ForSale | Availability::Withdrawn => None,
            },
            withdrawn: matches!(self.availability, Availability::Withdrawn),
        }
    }

    /// The event that publishes the present state.
    #[must_use]
    pub fn event(&self) -> Event {
        let public = Self {
            title: self.title.clone(),
            released: Vec::new(),
            ..*self
        };
        if self.version == 0 {
            Event::TicketCreated(public.into_state())
        } else {
            Event::TicketUpdated(public.into_state())
        }
    }
}
