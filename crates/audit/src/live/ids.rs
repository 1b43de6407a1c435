//! All ids of a kind, page by page: those that any of several collections has.

use std::collections::BTreeSet;

use anyhow::Result;
use bson::oid::ObjectId;

use crate::sources::{DatabaseSource, Keyed};

/// Where tickets' ids are found.
pub(super) const TICKETS: &[Keyed] = &[Keyed::Tickets, Keyed::TicketReplicas, Keyed::Reservations];

/// Where orders' ids are found.
pub(super) const ORDERS: &[Keyed] = &[Keyed::Orders, Keyed::OrderReplicas, Keyed::Payments];

/// Goes through the ids of some collections in their order, so that a page is found by their primary keys.
pub(super) struct Ids {
    collections: &'static [Keyed],
    /// Ids that are known from elsewhere.
    besides: BTreeSet<ObjectId>,
    limit: usize,
    after: Option<ObjectId>,
    done: bool,
}

impl Ids {
    pub(super) fn new(
        collections: &'static [Keyed],
        besides: BTreeSet<ObjectId>,
        limit: usize,
    ) -> Self {
        Self {
            collections,
            besides,
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

    /// The ids up to the one to which every collection was read.
    fn merge(&mut self, pages: &[Vec<ObjectId>]) -> BTreeSet<ObjectId> {
        let full = pages.iter().filter(|page| page.len() >= self.limit);
        let bound = full.filter_map(|page| page.last().copied()).min();
        let within = |id: &ObjectId| bound.is_none_or(|bound| *id <= bound);
        let mut ids: BTreeSet<_> = pages.iter().flatten().copied().filter(within).collect();
        let rest = match bound {
            Some(bound) => self.besides.extract_if(..=bound, |_| true).collect(),
            None => std::mem::take(&mut self.besides),
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
    fn a_page_ends_where_the_first_of_its_collections_was_read_to() {
        let besides = ids(&[2, 7, 9]).into_iter().collect();
        let mut all = Ids::new(ORDERS, besides, 3);
        let first = all.merge(&[ids(&[1, 4, 8]), ids(&[1, 2, 3]), ids(&[5])]);
        assert_eq!(first, ids(&[1, 2, 3]).into_iter().collect());
        assert_eq!(all.after, Some(ids(&[3])[0]));
        let second = all.merge(&[ids(&[4, 8]), ids(&[]), ids(&[5])]);
        assert_eq!(second, ids(&[4, 5, 7, 8, 9]).into_iter().collect());
        assert!(all.done);
    }
}
