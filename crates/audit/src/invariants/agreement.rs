//! I7: replicas agree with their owners.

use bson::oid::ObjectId;

use crate::documents::{Order, OrderReplica, OrderStatus, Ticket};
use crate::snapshot::Snapshot;
use crate::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let databases = &snapshot.databases;
    let tickets = databases.tickets.values();
    let tickets = tickets.filter_map(|owner| {
        let replica = databases.ticket_replicas.get(&owner.id);
        let agrees = replica.is_some_and(|replica| same_ticket(owner, replica));
        (!agrees).then(|| differs("ticket", owner.id, owner, replica, "orders"))
    });
    let orders = databases.orders.values();
    let orders = orders.filter_map(|owner| {
        let replica = databases.order_replicas.get(&owner.id);
        let agrees = replica.is_some_and(|replica| same_order(owner, replica));
        (!agrees).then(|| differs("order", owner.id, owner, replica, "payments"))
    });
    let stray_tickets = databases.ticket_replicas.keys();
    let stray_tickets = stray_tickets
        .filter(|id| !databases.tickets.contains_key(id))
        .map(|id| stray("ticket", *id, "orders"));
    let stray_orders = databases.order_replicas.keys();
    let stray_orders = stray_orders
        .filter(|id| !databases.orders.contains_key(id))
        .map(|id| stray("order", *id, "payments"));
    let different = tickets.chain(orders);
    different.chain(stray_tickets).chain(stray_orders).collect()
}

fn same_ticket(owner: &Ticket, replica: &Ticket) -> bool {
    owner.version == replica.version
        && owner.title == replica.title
        && owner.price_cents == replica.price_cents
        && owner.user_id == replica.user_id
        && owner.order_id == replica.order_id
}

/// Only the creation and the cancellation of an order are published, so a replica may be older than an order that
/// awaits payment or is complete. It is cancelled if and only if the order is.
fn same_order(owner: &Order, replica: &OrderReplica) -> bool {
    let same = replica.user_id == owner.user_id
        && replica.price_cents == owner.ticket.price_cents
        && replica.expires_at == owner.expires_at;
    let cancelled = owner.status == OrderStatus::Cancelled;
    let same_version = replica.version == owner.version && replica.status == owner.status;
    let older = replica.version < owner.version && replica.status.is_live();
    same && (same_version || (older && !cancelled))
}

fn differs(
    kind: &str,
    id: ObjectId,
    owner: &impl ToString,
    replica: Option<&impl ToString>,
    holder: &str,
) -> Violation {
    let owner = owner.to_string();
    let message = match replica {
        Some(replica) => {
            let replica = replica.to_string();
            format!("{kind} {id} is ({owner}); {holder} has ({replica})")
        }
        None => format!("{kind} {id} is ({owner}); {holder} has no replica"),
    };
    Violation::new(Invariant::I7, [&id], message)
}

fn stray(kind: &str, id: ObjectId, holder: &str) -> Violation {
    let message = format!("{holder} has a replica of {kind} {id}, which does not exist");
    Violation::new(Invariant::I7, [&id], message)
}
