//! What the stream told, by the entities that it told of. As long as a stream has few events all of it is kept; of a
//! longer one a slice of the entities at a time, and the stream is read again for the next.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use bson::oid::ObjectId;

use super::gathering::Roots;
use crate::snapshot::{Raw, Reach, Slice, Snapshot, Stream};
use crate::sources::{BrokerSource, Extent};
use crate::told::{id_in, subject_of};

/// How many events are kept at once, of some 400 bytes each.
const KEPT: u64 = 200_000;

/// How often a stream is read at most.
const SLICES: u64 = 25;

/// How many events a stream may have that is to be read.
pub const MOST_EVENTS: u64 = KEPT * SLICES;

/// In how many slices a stream of so many events is read; `None` if it has too many.
pub(super) fn slices(events: u64) -> Option<u32> {
    let slices = events.div_ceil(KEPT).max(1);
    u32::try_from(slices).ok().filter(|_| slices <= SLICES)
}

/// The events about a slice of all entities.
pub(super) struct Book {
    slice: Slice,
    reach: Reach,
    of: HashMap<ObjectId, Vec<Raw>>,
    /// Entities whose events nobody has asked for yet.
    unasked: BTreeSet<ObjectId>,
    last: u64,
    pub(super) events: u64,
    /// Events that tell of nothing that the fleet knows. Whoever could not read them wrote a dead letter.
    pub(super) unreadable: u64,
}

impl Book {
    /// Reads what is in the stream now. Read before the entities: what was told is never ahead of its owner.
    pub(super) async fn read(broker: &BrokerSource, extent: Extent, slice: Slice) -> Result<Self> {
        let reach = if extent.first <= 1 {
            Reach::Present
        } else {
            Reach::Since(extent.since)
        };
        let mut book = Self::empty(slice, reach);
        book.catch_up(broker).await?;
        Ok(book)
    }

    /// A book in which nothing is written, and which says nothing against anybody.
    pub(super) fn empty(slice: Slice, reach: Reach) -> Self {
        Self {
            slice,
            reach,
            of: HashMap::new(),
            unasked: BTreeSet::new(),
            last: 0,
            events: 0,
            unreadable: 0,
        }
    }

    /// Adds what was told since.
    pub(super) async fn catch_up(&mut self, broker: &BrokerSource) -> Result<()> {
        let after = self.last;
        self.last = broker.each_event(after, |raw| self.add(raw)).await?;
        Ok(())
    }

    fn add(&mut self, raw: Raw) {
        let Some((_, id, _)) = subject_of(&raw.told()) else {
            self.unreadable += u64::from(self.slice.index == 0);
            return;
        };
        if self.slice.holds(id) {
            self.events += 1;
            self.unasked.insert(id);
            self.of.entry(id).or_default().push(raw);
        }
    }

    pub(super) const fn slice(&self) -> Slice {
        self.slice
    }

    /// What was told of the entities of this snapshot, and of those that it was to have.
    pub(super) fn about(&mut self, snapshot: &Snapshot, roots: &Roots) -> Stream {
        let databases = &snapshot.databases;
        let payments = databases.payments.values().map(|payment| payment.id);
        let owners = databases.tickets.keys().chain(databases.orders.keys());
        let asked = roots.tickets.iter().chain(&roots.orders);
        let ids: BTreeSet<_> = owners.chain(asked).copied().chain(payments).collect();
        let mut events = Vec::new();
        for id in ids {
            self.unasked.remove(&id);
            if let Some(told) = self.of.get(&id) {
                events.extend(told.iter().map(Raw::told));
            }
        }
        Stream {
            reach: self.reach,
            slice: self.slice,
            events,
        }
    }

    /// The entities that were told of and that no page had.
    pub(super) fn strays(&mut self) -> Vec<ObjectId> {
        std::mem::take(&mut self.unasked).into_iter().collect()
    }

    /// Where to look for this one: a payment is found by its order.
    pub(super) fn roots(&self, id: ObjectId) -> Roots {
        let told = self.of.get(&id).into_iter().flatten();
        let orders = told.filter_map(|raw| id_in(&raw.told().body, "orderId"));
        Roots {
            tickets: [id].into(),
            orders: orders.chain([id]).collect(),
        }
    }
}
