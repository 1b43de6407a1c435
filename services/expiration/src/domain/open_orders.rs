//! Finds the open orders in an event history: those that were created and have not ended.
//!
//! Memory is bounded for any history. An order is forgotten when it ends. Only the latest ends are remembered, for
//! creations that are published after their end. If too many orders are open at once, only a share of all orders is
//! tracked, and the history must be read again for the other shares.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use common::events::{ExpirationState, OrderState};
use common::id::kind;
use common::{Event, Id, Timestamp};

type OrderId = Id<kind::Order>;

/// At least this many of the latest ends are remembered, at most twice as many. A relay publishes the events of an
/// order within seconds of each other, and a re-emission publishes states that are at most some minutes old. If an end
/// is forgotten too early, one expiration without effect is published.
const REMEMBERED_ENDS: usize = 50_000;

/// A share of all orders, chosen by a hash of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many low bits of the hash are compared.
    bits: u32,
    /// The value of these bits.
    value: u64,
}

impl Share {
    /// All orders.
    pub const ALL: Self = Self { bits: 0, value: 0 };

    fn contains(self, order: OrderId) -> bool {
        if self.bits == 0 {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        order.hash(&mut hasher);
        hasher.finish() & ((1 << self.bits) - 1) == self.value
    }

    fn halves(self) -> [Self; 2] {
        let bits = self.bits + 1;
        [self.value, self.value | (1 << self.bits)].map(|value| Self { bits, value })
    }
}

/// The open orders of a share. An end is final, even if it precedes the creation in the history.
#[derive(Debug, Clone)]
pub struct OpenOrders {
    share: Share,
    limit: usize,
    open: HashMap<OrderId, Timestamp>,
    ended: LatestEnds,
    others: Vec<Share>,
}

#[derive(Debug, Clone, Default)]
struct LatestEnds {
    latest: HashSet<OrderId>,
    previous: HashSet<OrderId>,
}

impl OpenOrders {
    /// Tracks the orders of this share. When more than `limit` are open at once, the share is halved.
    #[must_use]
    pub fn new(share: Share, limit: usize) -> Self {
        Self {
            share,
            limit,
            open: HashMap::new(),
            ended: LatestEnds::default(),
            others: Vec::new(),
        }
    }

    /// Applies the next event of the history.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::OrderCreated(order) if order.status.is_active() => self.open(order),
            Event::OrderCreated(order) | Event::OrderCancelled(order) => self.end(order.id),
            Event::PaymentCreated(payment) => self.end(payment.order_id),
            Event::ExpirationComplete(expiration) => self.end(expiration.order_id),
            Event::TicketCreated(_) | Event::TicketUpdated(_) | Event::PaymentRefunded(_) => {}
        }
    }

    fn open(&mut self, order: &OrderState) {
        if !self.share.contains(order.id) || self.ended.contains(order.id) {
            return;
        }
        self.open.entry(order.id).or_insert(order.expires_at);
        while self.open.len() > self.limit {
            self.halve();
        }
    }

    fn end(&mut self, order: OrderId) {
        if self.share.contains(order) {
            self.open.remove(&order);
            self.ended.insert(order);
        }
    }

    /// Leaves half of the share to another pass over the history.
    fn halve(&mut self) {
        let [share, other] = self.share.halves();
        self.others.push(other);
        self.share = share;
        self.open.retain(|order, _| share.contains(*order));
    }

    /// How many orders are in memory.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.open.len() + self.ended.latest.len() + self.ended.previous.len()
    }

    /// Returns the expirations of the open orders, earliest first, and the shares for which the history must be read
    /// again.
    #[must_use]
    pub fn finish(self) -> (Vec<ExpirationState>, Vec<Share>) {
        let open = self.open.into_iter();
        let mut expirations: Vec<_> = open
            .map(|(order_id, expires_at)| ExpirationState {
                order_id,
                expires_at,
            })
            .collect();
        expirations.sort_unstable_by_key(|expiration| expiration.expires_at);
        (expirations, self.others)
    }
}

impl LatestEnds {
    fn insert(&mut self, order: OrderId) {
        if self.latest.len() >= REMEMBERED_ENDS {
            self.previous = std::mem::take(&mut self.latest);
        }
        self.latest.insert(order);
    }

    fn contains(&self, order: OrderId) -> bool {
        self.latest.contains(&order) || self.previous.contains(&order)
    }
}
