//! What the services acknowledged to shoppers: from then on it must be so.

use common::Id;
use common::id::kind;

/// Everything that was acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Tickets that were put up for sale.
    pub(crate) sold: Vec<Id<kind::Ticket>>,
    /// How many tickets anybody wished to sell.
    pub(crate) for_sale: usize,
    /// How many tries without a key were not answered: each may have put a ticket up.
    pub(crate) perhaps_for_sale: usize,
    /// Tickets that were taken off sale.
    pub(crate) withdrawn: Vec<Id<kind::Ticket>>,
    /// Edits, with the version that they gave and the price in cents.
    pub(crate) edited: Vec<(Id<kind::Ticket>, u64, i64)>,
    /// Orders that were placed.
    pub(crate) placed: Vec<(Id<kind::Order>, Id<kind::Ticket>)>,
    /// Orders that were given up.
    pub(crate) cancelled: Vec<Id<kind::Order>>,
    /// Orders that were paid, by which payment.
    pub(crate) paid: Vec<(Id<kind::Order>, Id<kind::Payment>)>,
    /// Tickets with events that no running release can publish, and how many.
    pub(crate) rolled_back: Vec<(Id<kind::Ticket>, usize)>,
    /// What no client may ever be told.
    pub(crate) scandals: Vec<String>,
}
