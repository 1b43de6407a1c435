//! The data of a small sound fleet, for tests to damage.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use common::{Id, Price, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::QUEUE_GROUPS;
use super::acknowledged::Acknowledged;
use super::documents::{Order, OrderReplica, Payment, Ticket};
use super::ledger::{Charge, Declined, Ledger};
use super::snapshot::{Backlog, Databases, Snapshot, Stream};
use super::sources::by_id;

/// When the snapshot was taken, in milliseconds.
pub(crate) const NOW: i64 = 1_700_000_100_000;

pub(crate) const SELLER: ObjectId = id(1);
pub(crate) const BUYER: ObjectId = id(2);
/// Sold.
pub(crate) const SOLD: ObjectId = id(10);
/// For sale again, after the refund of an order that was paid too late.
pub(crate) const FREE: ObjectId = id(11);
/// Held by an order that awaits payment.
pub(crate) const HELD: ObjectId = id(12);
pub(crate) const COMPLETE: ObjectId = id(20);
pub(crate) const CANCELLED: ObjectId = id(21);
pub(crate) const ACTIVE: ObjectId = id(22);
pub(crate) const PAYMENT: ObjectId = id(30);
pub(crate) const REFUND: ObjectId = id(31);

pub(crate) const fn id(number: u8) -> ObjectId {
    ObjectId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number])
}

fn read<D: DeserializeOwned>(document: Document) -> D {
    bson::deserialize_from_document(document).expect("as a service stores it")
}

fn seconds_from_now(seconds: i64) -> DateTime {
    DateTime::from_millis(NOW + seconds * 1_000)
}

fn ticket(id: ObjectId, holder: Option<ObjectId>, version: i64) -> Document {
    let title = format!("Seat {}", id.bytes()[11]);
    doc! {
        "_id": id, "title": title, "price_cents": 1_999_i64, "user_id": SELLER, "order_id": holder,
        "version": version,
    }
}

fn owned(ticket: Document, released: &[ObjectId]) -> Document {
    let mut ticket = ticket;
    ticket.insert("released", released.to_vec());
    ticket.insert("outbox", Vec::<Bson>::new());
    ticket
}

fn order(id: ObjectId, ticket: ObjectId, status: &str, version: i64, expires_in: i64) -> Document {
    let reason = (status == "cancelled").then_some("expired");
    let title = format!("Seat {}", ticket.bytes()[11]);
    doc! {
        "_id": id, "user_id": BUYER, "status": status, "expires_at": seconds_from_now(expires_in),
        "ticket": { "id": ticket, "title": title, "price_cents": 1_999_i64, "version": 0_i64 },
        "reason": reason, "version": version, "outbox": [],
    }
}

fn order_replica(id: ObjectId, status: &str, version: i64, expires_in: i64) -> Document {
    doc! {
        "_id": id, "user_id": BUYER, "status": status, "price_cents": 1_999_i64,
        "expires_at": seconds_from_now(expires_in), "version": version,
    }
}

fn databases() -> Databases {
    let tickets = [
        (ticket(SOLD, Some(COMPLETE), 1), [].as_slice()),
        (ticket(FREE, None, 3), &[CANCELLED]),
        (ticket(HELD, Some(ACTIVE), 1), &[]),
    ];
    let orders = [
        order(COMPLETE, SOLD, "complete", 2, -50),
        order(CANCELLED, FREE, "cancelled", 2, -40),
        order(ACTIVE, HELD, "awaiting:payment", 1, 30),
    ];
    let order_replicas = [
        order_replica(COMPLETE, "created", 0, -50),
        order_replica(CANCELLED, "cancelled", 2, -40),
        order_replica(ACTIVE, "created", 0, 30),
    ];
    let payments = [
        doc! {
            "_id": COMPLETE, "payment_id": PAYMENT, "price_cents": 1_999_i64, "version": 3_i64, "tries": 0_i64,
            "attempts": [
                { "number": 1_i64, "outcome": { "is": "declined", "code": "no", "message": "No." } },
                { "number": 2_i64, "outcome": { "is": "succeeded" } },
            ],
            "status": { "is": "succeeded", "intent_id": "pi_1", "charge_id": "ch_1" }, "outbox": [],
        },
        doc! {
            "_id": CANCELLED, "payment_id": REFUND, "price_cents": 1_999_i64, "version": 3_i64, "tries": 0_i64,
            "attempts": [{ "number": 1_i64, "outcome": { "is": "succeeded" } }],
            "status": { "is": "refunded", "intent_id": "pi_2", "charge_id": "ch_2", "refund_id": "re_2" },
            "outbox": [],
        },
    ];
    let owned = tickets
        .clone()
        .map(|(stored, released)| read::<Ticket>(owned(stored, released)));
    let replicas = tickets.map(|(stored, _)| read::<Ticket>(stored));
    Databases {
        tickets: by_id(owned.into(), |ticket| ticket.id),
        ticket_replicas: by_id(replicas.into(), |ticket| ticket.id),
        orders: by_id(orders.map(read::<Order>).into(), |order| order.id),
        order_replicas: by_id(order_replicas.map(read::<OrderReplica>).into(), |order| {
            order.id
        }),
        payments: by_id(payments.map(read::<Payment>).into(), |payment| {
            payment.order_id
        }),
    }
}

