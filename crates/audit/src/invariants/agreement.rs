//! I7: replicas agree with their owners.

use bson::oid::ObjectId;

use crate::documents::{Order, OrderReplica, Standing, Ticket};
use crate::snapshot::Snapshot;
use crate::violation::{Invariant, Violation};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Violation> {
    let databases = &snapshot.databases;
    let tickets = databases.tickets.values();
    let tickets = tickets.filter_map(|owner| {
        let replica = databases.ticket_replicas.get(&owner.id);
        let agrees = replica.is_some_and(|replica| same_ticket(owner, replica));
        (!agrees).then(|| apart("ticket", owner.id, owner, replica, "orders"))
    });
    let orders = databases.orders.values();
    let orders = orders.filter_map(|owner| {
        let replica = databases.order_replicas.get(&owner.id);
        let agrees = replica.is_some_and(|replica| tells_of(replica, owner));
        (!agrees).then(|| apart("order", owner.id, owner, replica, "payments"))
    });
    let strange_tickets = databases.ticket_replicas.keys();
    let strange_tickets = strange_tickets
        .filter(|id| !databases.tickets.contains_key(id))
        .map(|id| strange("ticket", *id, "orders"));
    let strange_orders = databases.order_replicas.keys();
    let strange_orders = strange_orders
        .filter(|id| !databases.orders.contains_key(id))
        .map(|id| strange("order", *id, "payments"));
    let unlike = tickets.chain(orders);
    unlike
        .chain(strange_tickets)
        .chain(strange_orders)
        .collect()
}

fn same_ticket(owner: &Ticket, replica: &Ticket) -> bool {
    owner.version == replica.version
        && owner.title == replica.title
        && owner.price_cents == replica.price_cents
        && owner.user_id == replica.user_id
        && owner.order_id == replica.order_id
}

/// The orders service tells of creations and cancellations only, so a replica may be older than a confirmed or a
/// complete order; it is cancelled exactly if the order is.
fn tells_of(replica: &OrderReplica, owner: &Order) -> bool {
    let same = replica.user_id == owner.user_id
        && replica.price_cents == owner.ticket.price_cents
        && replica.expires_at == owner.expires_at;
    let cancelled = owner.status == Standing::Cancelled;
    let same_version = replica.version == owner.version && replica.status == owner.status;
    let older = replica.version < owner.version && replica.status.is_live();
    same && (same_version || (older && !cancelled))
}

fn apart(
    kind: &str,
    id: ObjectId,
    owner: &impl ToString,
    replica: Option<&impl ToString>,
    holder: &str,
) -> Violation {
    let owner = owner.to_string();
    let words = match replica {
        Some(replica) => {
            let replica = replica.to_string();
            format!("{kind} {id} is ({owner}); {holder} has ({replica})")
        }
        None => format!("{kind} {id} is ({owner}); {holder} never heard of it"),
    };
    Violation::new(Invariant::I7, [&id], words)
}

fn strange(kind: &str, id: ObjectId, holder: &str) -> Violation {
    let words = format!("{holder} has a replica of {kind} {id}, which does not exist");
    Violation::new(Invariant::I7, [&id], words)
}
