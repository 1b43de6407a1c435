//! What must always hold, looked at with every write and when all is quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bson::oid::ObjectId;
use bson::{Bson, Document};
use common::{Event, OrderStatus};
use mongo::object_id;

use crate::fleet::Fleet;
use crate::release::is_left;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sees every write as it happens.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    violations: Vec<Violation>,
    /// The orders that are alive, by ticket.
    alive: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// What was committed: an entity and one of its versions.
    committed: BTreeSet<(ObjectId, i64)>,
}

impl Watch {
    /// A watch over the fleet's databases.
    pub(crate) fn over(fleet: &Fleet) -> Self {
        let watch = Self::default();
        for (memory, owned) in [
            (&fleet.data.tickets, "tickets"),
            (&fleet.data.orders, "orders"),
            (&fleet.data.payments, "payments"),
        ] {
            let watch = watch.clone();
            memory.witness(Arc::new(move |table, before, after| {
                let mut seen = watch.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.write(table, before, after);
                // What a replica says of others was told, and need not be so.
                if let Some(after) = after.filter(|_| table == owned) {
                    seen.commit(after);
                }
            }));
        }
        watch
    }
}

impl Seen {
    fn write(&mut self, table: &str, before: Option<&Document>, after: Option<&Document>) {
        let Some(after) = after else { return };
        if let Some(before) = before {
            self.versions_only_grow(table, before, after);
            self.ends_are_for_ever(table, before, after);
        }
        if table == "orders" && after.contains_key("ticket") {
            self.one_owner(after);
        }
    }

    fn commit(&mut self, after: &Document) {
        let Some(version) = version(after) else {
            return;
        };
        self.committed.insert((id(after), version));
        // A payment is told of by its own id, and stored by its order's.
        if let Ok(payment) = after.get_object_id("payment_id") {
            self.committed.insert((payment, version));
        }
    }

    fn versions_only_grow(&mut self, table: &str, before: &Document, after: &Document) {
        let (was, is) = (version(before), version(after));
        if is < was {
            self.blame(format!(
                "I4: {table} {} went from version {was:?} to {is:?}",
                id(after)
            ));
        }
        if is == was && visible(before) != visible(after) {
            self.blame(format!(
                "I4: {table} changed within a version: {before} to {after}"
            ));
        }
    }

    fn ends_are_for_ever(&mut self, table: &str, before: &Document, after: &Document) {
        let (was, is) = (status(before), status(after));
        let ended = match was {
            // A paid order ends once more if all of its money goes back. A replica does not know why.
            Some(OrderStatus::Complete) => {
                let is_owners = after.contains_key("ticket");
                is != Some(OrderStatus::Cancelled) || (is_owners && !is_refunded(after))
            }
            was => was == Some(OrderStatus::Cancelled),
        };
        if ended && was != is {
            self.blame(format!(
                "I4: {table} {} was {was:?} and is {is:?}",
                id(after)
            ));
        }
    }

    fn one_owner(&mut self, order: &Document) {
        let Some(ticket) = ticket_of(order) else {
            return;
        };
        let alive = self.alive.entry(ticket).or_default();
        if status(order) == Some(OrderStatus::Cancelled) {
            alive.remove(&id(order));
        } else {
            alive.insert(id(order));
        }
        if alive.len() > 1 {
            let words = format!("I1: ticket {ticket} has live orders {alive:?}");
            self.blame(words);
        }
    }

    fn blame(&mut self, words: String) {
        self.violations.push(Violation(words));
    }
}

/// Whether nothing is left to do in the databases or on the way between the services.
pub(crate) fn is_settled(fleet: &Fleet) -> bool {
    fleet.is_quiet() && leftovers(fleet).is_empty()
}

/// What waits in the document's outbox.
fn outbox(document: &Document) -> impl Iterator<Item = &Document> {
    let entries = document.get_array("outbox").into_iter().flatten();
    entries.filter_map(Bson::as_document)
}

/// What is left to do.
fn leftovers(fleet: &Fleet) -> Vec<String> {
    let data = [
        &fleet.data.tickets,
        &fleet.data.orders,
        &fleet.data.payments,
    ];
    let tables = ["tickets", "orders", "payments"];
    let mut left = Vec::new();
    for (memory, table) in data.into_iter().zip(tables) {
        for document in memory.documents(table) {
            let waits = outbox(&document).any(|entry| !is_left(entry));
            let alive = table == "orders" && status(&document).is_some_and(OrderStatus::is_active);
            if waits || alive || document.contains_key("due_at") {
                left.push(format!("{table}: {document}"));
            }
        }
    }
    left
}

/// Everything that is wrong at the end.
pub(crate) fn check(fleet: &Fleet, watch: &Watch, settled: bool) -> Vec<Violation> {
    let seen = watch.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut found = Findings {
        violations: seen.violations.clone(),
    };
    if !settled {
        found.blame(format!("never quiet; left to do: {:?}", leftovers(fleet)));
    }
    for scandal in &fleet.books.borrow().scandals {
        found.blame(scandal.clone());
    }
    for contradiction in fleet.stream.contradictions() {
        found.blame(format!("I4: one version told differently: {contradiction}"));
    }
    let world = Ended::of(fleet);
    found.money(&world, fleet);
    found.holders(&world);
    found.replicas(&world);
    found.acknowledged(&world, fleet);
    found.told(&world, fleet, &seen);
    found.left(&world, fleet);
    found.violations
}

