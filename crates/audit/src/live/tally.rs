//! What was looked at, in figures.

use bson::oid::ObjectId;

use super::gathering::Roots;
use crate::documents::Standing;
use crate::snapshot::Snapshot;
use crate::violation::Invariant;

/// How many of everything.
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
    pub(super) letters: usize,
    pub(super) consumers: usize,
}

impl Tally {
    /// Adds what a page was for, and not what was read beside it.
    pub(super) fn add(&mut self, snapshot: &Snapshot, page: &Roots) {
        let databases = &snapshot.databases;
        let count = |there: &dyn Fn(&ObjectId) -> bool,
                     ids: &std::collections::BTreeSet<ObjectId>| {
            ids.iter().filter(|id| there(id)).count()
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
            self.complete += usize::from(order.status == Standing::Complete);
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

    /// In words, by invariant. What was not asked is said.
    pub(super) fn words(&self, stripe: Option<usize>, stream: bool) -> Vec<(Invariant, String)> {
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
            letters,
            consumers,
        } = self;
        let by_whom = match stripe {
            None => "by what payments recorded, since Stripe was not asked",
            Some(0) => "by Stripe's account",
            Some(_) => "by Stripe's account, but for charges that name no order",
        };
        let told = match (stream, unreadable) {
            (false, _) => "the stream was not read".to_owned(),
            (true, 0) => format!("{events} events in the stream"),
            (true, _) => {
                format!("{events} events in the stream and {unreadable} that nobody can read")
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
                    "{complete} complete orders, {charges} charges of {charged} cents, {refunded} cents refunded, {by_whom}"
                ),
            ),
            (
                Invariant::I3,
                format!("all outboxes, {consumers} consumers, {letters} dead letters, {told}"),
            ),
            (
                Invariant::I4,
                format!("{told}, against what their owners have"),
            ),
            (Invariant::I5, format!("{payments} payments")),
            (Invariant::I6, format!("{unpaid} unpaid orders")),
            (Invariant::I7, format!("{replicas} replicas")),
            (
                Invariant::I8,
                format!(
                    "{accounts} accounts, and everything that the stream told of; without a client's log it is not known what else was acknowledged"
                ),
            ),
        ]
    }
}
