//! The data that invariants are checked on, as it was at about one moment.

use std::collections::{BTreeMap, BTreeSet};

use bson::oid::ObjectId;
use common::Timestamp;
use serde_json::Value;

use super::documents::{Order, OrderReplica, Payment, Ticket};
use super::ledger::Ledger;

/// The entities that have versions, and their replicas.
#[derive(Debug, Clone, Default)]
pub struct Databases {
    /// Tickets in `tickets`.
    pub tickets: BTreeMap<ObjectId, Ticket>,
    /// Their replicas in `orders`.
    pub ticket_replicas: BTreeMap<ObjectId, Ticket>,
    /// Orders in `orders`.
    pub orders: BTreeMap<ObjectId, Order>,
    /// Their replicas in `payments`.
    pub order_replicas: BTreeMap<ObjectId, OrderReplica>,
    /// Payments in `payments`, by the order's id.
    pub payments: BTreeMap<ObjectId, Payment>,
}

/// Everything but the events of the stream.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When reading began.
    pub(crate) taken_at: Timestamp,
    /// The documents that have versions.
    pub databases: Databases,
    /// Email addresses by account.
    pub(crate) users: BTreeMap<ObjectId, String>,
    /// Orders by ticket.
    pub reservations: BTreeMap<ObjectId, ObjectId>,
    /// The movements of money.
    pub ledger: Ledger,
    pub(crate) backlogs: Backlogs,
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// The orders that have an expiration job in Redis.
    pub(crate) jobs: BTreeSet<ObjectId>,
}

impl Snapshot {
    /// A snapshot of an empty fleet.
    #[must_use]
    pub fn empty(taken_at: Timestamp) -> Self {
        Self {
            taken_at,
            databases: Databases::default(),
            users: BTreeMap::new(),
            reservations: BTreeMap::new(),
            ledger: Ledger::default(),
            backlogs: Backlogs::new(),
            dead_letters: Vec::new(),
            jobs: BTreeSet::new(),
        }
    }
}

/// Backlogs by queue group; `None` for one that the broker does not know.
pub(crate) type Backlogs = BTreeMap<&'static str, Option<Backlog>>;

/// The events that a consumer has not acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Not yet delivered.
    pub(crate) waiting: u64,
    /// Delivered, and not yet acknowledged.
    pub(crate) unacknowledged: usize,
    /// All events up to this sequence number are acknowledged.
    pub(crate) done: u64,
}

/// An event that a consumer gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    pub(crate) consumer: String,
    pub(crate) subject: String,
    pub(crate) reason: String,
    pub(crate) body: String,
}

/// The events in the broker's stream.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    pub(crate) coverage: Coverage,
    /// The entities whose events were collected.
    pub(crate) slice: Slice,
    pub(crate) events: Vec<StreamEvent>,
}

/// One of several parts of all entities, by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) index: u32,
    pub(crate) of: u32,
}

impl Default for Slice {
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

impl Slice {
    /// Whether the entity belongs to this slice. The last bytes of an id are a counter, so slices have about one size.
    pub(crate) fn holds(self, id: ObjectId) -> bool {
        let [.., c, d, e, f] = id.bytes();
        u32::from_be_bytes([c, d, e, f]) % self.of == self.index
    }
}

/// Which events a stream must contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Coverage {
    /// All events since the fleet's first start: the broker never lost data.
    Everything,
    /// The present state of every entity: services published it to a new stream.
    #[default]
    Present,
    /// The present state of entities that are newer than this: older events have left the stream by age.
    Since(Timestamp),
}

impl Stream {
    /// A stream that never lost an event, with these subjects and bodies in order.
    #[must_use]
    pub fn complete(events: impl IntoIterator<Item = (impl Into<String>, Value)>) -> Self {
        let events = (1..)
            .zip(events)
            .map(|(sequence, (subject, body))| StreamEvent {
                sequence,
                subject: subject.into(),
                body,
            });
        Self {
            coverage: Coverage::Everything,
            slice: Slice::default(),
            events: events.collect(),
        }
    }

    /// Whether it must contain all events since the fleet's first start.
    pub(crate) fn is_complete(&self) -> bool {
        self.coverage == Coverage::Everything
    }

    /// Whether it must contain the present state of this entity. An id tells when it was created, to the second.
    pub(crate) fn must_contain(&self, id: ObjectId) -> bool {
        let covered = match self.coverage {
            Coverage::Everything | Coverage::Present => true,
            Coverage::Since(first) => id.timestamp().timestamp_millis() > first.milliseconds(),
        };
        covered && self.slice.holds(id)
    }
}

/// An event with an unparsed body, which takes less memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawEvent {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    pub(crate) payload: Vec<u8>,
}

impl RawEvent {
    pub(crate) fn parse(&self) -> StreamEvent {
        StreamEvent {
            sequence: self.sequence,
            subject: self.subject.clone(),
            body: serde_json::from_slice(&self.payload).unwrap_or_default(),
        }
    }
}

/// An event in the stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamEvent {
    /// Its sequence number in the stream.
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    /// Null if it is not JSON.
    pub(crate) body: Value,
}
