//! The events of the stream by entity. A short stream is held in memory; of a longer one a slice of the entities at a
//! time, and the stream is read again for the next slice.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use bson::oid::ObjectId;

use super::gathering::Roots;
use crate::events::{entity_of, id_in};
use crate::snapshot::{Coverage, RawEvent, Slice, Snapshot, Stream};
use crate::sources::{BrokerSource, Extent};

/// How many events are held in memory, of some 400 bytes each.
const SLICE_EVENTS: u64 = 200_000;

/// How many times a stream is read at most.
const SLICES: u64 = 25;

/// How many events a stream may have to be read.
pub const MOST_EVENTS: u64 = SLICE_EVENTS * SLICES;

/// The number of slices for a stream of so many events; `None` if it has too many.
pub(super) fn slices(events: u64) -> Option<u32> {
    let slices = events.div_ceil(SLICE_EVENTS).max(1);
    u32::try_from(slices).ok().filter(|_| slices <= SLICES)
}

/// The events of a slice of all entities.
pub(super) struct StreamIndex {
    slice: Slice,
    coverage: Coverage,
    of: HashMap<ObjectId, Vec<RawEvent>>,
    /// Entities whose events were not read from this index yet.
    unread: BTreeSet<ObjectId>,
    last: u64,
    pub(super) events: u64,
    /// Events of unknown subjects, or with invalid bodies. Consumers write dead letters for those.
    pub(super) unreadable: u64,
}

impl StreamIndex {
    /// Reads the stream. It has to be read before the entities, so that an event is never newer than its entity.
    pub(super) async fn read(broker: &BrokerSource, extent: Extent, slice: Slice) -> Result<Self> {
        let coverage = if extent.first <= 1 {
            Coverage::Present
        } else {
            Coverage::Since(extent.since)
        };
        let mut stream_index = Self::empty(slice, coverage);
        stream_index.catch_up(broker).await?;
        Ok(stream_index)
    }

    /// An index without events.
    pub(super) fn empty(slice: Slice, coverage: Coverage) -> Self {
        Self {
            slice,
            coverage,
            of: HashMap::new(),
            unread: BTreeSet::new(),
            last: 0,
            events: 0,
            unreadable: 0,
        }
    }

    /// Adds newer events.
    pub(super) async fn catch_up(&mut self, broker: &BrokerSource) -> Result<()> {
        let after = self.last;
        self.last = broker.each_event(after, |raw| self.add(raw)).await?;
        Ok(())
    }

    fn add(&mut self, raw: RawEvent) {
        let Some((_, id, _)) = entity_of(&raw.parse()) else {
            self.unreadable += u64::from(self.slice.index == 0);
            return;
        };
        if self.slice.holds(id) {
            self.events += 1;
            self.unread.insert(id);
            self.of.entry(id).or_default().push(raw);
        }
    }

    pub(super) const fn slice(&self) -> Slice {
        self.slice
    }

    /// The events of the entities in this snapshot, and of those that were to be in it.
    pub(super) fn events_of(&mut self, snapshot: &Snapshot, roots: &Roots) -> Stream {
        let databases = &snapshot.databases;
        let payments = databases.payments.values().map(|payment| payment.id);
        let owners = databases.tickets.keys().chain(databases.orders.keys());
        let roots = roots.tickets.iter().chain(&roots.orders);
        let ids: BTreeSet<_> = owners.chain(roots).copied().chain(payments).collect();
        let mut events = Vec::new();
        for id in ids {
            self.unread.remove(&id);
            if let Some(of_entity) = self.of.get(&id) {
                events.extend(of_entity.iter().map(RawEvent::parse));
            }
        }
        Stream {
            coverage: self.coverage,
            slice: self.slice,
            events,
        }
    }

    /// The entities that have events and were on no page.
    pub(super) fn take_unread(&mut self) -> Vec<ObjectId> {
        std::mem::take(&mut self.unread).into_iter().collect()
    }

    /// What to read for this id. A payment is found by its order.
    pub(super) fn roots(&self, id: ObjectId) -> Roots {
        let events = self.of.get(&id).into_iter().flatten();
        let orders = events.filter_map(|raw| id_in(&raw.parse().body, "orderId"));
        Roots {
            tickets: [id].into(),
            orders: orders.chain([id]).collect(),
        }
    }
}
