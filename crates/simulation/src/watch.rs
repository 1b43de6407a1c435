//! The invariants that are checked with every write, because the check at the end sees only the last state.
//!
//! `audit` compares samples of a real fleet, which miss writes and may mix older and newer documents. Here every single
//! write is seen in order, so these checks are stricter and share no code with `audit`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bson::oid::ObjectId;
use bson::{Bson, Document};
use common::OrderStatus;

use crate::fleet::Fleet;

/// Checks every write to the databases.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Observed>>);

#[derive(Default)]
struct Observed {
    violations: Vec<String>,
    /// The live orders by ticket.
    live: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
}

impl Watch {
    /// Watches the fleet's databases.
    pub(crate) fn over(fleet: &Fleet) -> Self {
        let watch = Self::default();
        let data = &fleet.data;
        for memory in [&data.tickets, &data.orders, &data.payments] {
            let observed = Arc::clone(&watch.0);
            memory.witness(Arc::new(move |table, before, after| {
                if let Some(after) = after {
                    let mut observed = observed.lock().unwrap_or_else(PoisonError::into_inner);
                    observed.write(table, before, after);
                }
            }));
        }
        watch
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        observed.violations.clone()
    }
}

impl Observed {
    fn write(&mut self, table: &str, before: Option<&Document>, after: &Document) {
        if let Some(before) = before {
            self.versions_only_grow(table, before, after);
            self.final_states_do_not_change(table, before, after);
        }
        if table == "orders" && after.contains_key("ticket") {
            self.one_live_order(after);
        }
    }

    fn versions_only_grow(&mut self, table: &str, before: &Document, after: &Document) {
        let (old, new) = (version(before), version(after));
        if new < old {
            let id = id(after);
            self.report(format!(
                "I4: {table} {id} went from version {old:?} to {new:?}"
            ));
        }
        if new == old && public_fields(before) != public_fields(after) {
            self.report(format!(
                "I4: {table} changed within a version: {before} to {after}"
            ));
        }
    }

    /// A complete order is cancelled if all of its money is returned, and otherwise final. Its replica does not know
    /// why it was cancelled.
    fn final_states_do_not_change(&mut self, table: &str, before: &Document, after: &Document) {
        let (old, new) = (status(before), status(after));
        let is_replica = !after.contains_key("ticket");
        let may_change = match old {
            Some(OrderStatus::Complete) => {
                let is_refunded = after.get_bool("refunded").unwrap_or(false);
                new == Some(OrderStatus::Cancelled) && (is_replica || is_refunded)
            }
            Some(OrderStatus::Cancelled) => false,
            _ => true,
        };
        if old != new && !may_change {
            let id = id(after);
            self.report(format!("I4: {table} {id} was {old:?} and is {new:?}"));
        }
    }

    fn one_live_order(&mut self, order: &Document) {
        let ticket = order.get_document("ticket");
        let Ok(ticket) = ticket.and_then(|ticket| ticket.get_object_id("id")) else {
            return;
        };
        let live = self.live.entry(ticket).or_default();
        if status(order) == Some(OrderStatus::Cancelled) {
            live.remove(&id(order));
        } else {
            live.insert(id(order));
        }
        if live.len() > 1 {
            let message = format!("I1: ticket {ticket} has live orders {live:?}");
            self.report(message);
        }
    }

    fn report(&mut self, message: String) {
        self.violations.push(message);
    }
}

fn id(document: &Document) -> ObjectId {
    document.get_object_id("_id").unwrap_or_default()
}

fn version(document: &Document) -> Option<i64> {
    document.get_i64("version").ok()
}

/// The status of an order or of its replica.
pub(crate) fn status(document: &Document) -> Option<OrderStatus> {
    document.get_str("status").ok()?.parse().ok()
}

/// The fields that a version covers.
fn public_fields(document: &Document) -> BTreeMap<&String, &Bson> {
    let private = ["outbox", "due_at", "tries", "released"];
    document
        .iter()
        .filter(|(name, _)| !private.contains(&name.as_str()))
        .collect()
}