/// The databases when all is quiet, by id.
struct Ended {
    tickets: BTreeMap<ObjectId, Document>,
    orders: BTreeMap<ObjectId, Document>,
    reservations: BTreeMap<ObjectId, Document>,
    ticket_replicas: BTreeMap<ObjectId, Document>,
    order_replicas: BTreeMap<ObjectId, Document>,
    payments: BTreeMap<ObjectId, Document>,
}

impl Ended {
    fn of(fleet: &Fleet) -> Self {
        let by_id = |documents: Vec<Document>| {
            let with_id = documents
                .into_iter()
                .map(|document| (id(&document), document));
            with_id.collect()
        };
        let data = &fleet.data;
        Self {
            tickets: by_id(data.tickets.documents("tickets")),
            orders: by_id(data.orders.documents("orders")),
            reservations: by_id(data.orders.documents("reservations")),
            ticket_replicas: by_id(data.orders.documents("tickets")),
            order_replicas: by_id(data.payments.documents("orders")),
            payments: by_id(data.payments.documents("payments")),
        }
    }
}

struct Findings {
    violations: Vec<Violation>,
}

impl Findings {
    fn blame(&mut self, words: String) {
        self.violations.push(Violation(words));
    }

    /// I2 and I5: the price of every complete order is charged once, and kept but for what its payment says was given
    /// back; of everything else nothing is kept, and nothing is given back twice.
    fn money(&mut self, ended: &Ended, fleet: &Fleet) {
        let charges = fleet.stripe.charges();
        for (id, order) in &ended.orders {
            let own: Vec<_> = charges
                .iter()
                .filter(|charge| object_id(charge.order) == *id)
                .collect();
            if own.len() > 1 {
                self.blame(format!(
                    "I2: order {id} was charged {} times: {own:?}",
                    own.len()
                ));
            }
            let kept: i64 = own.iter().map(|charge| charge.kept()).sum();
            let given_back = ended.payments.get(id).map_or(0, given_back);
            let complete = status(order) == Some(OrderStatus::Complete);
            let due = if complete {
                price_of(order) - given_back
            } else {
                0
            };
            if kept != due || (complete && due <= 0) {
                self.blame(format!(
                    "I2: order {id} is {:?}, {due} is due and {kept} was kept: {own:?}",
                    status(order)
                ));
            }
            let refunded = is_refunded(order);
            if refunded && own.is_empty() {
                self.blame(format!("I5: order {id} was never charged, and is refunded"));
            }
        }
    }

    /// I1: whoever paid holds the ticket, and nobody else. A withdrawn ticket is held by itself.
    fn holders(&mut self, ended: &Ended) {
        for (id, ticket) in &ended.tickets {
            let complete = ended.orders.iter().filter(|(_, order)| {
                ticket_of(order) == Some(*id) && status(order) == Some(OrderStatus::Complete)
            });
            let owners: Vec<_> = complete.map(|(id, _)| *id).collect();
            let holder = ticket.get_object_id("order_id").ok();
            let reserved = ended
                .reservations
                .get(id)
                .and_then(|claim| claim.get_object_id("order_id").ok());
            let owner = holder.filter(|holder| holder != id);
            if owners.len() > 1 || owners.first().copied() != owner || holder != reserved {
                self.blame(format!("I1: ticket {id} is owned by {owners:?}, held by {holder:?}, reserved for {reserved:?}"));
            }
        }
    }

    /// I3 and I7: replicas are what their owners are.
    fn replicas(&mut self, ended: &Ended) {
        for (id, ticket) in &ended.tickets {
            let replica = ended.ticket_replicas.get(id);
            let same = ["title", "price_cents", "user_id", "order_id", "version"]
                .into_iter()
                .all(|name| replica.and_then(|replica| replica.get(name)) == ticket.get(name));
            if !same {
                self.blame(format!(
                    "I7: ticket {ticket} is known to orders as {replica:?}"
                ));
            }
        }
        for (id, order) in &ended.orders {
            let replica = ended.order_replicas.get(id);
            let cancelled = |order: &Document| status(order) == Some(OrderStatus::Cancelled);
            if replica.is_none_or(|replica| cancelled(replica) != cancelled(order)) {
                self.blame(format!(
                    "I7: order {order} is known to payments as {replica:?}"
                ));
            }
        }
    }

