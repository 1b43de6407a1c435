//! I4, as the stream shows it: one version is one state, whoever tells of it and how often, and nothing was told that
//! its owner does not stand by.

use std::collections::HashMap;

use bson::oid::ObjectId;
use serde_json::Value;

use crate::documents::{Money, Payment};
use crate::snapshot::{Snapshot, Stream, Told};
use crate::told::{Kind, Tales, TicketTale, cents_in, id_in, tells_expiry_of, tells_of_order};
use crate::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot, stream: &Stream) -> Vec<Violation> {
    let tales = Tales::new(stream);
    let owners = Owners::of(snapshot);
    let mut violations: Vec<_> = tales
        .unreadable
        .iter()
        .map(|told| unreadable(told))
        .collect();
    for (&(kind, id), versions) in &tales.of {
        for (&version, told) in versions {
            violations.extend(two_states(kind, id, version, told));
        }
        let Some(current) = owners.version(kind, id) else {
            let words = format!("{kind} {id} was told of and does not exist");
            violations.push(Violation::new(Invariant::I4, [&id], words));
            continue;
        };
        if let Some((&latest, told)) = versions.last_key_value() {
            if latest > current {
                violations.push(ahead(kind, id, current, told[0]));
            } else if latest == current && !owners.stand_by(kind, id, &told[0].body) {
                violations.push(disowned(kind, id, &owners, told[0]));
            }
        }
    }
    violations
}

fn unreadable(told: &Told) -> Violation {
    let Told {
        sequence,
        subject,
        body,
    } = told;
    let words = format!("event {sequence} of the stream is unreadable: {subject} {body}");
    Violation::new(Invariant::I4, [sequence], words)
}

fn two_states(kind: Kind, id: ObjectId, version: i64, told: &[&Told]) -> Option<Violation> {
    let (first, rest) = told.split_first()?;
    let same = |other: &&&Told| other.subject == first.subject && other.body == first.body;
    let other = rest.iter().find(|other| !same(other))?;
    let words = format!(
        "version {version} of {kind} {id} was told of in two states: {} {} (event {}) and {} {} (event {})",
        first.subject, first.body, first.sequence, other.subject, other.body, other.sequence
    );
    Some(Violation::new(Invariant::I4, [&id], words))
}

fn ahead(kind: Kind, id: ObjectId, current: i64, told: &Told) -> Violation {
    let words = format!(
        "{kind} {id} is at version {current}, and event {} told of a later one: {}",
        told.sequence, told.body
    );
    Violation::new(Invariant::I4, [&id], words)
}

fn disowned(kind: Kind, id: ObjectId, owners: &Owners<'_>, told: &Told) -> Violation {
    let words = format!(
        "{kind} {id} is ({}), and event {} told otherwise of that version: {}",
        owners.state(kind, id),
        told.sequence,
        told.body
    );
    Violation::new(Invariant::I4, [&id], words)
}

/// Everything that events tell of, as its owner has it.
struct Owners<'a> {
    snapshot: &'a Snapshot,
    payments: HashMap<ObjectId, &'a Payment>,
}

impl<'a> Owners<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let payments = snapshot.databases.payments.values();
        Self {
            snapshot,
            payments: payments.map(|payment| (payment.id, payment)).collect(),
        }
    }

    fn version(&self, kind: Kind, id: ObjectId) -> Option<i64> {
        let databases = &self.snapshot.databases;
        match kind {
            Kind::Ticket => databases.tickets.get(&id).map(|ticket| ticket.version),
            Kind::Order => databases.orders.get(&id).map(|order| order.version),
            Kind::Payment => self.payments.get(&id).map(|payment| payment.version),
            Kind::Expiration => databases.orders.get(&id).map(|_| 0),
        }
    }

    fn state(&self, kind: Kind, id: ObjectId) -> String {
        let databases = &self.snapshot.databases;
        let state = match kind {
            Kind::Ticket => databases.tickets.get(&id).map(ToString::to_string),
            Kind::Order | Kind::Expiration => databases.orders.get(&id).map(ToString::to_string),
            Kind::Payment => self.payments.get(&id).map(ToString::to_string),
        };
        state.unwrap_or_default()
    }

    /// Whether the owner is as this body tells of its present version.
    fn stand_by(&self, kind: Kind, id: ObjectId, body: &Value) -> bool {
        let databases = &self.snapshot.databases;
        match kind {
            Kind::Ticket => {
                let ticket = databases.tickets.get(&id);
                ticket.is_some_and(|ticket| TicketTale::of(body).is(ticket))
            }
            Kind::Order => {
                let order = databases.orders.get(&id);
                order.is_some_and(|order| tells_of_order(body, order))
            }
            Kind::Payment => {
                let payment = self.payments.get(&id);
                payment.is_some_and(|payment| tells_of_payment(body, payment))
            }
            Kind::Expiration => {
                let order = databases.orders.get(&id);
                order.is_some_and(|order| tells_expiry_of(body, order))
            }
        }
    }
}

fn tells_of_payment(body: &Value, payment: &Payment) -> bool {
    let refund = match &payment.status {
        Money::Refunded { refund_id, .. } => Some(refund_id.as_str()),
        _ => None,
    };
    let charge = payment.status.charge().map(|(_, charge)| charge);
    id_in(body, "orderId") == Some(payment.order_id)
        && cents_in(body) == payment.price_cents
        && body["chargeId"].as_str() == charge
        && body["refundId"].as_str() == refund
}