pub(crate) fn charge(number: u8, order: ObjectId, payment: ObjectId, key: &str) -> Charge {
    Charge {
        intent: format!("pi_{number}"),
        id: format!("ch_{number}"),
        amount: 1_999,
        refunded: 0,
        lost: 0,
        currency: "usd".to_owned(),
        order: Some(order),
        payment: Some(payment),
        created: Some(NOW / 1_000 - 60),
        idempotency_key: Some(key.to_owned()),
    }
}

fn ledger() -> Ledger {
    let refunded = Charge {
        refunded: 1_999,
        ..charge(2, CANCELLED, REFUND, "31-1")
    };
    Ledger {
        charges: vec![charge(1, COMPLETE, PAYMENT, "30-2"), refunded],
        declined: vec![Declined {
            charge: "ch_0".to_owned(),
            idempotency_key: Some("30-1".to_owned()),
        }],
    }
}

/// The snapshot.
pub(crate) fn snapshot() -> Snapshot {
    Snapshot {
        taken_at: Timestamp::from_milliseconds(NOW),
        databases: databases(),
        users: [
            (SELLER, "a@example.com".to_owned()),
            (BUYER, "b@example.com".to_owned()),
        ]
        .into(),
        reservations: [(SOLD, COMPLETE), (HELD, ACTIVE)].into(),
        ledger: ledger(),
        backlogs: QUEUE_GROUPS
            .map(|group| (group, Some(Backlog::default())))
            .into(),
        dead_letters: Vec::new(),
        jobs: [ACTIVE].into(),
    }
}

fn ticket_event(id: ObjectId, holder: Option<ObjectId>, version: i64) -> (&'static str, Value) {
    let subject = if version == 0 {
        "ticket:created"
    } else {
        "ticket:updated"
    };
    let title = format!("Seat {}", id.bytes()[11]);
    let mut body = json!({
        "id": id.to_hex(), "version": version, "title": title, "price": 19.99, "userId": SELLER.to_hex(),
    });
    if let Some(holder) = holder {
        body["orderId"] = holder.to_hex().into();
    }
    (subject, body)
}

fn order_event(
    id: ObjectId,
    ticket: ObjectId,
    version: i64,
    expires_in: i64,
) -> (&'static str, Value) {
    let expires_at = Timestamp::from_milliseconds(NOW + expires_in * 1_000).to_string();
    let mut body = json!({
        "id": id.to_hex(), "version": version, "status": "created", "userId": BUYER.to_hex(),
        "ticketId": ticket.to_hex(), "price": 19.99, "expiresAt": expires_at,
    });
    if version == 0 {
        return ("order:created", body);
    }
    body["status"] = "cancelled".into();
    body["reason"] = "expired".into();
    ("order:cancelled", body)
}

fn payment_event(
    id: ObjectId,
    order: ObjectId,
    version: i64,
    charge: &str,
) -> (&'static str, Value) {
    let mut body = json!({
        "id": id.to_hex(), "version": version, "orderId": order.to_hex(), "chargeId": charge, "price": 19.99,
    });
    if id == REFUND && version == 3 {
        body["refundId"] = "re_2".into();
        return ("payment:refunded", body);
    }
    ("payment:created", body)
}

/// The stream.
pub(crate) fn stream() -> Stream {
    let expiration = order_event(CANCELLED, FREE, 0, -40).1["expiresAt"].clone();
    let expiration = json!({ "orderId": CANCELLED.to_hex(), "expiresAt": expiration });
    Stream::complete([
        ticket_event(SOLD, None, 0),
        ticket_event(FREE, None, 0),
        ticket_event(HELD, None, 0),
        order_event(COMPLETE, SOLD, 0, -50),
        ticket_event(SOLD, Some(COMPLETE), 1),
        payment_event(PAYMENT, COMPLETE, 3, "ch_1"),
        order_event(CANCELLED, FREE, 0, -40),
        ticket_event(FREE, None, 1),
        ticket_event(FREE, Some(CANCELLED), 2),
        ("expiration:complete", expiration),
        order_event(CANCELLED, FREE, 2, -40),
        payment_event(REFUND, CANCELLED, 1, "ch_2"),
        ticket_event(FREE, None, 3),
        payment_event(REFUND, CANCELLED, 3, "ch_2"),
        order_event(ACTIVE, HELD, 0, 30),
        ticket_event(HELD, Some(ACTIVE), 1),
        // StreamEvent again, as after a broken connection.
        ticket_event(SOLD, None, 0),
    ])
}

fn typed<K>(id: ObjectId) -> Id<K> {
    Id::from_bytes(id.bytes())
}

/// What the API acknowledged.
pub(crate) fn acknowledged() -> Vec<Acknowledged> {
    let price = Price::from_cents(1_999).expect("a price");
    vec![
        Acknowledged::SignedUp {
            user: typed(SELLER),
            email: "A@example.com".to_owned(),
        },
        Acknowledged::TicketCreated {
            ticket: typed(SOLD),
            seller: typed(SELLER),
            title: "Seat 10".to_owned(),
            price,
        },
        Acknowledged::TicketEdited {
            ticket: typed(FREE),
            version: 1,
            title: "Seat 11".to_owned(),
            price,
        },
        Acknowledged::OrderPlaced {
            order: typed(COMPLETE),
            ticket: typed(SOLD),
            buyer: typed(BUYER),
            price,
            expires_at: Timestamp::from_milliseconds(NOW - 50_000),
        },
        Acknowledged::Paid {
            order: typed(COMPLETE),
            payment: typed(PAYMENT),
        },
        Acknowledged::OrderCancelled {
            order: typed(CANCELLED),
        },
    ]
}