    /// I8: what was acknowledged is so.
    fn acknowledged(&mut self, ended: &Ended, fleet: &Fleet) {
        let books = fleet.books.borrow();
        for ticket in &books.sold {
            if !ended.tickets.contains_key(&object_id(*ticket)) {
                self.blame(format!("I8: ticket {ticket} is gone"));
            }
        }
        // All of them were put up in the end, and a second try makes no second ticket.
        let (least, more) = (books.for_sale, books.perhaps_for_sale);
        if !(least..=least + more).contains(&ended.tickets.len()) {
            self.blame(format!(
                "I8: {} tickets of {least} that were to be sold, and {more} more at most",
                ended.tickets.len(),
            ));
        }
        for ticket in &books.withdrawn {
            let stored = ended.tickets.get(&object_id(*ticket));
            // By itself, or by an order that was paid before; that it is so is looked at elsewhere.
            if stored.is_none_or(|stored| stored.get_object_id("order_id").is_err()) {
                self.blame(format!("I8: ticket {ticket} was withdrawn: {stored:?}"));
            }
        }
        for (ticket, edited, cents) in &books.edited {
            let stored = ended.tickets.get(&object_id(*ticket));
            let now = stored.and_then(version);
            let told = i64::try_from(*edited).ok();
            let price = stored.and_then(|stored| stored.get_i64("price_cents").ok());
            if now < told || (now == told && price != Some(*cents)) {
                self.blame(format!(
                    "I8: version {edited} of ticket {ticket} at {cents} is lost: {stored:?}"
                ));
            }
        }
        for (order, ticket) in &books.placed {
            let stored = ended.orders.get(&object_id(*order));
            if stored.and_then(ticket_of) != Some(object_id(*ticket)) {
                self.blame(format!("I8: order {order} is gone"));
            }
        }
        for order in &books.cancelled {
            let stored = ended.orders.get(&object_id(*order)).and_then(status);
            if stored != Some(OrderStatus::Cancelled) {
                self.blame(format!("I8: order {order} was given up and is {stored:?}"));
            }
        }
        for (order, payment) in &books.paid {
            let stored = ended.payments.get(&object_id(*order));
            let same = stored.and_then(|stored| stored.get_object_id("payment_id").ok())
                == Some(object_id(*payment));
            let charged = fleet
                .stripe
                .charges()
                .iter()
                .any(|charge| charge.order == *order);
            if !same || !charged {
                self.blame(format!(
                    "I8: payment {payment} of order {order} is not there: {stored:?}"
                ));
            }
        }
    }

    /// I3: what no running release can publish waits for one that can.
    fn left(&mut self, ended: &Ended, fleet: &Fleet) {
        for (ticket, written) in &fleet.books.borrow().rolled_back {
            let stored = ended.tickets.get(&object_id(*ticket));
            let left = stored
                .into_iter()
                .flat_map(outbox)
                .filter(|entry| is_left(entry));
            let left = left.count();
            if left != *written {
                self.blame(format!(
                    "I3: of {written} events of another release {left} are left in ticket {ticket}"
                ));
            }
        }
    }

    /// I3: only what was committed was told of, and all of it was.
    fn told(&mut self, ended: &Ended, fleet: &Fleet, seen: &Seen) {
        let mut told = BTreeSet::new();
        for event in fleet.stream.events() {
            let Some(version) = event.version() else {
                continue;
            };
            let entity = ObjectId::parse_str(event.entity_id()).expect("an id");
            let version = i64::try_from(version).expect("a small version");
            told.insert((entity, version, matches!(event, Event::OrderCancelled(_))));
            if !seen.committed.contains(&(entity, version)) {
                self.blame(format!("I3: told of what never was: {event:?}"));
            }
        }
        for (id, ticket) in &ended.tickets {
            for version in 0..=version(ticket).unwrap_or(0) {
                if !told.contains(&(*id, version, false)) {
                    self.blame(format!(
                        "I3: version {version} of ticket {id} was never told of"
                    ));
                }
            }
        }
        for (id, order) in &ended.orders {
            let cancelled = status(order) == Some(OrderStatus::Cancelled);
            let end = version(order).unwrap_or(0);
            if !told.contains(&(*id, 0, false)) || (cancelled && !told.contains(&(*id, end, true)))
            {
                self.blame(format!("I3: not all was told of order {order}"));
            }
        }
    }
}

fn id(document: &Document) -> ObjectId {
    document.get_object_id("_id").unwrap_or_default()
}

fn version(document: &Document) -> Option<i64> {
    document.get_i64("version").ok()
}

fn ticket_of(order: &Document) -> Option<ObjectId> {
    order.get_document("ticket").ok()?.get_object_id("id").ok()
}

/// Whether an order was cancelled since its money went back.
fn is_refunded(order: &Document) -> bool {
    order.get_bool("refunded").unwrap_or(false)
}

/// What went back of a payment, in cents, by its own account.
fn given_back(payment: &Document) -> i64 {
    payment.get_i64("given_back_cents").unwrap_or(0)
}

fn price_of(order: &Document) -> i64 {
    let ticket = order.get_document("ticket").ok();
    ticket
        .and_then(|ticket| ticket.get_i64("price_cents").ok())
        .unwrap_or(0)
}

fn status(document: &Document) -> Option<OrderStatus> {
    document.get_str("status").ok()?.parse().ok()
}

/// What the world may see of a document.
fn visible(document: &Document) -> BTreeMap<&String, &Bson> {
    let hidden = ["outbox", "due_at", "tries", "released"];
    document
        .iter()
        .filter(|(name, _)| !hidden.contains(&name.as_str()))
        .collect()
}
