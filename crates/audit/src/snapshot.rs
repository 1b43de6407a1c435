//! Everything that can be read, as it was at about one moment.

use std::collections::{BTreeMap, BTreeSet};

use bson::oid::ObjectId;
use common::Timestamp;
use serde_json::Value;

use super::documents::{Order, OrderReplica, Payment, Ticket};
use super::ledger::Ledger;

/// What has versions, with the replicas of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Databases {
    pub(crate) tickets: BTreeMap<ObjectId, Ticket>,
    pub(crate) ticket_replicas: BTreeMap<ObjectId, Ticket>,
    pub(crate) orders: BTreeMap<ObjectId, Order>,
    pub(crate) order_replicas: BTreeMap<ObjectId, OrderReplica>,
    /// By the order's id.
    pub(crate) payments: BTreeMap<ObjectId, Payment>,
}

/// One look at everything but the events of the stream.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// When the look began.
    pub(crate) taken_at: Timestamp,
    pub(crate) databases: Databases,
    /// Addresses by account.
    pub(crate) users: BTreeMap<ObjectId, String>,
    /// Orders by ticket.
    pub(crate) reservations: BTreeMap<ObjectId, ObjectId>,
    pub(crate) ledger: Ledger,
    pub(crate) backlogs: Backlogs,
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// The orders that have a job in Redis.
    pub(crate) jobs: BTreeSet<ObjectId>,
}

/// By queue group; `None` for one that the broker does not know.
pub(crate) type Backlogs = BTreeMap<&'static str, Option<Backlog>>;

/// What a consumer has still to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Not delivered yet.
    pub(crate) waiting: u64,
    /// Delivered, and not answered for.
    pub(crate) unacknowledged: usize,
    /// The event up to which it is done with everything.
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

/// What was told, as the broker has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream {
    pub(crate) reach: Reach,
    /// The entities that events were kept of.
    pub(crate) slice: Slice,
    pub(crate) events: Vec<Told>,
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
    /// Whether the entity is in it. The last bytes of an id count up.
    pub(crate) fn holds(self, id: ObjectId) -> bool {
        let [.., c, d, e, f] = id.bytes();
        u32::from_be_bytes([c, d, e, f]) % self.of == self.index
    }
}

/// What must be in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reach {
    /// Everything since the fleet began: no broker's data were lost.
    Everything,
    /// The present state of everything: a stream that was begun anew was told it.
    #[default]
    Present,
    /// The present state of what was made later than this: older events have left it by their age.
    Since(Timestamp),
}

impl Stream {
    /// Whether all events since the fleet began must be there.
    pub(crate) fn is_whole(&self) -> bool {
        self.reach == Reach::Everything
    }

    /// Whether the present state of this one must have been told. An id says when it was made, to the second.
    pub(crate) fn must_tell_of(&self, id: ObjectId) -> bool {
        let there = match self.reach {
            Reach::Everything | Reach::Present => true,
            Reach::Since(first) => id.timestamp().timestamp_millis() > first.milliseconds(),
        };
        there && self.slice.holds(id)
    }
}

/// An event as the broker has it, which takes less room than one that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Raw {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    pub(crate) payload: Vec<u8>,
}

impl Raw {
    pub(crate) fn told(&self) -> Told {
        Told {
            sequence: self.sequence,
            subject: self.subject.clone(),
            body: serde_json::from_slice(&self.payload).unwrap_or_default(),
        }
    }
}

/// An event in the stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// Its number in the stream.
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    /// Null if it is no JSON.
    pub(crate) body: Value,
}
