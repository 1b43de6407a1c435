//! Reads some tickets and orders with everything that belongs to them, so that each can be checked.

use std::collections::BTreeSet;

use anyhow::Result;
use bson::oid::ObjectId;

use super::stream_index::StreamIndex;
use crate::access::now;
use crate::documents::{Order, OrderReplica, Payment, Reservation, Ticket};
use crate::ledger::{Charge, Ledger};
use crate::snapshot::Snapshot;
use crate::sources::{Keyed, Sources, by_id};
use crate::stripe::Account;
use crate::violation::Violation;

/// The tickets and orders to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roots {
    pub(super) tickets: BTreeSet<ObjectId>,
    pub(super) orders: BTreeSet<ObjectId>,
}

impl Roots {
    /// What to read again to see whether the violation lasts.
    pub(super) fn of(
        violation: &Violation,
        snapshot: &Snapshot,
        stream_index: &StreamIndex,
    ) -> Self {
        let mut roots = Self::default();
        let payments = snapshot.databases.payments.values();
        for payment in payments {
            if violation.entities.contains(&payment.id.to_hex()) {
                roots.orders.insert(payment.order_id);
            }
        }
        let named = snapshot.ledger.charges.iter();
        let named = named.filter(|charge| violation.entities.contains(&charge.id));
        roots.orders.extend(named.filter_map(|charge| charge.order));
        let ids = violation.entities.iter();
        let ids = ids.filter_map(|entity| ObjectId::parse_str(entity).ok());
        for id in ids {
            // The kind of the id is not known; reading it as another kind finds nothing.
            roots.extend(&stream_index.roots(id));
        }
        roots
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.tickets.extend(&other.tickets);
        self.orders.extend(&other.orders);
    }
}

/// Reads the roots, the orders of these tickets and the tickets of these orders, with reservations, replicas, payments,
/// jobs and charges.
pub(super) async fn gather(
    sources: &Sources,
    account: Option<&Account>,
    roots: &Roots,
) -> Result<Snapshot> {
    let mut snapshot = Snapshot::empty(now());
    let databases = sources.databases();
    let mut fresh = roots.clone();
    let mut known = Roots::default();
    while !(fresh.tickets.is_empty() && fresh.orders.is_empty()) {
        known.extend(&fresh);
        let (tickets, replicas, reservations, orders) = tokio::try_join!(
            databases.of_ids::<Ticket>(Keyed::Tickets, &fresh.tickets),
            databases.of_ids::<Ticket>(Keyed::TicketReplicas, &fresh.tickets),
            databases.of_ids::<Reservation>(Keyed::Reservations, &fresh.tickets),
            databases.of_ids::<Order>(Keyed::Orders, &fresh.orders),
        )?;
        let holders = tickets.iter().filter_map(Ticket::holder);
        let reserved = reservations.iter().map(|claim| claim.order_id);
        let next = Roots {
            tickets: orders.iter().map(|order| order.ticket.id).collect(),
            orders: holders.chain(reserved).collect(),
        };
        let read = &mut snapshot.databases;
        read.tickets.extend(by_id(tickets, |ticket| ticket.id));
        read.ticket_replicas
            .extend(by_id(replicas, |ticket| ticket.id));
        read.orders.extend(by_id(orders, |order| order.id));
        let claims = reservations.into_iter();
        snapshot
            .reservations
            .extend(claims.map(|claim| (claim.ticket_id, claim.order_id)));
        fresh = Roots {
            tickets: &next.tickets - &known.tickets,
            orders: &next.orders - &known.orders,
        };
    }
    let replicas = databases.of_ids::<OrderReplica>(Keyed::OrderReplicas, &known.orders);
    let payments = databases.of_ids::<Payment>(Keyed::Payments, &known.orders);
    let active = snapshot.databases.orders.values();
    let active: Vec<_> = active
        .filter(|order| order.status.is_active())
        .map(|order| order.id)
        .collect();
    let jobs = sources.queue().jobs_among(&active);
    let (replicas, payments, jobs) = tokio::try_join!(replicas, payments, jobs)?;
    snapshot.jobs = jobs;
    snapshot.databases.order_replicas = by_id(replicas, |order| order.id);
    snapshot.ledger = match account {
        Some(account) => account.of(&known.orders),
        None => Ledger {
            charges: payments.iter().filter_map(Charge::recorded).collect(),
            declined: Vec::new(),
        },
    };
    snapshot.databases.payments = by_id(payments, |payment| payment.order_id);
    Ok(snapshot)
}
