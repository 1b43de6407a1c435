//! All ids of tickets or of orders in any of several collections, page by page.

use std::collections::BTreeSet;

use anyhow::Result;
use bson::oid::ObjectId;

use crate::sources::{DatabaseSource, Keyed};

/// The collections with ids of tickets.
pub(super) const TICKETS: &[Keyed] = &[Keyed::Tickets, Keyed::TicketReplicas, Keyed::Reservations];

/// The collections with ids of orders.
pub(super) const ORDERS: &[Keyed] = &[Keyed::Orders, Keyed::OrderReplicas, Keyed::Payments];

/// Iterates over the ids of some collections in order, so that each page is read by primary key.
pub(super) struct Ids {
    collections: &'static [Keyed],
    /// Ids from another source.
    further: BTreeSet<ObjectId>,
    limit: usize,
    after: Option<ObjectId>,
    done: bool,
}

impl Ids {
    pub(super) fn new(
        collections: &'static [Keyed],
        further: BTreeSet<ObjectId>,
        limit: usize,
    ) -> Self {
        Self {
            collections,
            further,
            limit,
            after: None,
            done: false,
        }
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(
        &mut self,
        databases: &DatabaseSource,
    ) -> Result<Option<BTreeSet<ObjectId>>> {
        if self.done {
            return Ok(None);
        }
        let mut pages = Vec::new();
        for keyed in self.collections {
            pages.push(databases.ids_after(*keyed, self.after, self.limit).await?);
        }
        Ok(Some(self.merge(&pages)))
    }

    /// The ids up to the last one before which every collection was read.
    fn merge(&mut self, pages: &[Vec<ObjectId>]) -> BTreeSet<ObjectId> {
        let full = pages.iter().filter(|page| page.len() >= self.limit);
        let bound = full.filter_map(|page| page.last().copied()).min();
        let within = |id: &ObjectId| bound.is_none_or(|bound| *id <= bound);
        let mut ids: BTreeSet<_> = pages.iter().flatten().copied().filter(within).collect();
        let rest = match bound {
            Some(bound) => self.further.extract_if(..=bound, |_| true).collect(),
            None => std::mem::take(&mut self.further),
        };
        ids.extend(rest);
        self.after = bound;
        self.done = bound.is_none();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u8]) -> Vec<ObjectId> {
        let id = |number: &u8| ObjectId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, *number]);
        numbers.iter().map(id).collect()
    }

    #[test]
    fn a_page_ends_with_the_collection_that_was_read_least_far() {
        let further = ids(&[2, 7, 9]).into_iter().collect();
        let mut all = Ids::new(ORDERS, further, 3);
        let first = all.merge(&[ids(&[1, 4, 8]), ids(&[1, 2, 3]), ids(&[5])]);
        assert_eq!(first, ids(&[1, 2, 3]).into_iter().collect());
        assert_eq!(all.after, Some(ids(&[3])[0]));
        let second = all.merge(&[ids(&[4, 8]), ids(&[]), ids(&[5])]);
        assert_eq!(second, ids(&[4, 5, 7, 8, 9]).into_iter().collect());
        assert!(all.done);
    }
}
