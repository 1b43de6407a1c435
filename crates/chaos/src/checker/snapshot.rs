//! Everything that can be read, as it was at about one moment.

use std::collections::{BTreeMap, BTreeSet};

use bson::oid::ObjectId;
use common::Timestamp;
use serde_json::Value;
use stripe_stand_in::Ledger;

use super::documents::{Order, OrderReplica, Payment, Ticket};

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
    /// By queue group; `None` for one that the broker does not know.
    pub(crate) backlogs: BTreeMap<&'static str, Option<Backlog>>,
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// The orders that have a job in Redis.
    pub(crate) jobs: BTreeSet<ObjectId>,
}

/// What a consumer has still to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Not delivered yet.
    pub(crate) waiting: u64,
    /// Delivered, and not answered for.
    pub(crate) unacknowledged: usize,
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
    /// Whether it has everything since the fleet began: no broker's data were lost.
    pub(crate) whole: bool,
    pub(crate) events: Vec<Told>,
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
