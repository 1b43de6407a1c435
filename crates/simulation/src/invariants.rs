//! The invariants at the end of a history: those of `audit`, and a few that only the simulation can check.

use std::collections::BTreeMap;

use audit::documents::{Order, OrderReplica, Payment, Reservation, Ticket};
use audit::ledger::{Charge, Ledger};
use audit::{Databases, Snapshot, Stream};
use bson::oid::ObjectId;
use common::OrderStatus;

use mongo::object_id;
use serde::de::DeserializeOwned;

use crate::fleet::Fleet;
use crate::memory::Memory;
use crate::release::is_unpublishable;
use crate::watch::{Watch, status};

/// Whether nothing is left to do, in the databases or in transit.
pub(crate) fn is_settled(fleet: &Fleet) -> bool {
    fleet.is_quiet() && unfinished(fleet).is_empty()
}

/// The documents with something left to do.
fn unfinished(fleet: &Fleet) -> Vec<String> {
    let data = &fleet.data;
    let tables = [
        (&data.tickets, "tickets"),
        (&data.orders, "orders"),
        (&data.payments, "payments"),
    ];
    let mut unfinished = Vec::new();
    for (memory, table) in tables {
        for document in memory.documents(table) {
            let outbox = document.get_array("outbox").into_iter().flatten();
            let mut ids = outbox.filter_map(|entry| entry.as_document()?.get_str("id").ok());
            let is_active = status(&document).is_some_and(OrderStatus::is_active);
            if ids.any(|id| !is_unpublishable(id))
                || (table == "orders" && is_active)
                || document.contains_key("due_at")
            {
                unfinished.push(format!("{table}: {document}"));
            }
        }
    }
    unfinished
}

/// All violations of a history.
pub(crate) fn check(fleet: &Fleet, watch: &Watch, is_settled: bool) -> Vec<String> {
    let record = fleet.record.borrow();
    let mut violations = watch.violations();
    if !is_settled {
        violations.push(format!("never quiet; left to do: {:?}", unfinished(fleet)));
    }
    violations.extend(record.errors.iter().cloned());
    let mut snapshot = snapshot(fleet);
    // What no running release can publish waits for one that can.
    for (ticket, written) in &record.rolled_back {
        let stored = snapshot.databases.tickets.get_mut(&object_id(*ticket));
        let left = stored.map_or(0, |stored| {
            let outbox = &mut stored.outbox;
            outbox
                .extract_if(.., |entry| is_unpublishable(&entry.id))
                .count()
        });
        if left != *written {
            violations.push(format!(
                "I3: {left} of {written} events of another release are left in ticket {ticket}"
            ));
        }
    }
    // Every ticket was created in the end, and a repeated request creates no second one.
    let (least, tickets) = (record.for_sale, snapshot.databases.tickets.len());
    let most = least + record.maybe_for_sale;
    if !(least..=most).contains(&tickets) {
        violations.push(format!(
            "I8: there are {tickets} tickets instead of {least} to {most}"
        ));
    }
    let found = audit::check(&snapshot, &stream(fleet), &record.acknowledged);
    violations.extend(found.iter().map(ToString::to_string));
    violations
}

fn snapshot(fleet: &Fleet) -> Snapshot {
    let data = &fleet.data;
    let mut snapshot = Snapshot::empty(fleet.clock.now());
    snapshot.databases = Databases {
        tickets: by_id(&data.tickets, "tickets", |ticket: &Ticket| ticket.id),
        ticket_replicas: by_id(&data.orders, "tickets", |ticket: &Ticket| ticket.id),
        orders: by_id(&data.orders, "orders", |order: &Order| order.id),
        order_replicas: by_id(&data.payments, "orders", |order: &OrderReplica| order.id),
        payments: by_id(&data.payments, "payments", |payment: &Payment| {
            payment.order_id
        }),
    };
    let reservations = documents::<Reservation>(&data.orders, "reservations");
    snapshot.reservations = reservations
        .map(|reservation| (reservation.ticket_id, reservation.order_id))
        .collect();
    snapshot.ledger = ledger(fleet, &snapshot.databases.payments);
    snapshot
}

fn by_id<D: DeserializeOwned>(
    memory: &Memory,
    table: &str,
    id: fn(&D) -> ObjectId,
) -> BTreeMap<ObjectId, D> {
    documents(memory, table)
        .map(|document| (id(&document), document))
        .collect()
}

fn documents<D: DeserializeOwned>(memory: &Memory, table: &str) -> impl Iterator<Item = D> {
    memory.documents(table).into_iter().map(|document| {
        bson::deserialize_from_document(document).expect("documents are as the audit knows them")
    })
}

fn ledger(fleet: &Fleet, payments: &BTreeMap<ObjectId, Payment>) -> Ledger {
    let charges = fleet.stripe.charges().into_iter().map(|charge| {
        let order = object_id(charge.order);
        Charge {
            intent: charge.ids.intent,
            id: charge.ids.id,
            amount: charge.cents,
            refunded: charge.refunded,
            lost: charge.lost,
            currency: "usd".to_owned(),
            order: Some(order),
            // The simulated Stripe stores no payment ids.
            payment: payments.get(&order).map(|payment| payment.id),
            created: None,
            idempotency_key: None,
        }
    });
    Ledger {
        charges: charges.collect(),
        declined: Vec::new(),
    }
}

fn stream(fleet: &Fleet) -> Stream {
    Stream::complete(fleet.stream.events().iter().map(|event| {
        let body = serde_json::from_str(&event.to_json());
        (event.subject().as_str(), body.expect("it is JSON"))
    }))
}
