//! Violations that the stream and the API's acknowledgements show.

use serde_json::{Value, json};

use super::{World, check_after, finds};
use crate::acknowledged::Acknowledged;
use crate::fixture::{self, BUYER, CANCELLED, COMPLETE, FREE, HELD, PAYMENT, SELLER, SOLD};
use crate::snapshot::{Coverage, Slice, StreamEvent};
use crate::violation::Invariant::{I3, I4, I8};

/// The first event of this version of the entity.
fn event(world: &mut World, id: bson::oid::ObjectId, version: u64) -> &mut StreamEvent {
    let id = Value::from(id.to_hex());
    let mut events = world.stream.events.iter_mut();
    let event = events.find(|event| event.body["id"] == id && event.body["version"] == version);
    event.unwrap()
}

fn forget(world: &mut World, subject: &str) {
    world.stream.events.retain(|event| event.subject != subject);
}

#[test]
fn two_states_of_one_version_are_found() {
    finds(I4, "was published in two states", |world| {
        let mut other = event(world, SOLD, 1).clone();
        other.body["price"] = json!(20);
        world.stream.events.push(other);
    });
    finds(I4, "was published in two states", |world| {
        let mut other = event(world, CANCELLED, 2).clone();
        other.subject = "order:created".to_owned();
        world.stream.events.push(other);
    });
}

#[test]
fn events_that_contradict_their_entity_are_found() {
    finds(I4, "has a later one", |world| {
        let mut later = event(world, SOLD, 1).clone();
        later.body["version"] = json!(2);
        world.stream.events.push(later);
    });
    for (entity, version, field, value) in [
        (HELD, 1, "orderId", json!(COMPLETE.to_hex())),
        (HELD, 1, "title", json!("Another")),
        (CANCELLED, 2, "status", json!("complete")),
        (CANCELLED, 2, "expiresAt", json!("2020-01-01T00:00:00.000Z")),
        (PAYMENT, 3, "chargeId", json!("ch_9")),
    ] {
        finds(I4, "contradicts it", |world| {
            event(world, entity, version).body[field] = value;
        });
    }
    finds(I4, "has events and does not exist", |world| {
        world.snapshot.databases.tickets.remove(&FREE);
    });
    finds(I4, "is unreadable", |world| {
        event(world, SOLD, 1).body = Value::Null;
    });
}

#[test]
fn unpublished_changes_are_found() {
    finds(I3, "version 1 is not in the stream", |world| {
        let edited = event(world, FREE, 1).sequence;
        world.stream.events.retain(|event| event.sequence != edited);
    });
    finds(I3, "the creation of order", |world| {
        forget(world, "order:created");
    });
    finds(I3, "the cancellation of order", |world| {
        forget(world, "order:cancelled");
    });
    finds(I3, "the expiration of order", |world| {
        forget(world, "expiration:complete");
    });
    finds(I3, "has no payment:created", |world| {
        forget(world, "payment:created");
    });
    finds(I3, "has no payment:refunded", |world| {
        forget(world, "payment:refunded");
    });
}

#[test]
fn events_that_left_the_stream_by_age_are_not_missed() {
    let found = check_after(|world| {
        // All ids of the fixture are from 1970.
        world.stream.coverage = Coverage::Since(world.snapshot.taken_at);
        world.stream.events.clear();
    });
    assert_eq!(found, []);
}

#[test]
fn events_of_another_slice_are_not_missed() {
    let found = check_after(|world| {
        world.stream.coverage = Coverage::Present;
        world.stream.slice = Slice {
            index: 0,
            of: 1_000,
        };
        world.stream.events.clear();
    });
    assert_eq!(found, []);
}

#[test]
fn a_new_stream_needs_only_the_present_state() {
    let found = check_after(|world| {
        world.stream.coverage = Coverage::Present;
        let present = |event: &StreamEvent| {
            let version = event.body["version"].as_i64();
            event.subject == "order:created" || version.is_some_and(|version| version > 0)
        };
        world.stream.events.retain(present);
        let edited = event(world, FREE, 1).sequence;
        world.stream.events.retain(|event| event.sequence != edited);
    });
    assert_eq!(found, []);
}

