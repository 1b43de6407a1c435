//! The orders that were created and have not ended, according to a history of events.
//!
//! Memory is bounded, whatever the history. An order is forgotten when it ends. Only the latest ends are remembered, for
//! creations that come after them. If too many orders are open at once, only a share of all orders is tracked, and the
//! history has to be read again for the other shares.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use common::events::{ExpirationState, OrderState};
use common::id::kind;
use common::{Event, Id, Timestamp};

type OrderId = Id<kind::Order>;

/// At least so many of the latest ends are remembered, and at most twice as many. A relay publishes the events of an
/// order within seconds, and a re-emission publishes states that are at most some minutes old; an end that comes still
/// earlier costs one expiration that has no effect.
const REMEMBERED_ENDS: usize = 50_000;

/// A share of all orders, chosen by a hash of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many bits of the hash choose.
    bits: u32,
    /// What these bits are.
    value: u64,
}

impl Share {
    /// All orders.
    pub const ALL: Self = Self { bits: 0, value: 0 };

    fn holds(self, order: OrderId) -> bool {
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

/// The open orders of a share. An end stays an end, wherever in the history it is.
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
    before: HashSet<OrderId>,
}

impl OpenOrders {
    /// None yet. When more than `limit` are open at once, the share is made smaller.
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

    /// Takes the next event of the history into account.
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
        if !self.share.holds(order.id) || self.ended.contains(order.id) {
            return;
        }
        self.open.entry(order.id).or_insert(order.expires_at);
        while self.open.len() > self.limit {
            self.narrow();
        }
    }

    fn end(&mut self, order: OrderId) {
        if self.share.holds(order) {
            self.open.remove(&order);
            self.ended.insert(order);
        }
    }

    /// Leaves half of the share to another reading of the history.
    fn narrow(&mut self) {
        let [share, other] = self.share.halves();
        self.others.push(other);
        self.share = share;
        self.open.retain(|order, _| share.holds(*order));
    }

    /// How many orders are in memory.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.open.len() + self.ended.latest.len() + self.ended.before.len()
    }

    /// The expirations that are still to come or overdue, the earliest first; and the shares of orders for which the
    /// history has to be read again.
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
            self.before = std::mem::take(&mut self.latest);
        }
        self.latest.insert(order);
    }

    fn contains(&self, order: OrderId) -> bool {
        self.latest.contains(&order) || self.before.contains(&order)
    }
}
