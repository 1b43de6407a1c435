//! Counts what was checked.

use std::collections::BTreeSet;

use bson::oid::ObjectId;

use super::gathering::Roots;
use crate::documents::OrderStatus;
use crate::snapshot::Snapshot;
use crate::violation::Invariant;

/// The numbers of entities and amounts of money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    tickets: usize,
    orders: usize,
    complete: usize,
    unpaid: usize,
    reservations: usize,
    replicas: usize,
    payments: usize,
    charges: usize,
    charged: i64,
    refunded: i64,
    pub(super) accounts: u64,
    pub(super) events: u64,
    pub(super) unreadable: u64,
    pub(super) dead_letters: usize,
    pub(super) consumers: usize,
}

impl Tally {
    /// Adds the entities of a page, without what was read besides.
    pub(super) fn add(&mut self, snapshot: &Snapshot, page: &Roots) {
        let databases = &snapshot.databases;
        let count = |exists: &dyn Fn(&ObjectId) -> bool, ids: &BTreeSet<ObjectId>| {
            ids.iter().filter(|id| exists(id)).count()
        };
        self.tickets += count(&|id| databases.tickets.contains_key(id), &page.tickets);
        self.reservations += count(&|id| snapshot.reservations.contains_key(id), &page.tickets);
        self.replicas += count(
            &|id| databases.ticket_replicas.contains_key(id),
            &page.tickets,
        );
        self.replicas += count(
            &|id| databases.order_replicas.contains_key(id),
            &page.orders,
        );
        self.payments += count(&|id| databases.payments.contains_key(id), &page.orders);
        for order in page.orders.iter().filter_map(|id| databases.orders.get(id)) {
            self.orders += 1;
            self.complete += usize::from(order.status == OrderStatus::Complete);
            self.unpaid += usize::from(order.status.is_active());
        }
        for charge in &snapshot.ledger.charges {
            if charge
                .order
                .is_some_and(|order| page.orders.contains(&order))
            {
                self.charges += 1;
                self.charged += charge.amount;
                self.refunded += charge.went_back();
            }
        }
    }

    /// A description by invariant, which names what was not read.
    pub(super) fn summary(&self, stripe: Option<usize>, stream: bool) -> Vec<(Invariant, String)> {
        let Self {
            tickets,
            orders,
            complete,
            unpaid,
            reservations,
            replicas,
            payments,
            charges,
            charged,
            refunded,
            accounts,
            events,
            unreadable,
            dead_letters,
            consumers,
        } = self;
        let source = match stripe {
            None => "as payments recorded them, since Stripe was not read",
            Some(0) => "at Stripe",
            Some(_) => "at Stripe, without charges that name no order",
        };
        let published = match (stream, unreadable) {
            (false, _) => "the stream was not read".to_owned(),
            (true, 0) => format!("{events} events in the stream"),
            (true, _) => {
                format!("{events} events in the stream and {unreadable} unreadable ones")
            }
        };
        vec![
            (
                Invariant::I1,
                format!("{tickets} tickets, {orders} orders, {reservations} reservations"),
            ),
            (
                Invariant::I2,
                format!(
                    "{complete} complete orders, {charges} charges of {charged} cents, {refunded} cents refunded, {source}"
                ),
            ),
            (
                Invariant::I3,
                format!(
                    "all outboxes, {consumers} consumers, {dead_letters} dead letters, {published}"
                ),
            ),
            (
                Invariant::I4,
                format!("{published}, compared with their entities"),
            ),
            (Invariant::I5, format!("{payments} payments")),
            (Invariant::I6, format!("{unpaid} unpaid orders")),
            (Invariant::I7, format!("{replicas} replicas")),
            (
                Invariant::I8,
                format!(
                    "{accounts} accounts, and all entities in the stream; what else was acknowledged is not known without a client's log"
                ),
            ),
        ]
    }
}