#[test]
fn an_effect_that_occurred_twice_is_found() {
    finds(I3, "a second time in version 5", |world| {
        for (version, holder) in [(4, None), (5, Some(CANCELLED))] {
            let mut event = event(world, FREE, 3).clone();
            event.body["version"] = json!(version);
            if let Some(holder) = holder {
                event.body["orderId"] = json!(holder.to_hex());
            }
            world.stream.events.push(event);
        }
    });
}

#[test]
fn impossible_steps_of_a_ticket_are_found() {
    finds(I3, "was edited while it was held", |world| {
        event(world, FREE, 3).body["price"] = json!(5);
    });
    finds(I3, "went from one order to another", |world| {
        event(world, FREE, 3).body["orderId"] = json!(COMPLETE.to_hex());
    });
    finds(I3, "did not change while it was held", |world| {
        event(world, FREE, 3).body["orderId"] = json!(CANCELLED.to_hex());
    });
    finds(I3, "changed its seller", |world| {
        event(world, FREE, 3).body["userId"] = json!(BUYER.to_hex());
    });
    finds(I3, "which in that version was", |world| {
        event(world, FREE, 0).body["price"] = json!(5);
    });
}

#[test]
fn lost_accounts_are_found() {
    finds(I8, "the account's address is None", |world| {
        world.snapshot.users.remove(&SELLER);
    });
    finds(I8, "have the same address", |world| {
        world
            .snapshot
            .users
            .insert(BUYER, "a@example.com".to_owned());
    });
}

#[test]
fn lost_tickets_and_edits_are_found() {
    finds(I8, "there is no such ticket", |world| {
        world.snapshot.databases.tickets.remove(&SOLD);
    });
    finds(I8, "the seller is", |world| {
        world
            .snapshot
            .databases
            .tickets
            .get_mut(&SOLD)
            .unwrap()
            .user_id = BUYER;
    });
    finds(I8, "the ticket is (version 0", |world| {
        world
            .snapshot
            .databases
            .tickets
            .get_mut(&FREE)
            .unwrap()
            .version = 0;
    });
    finds(I8, "the ticket is (version 1, \"Another\"", |world| {
        let ticket = world.snapshot.databases.tickets.get_mut(&FREE).unwrap();
        ticket.version = 1;
        ticket.title = "Another".to_owned();
    });
    finds(I8, "was published as", |world| {
        event(world, FREE, 1).body["title"] = json!("Another");
    });
    finds(I8, "were acknowledged as version 1", |world| {
        let edit = fixture::acknowledged().swap_remove(2);
        world.acknowledged.push(edit);
    });
}

#[test]
fn lost_orders_and_payments_are_found() {
    finds(I8, "there is no such order", |world| {
        world.snapshot.databases.orders.remove(&COMPLETE);
    });
    finds(I8, "the order is", |world| {
        world
            .snapshot
            .databases
            .orders
            .get_mut(&COMPLETE)
            .unwrap()
            .user_id = SELLER;
    });
    finds(I8, "OrderCancelled", |world| {
        let order = Acknowledged::OrderCancelled {
            order: common::Id::from_bytes(COMPLETE.bytes()),
        };
        world.acknowledged.push(order);
    });
    finds(I8, "the order has no payment", |world| {
        world.snapshot.databases.payments.remove(&COMPLETE);
    });
    finds(I8, "the order's payment is", |world| {
        world
            .snapshot
            .databases
            .payments
            .get_mut(&COMPLETE)
            .unwrap()
            .id = SELLER;
    });
    finds(I8, "its order cancelled", |world| {
        let order = world.snapshot.databases.orders.get_mut(&COMPLETE);
        order.unwrap().status = crate::documents::OrderStatus::Cancelled;
    });
}
