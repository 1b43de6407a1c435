//! I4 in the stream: all events of one version describe the same state, and the latest one describes the state in the
//! entity's own database.

use std::collections::HashMap;

use bson::oid::ObjectId;
use serde_json::Value;

use crate::documents::{Payment, PaymentStatus};
use crate::events::{
    EventIndex, Kind, TicketState, cents_in, describes_expiry, describes_order, id_in,
};
use crate::snapshot::{Snapshot, Stream, StreamEvent};
use crate::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot, stream: &Stream) -> Vec<Violation> {
    let index = EventIndex::new(stream);
    let owners = Owners::of(snapshot);
    let mut violations: Vec<_> = index
        .unreadable
        .iter()
        .map(|event| unreadable(event))
        .collect();
    for (&(kind, id), versions) in &index.of {
        for (&version, events) in versions {
            violations.extend(two_states(kind, id, version, events));
        }
        let Some(current) = owners.version(kind, id) else {
            let message = format!("{kind} {id} has events and does not exist");
            violations.push(Violation::new(Invariant::I4, [&id], message));
            continue;
        };
        if let Some((&latest, events)) = versions.last_key_value() {
            if latest > current {
                violations.push(ahead(kind, id, current, events[0]));
            } else if latest == current && !owners.match_event(kind, id, &events[0].body) {
                violations.push(contradicted(kind, id, &owners, events[0]));
            }
        }
    }
    violations
}

fn unreadable(event: &StreamEvent) -> Violation {
    let StreamEvent {
        sequence,
        subject,
        body,
    } = event;
    let message = format!("event {sequence} of the stream is unreadable: {subject} {body}");
    Violation::new(Invariant::I4, [sequence], message)
}

fn two_states(
    kind: Kind,
    id: ObjectId,
    version: i64,
    events: &[&StreamEvent],
) -> Option<Violation> {
    let (first, rest) = events.split_first()?;
    let same = |other: &&&StreamEvent| other.subject == first.subject && other.body == first.body;
    let other = rest.iter().find(|other| !same(other))?;
    let message = format!(
        "version {version} of {kind} {id} was published in two states: {} {} (event {}) and {} {} (event {})",
        first.subject, first.body, first.sequence, other.subject, other.body, other.sequence
    );
    Some(Violation::new(Invariant::I4, [&id], message))
}

fn ahead(kind: Kind, id: ObjectId, current: i64, event: &StreamEvent) -> Violation {
    let message = format!(
        "{kind} {id} is at version {current}, and event {} has a later one: {}",
        event.sequence, event.body
    );
    Violation::new(Invariant::I4, [&id], message)
}

fn contradicted(kind: Kind, id: ObjectId, owners: &Owners<'_>, event: &StreamEvent) -> Violation {
    let message = format!(
        "{kind} {id} is ({}), and event {} contradicts it: {}",
        owners.state(kind, id),
        event.sequence,
        event.body
    );
    Violation::new(Invariant::I4, [&id], message)
}

/// The entities that events describe, in their own databases.
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

    /// Whether the body of the latest event describes the present state.
    fn match_event(&self, kind: Kind, id: ObjectId, body: &Value) -> bool {
        let databases = &self.snapshot.databases;
        match kind {
            Kind::Ticket => {
                let ticket = databases.tickets.get(&id);
                ticket.is_some_and(|ticket| TicketState::of(body).is(ticket))
            }
            Kind::Order => {
                let order = databases.orders.get(&id);
                order.is_some_and(|order| describes_order(body, order))
            }
            Kind::Payment => {
                let payment = self.payments.get(&id);
                payment.is_some_and(|payment| describes_payment(body, payment))
            }
            Kind::Expiration => {
                let order = databases.orders.get(&id);
                order.is_some_and(|order| describes_expiry(body, order))
            }
        }
    }
}

fn describes_payment(body: &Value, payment: &Payment) -> bool {
    let refund = match &payment.status {
        PaymentStatus::Refunded { refund_id, .. } => Some(refund_id.as_str()),
        _ => None,
    };
    let charge = payment.status.charge().map(|(_, charge)| charge);
    id_in(body, "orderId") == Some(payment.order_id)
        && cents_in(body) == payment.price_cents
        && body["chargeId"].as_str() == charge
        && body["refundId"].as_str() == refund
}
