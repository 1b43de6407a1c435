//! What the stream and the answers of the API show.

use serde_json::{Value, json};

use super::{World, check, finds};
use crate::acknowledged::Acknowledged;
use crate::sample::{self, BUYER, CANCELLED, COMPLETE, FREE, HELD, PAYMENT, SELLER, SOLD};
use crate::snapshot::{Reach, Slice, Told};
use crate::violation::Invariant::{I3, I4, I8};

/// The first event about this one in this version.
fn told(world: &mut World, id: bson::oid::ObjectId, version: u64) -> &mut Told {
    let id = Value::from(id.to_hex());
    let mut events = world.stream.events.iter_mut();
    let event = events.find(|told| told.body["id"] == id && told.body["version"] == version);
    event.unwrap()
}

fn forget(world: &mut World, subject: &str) {
    world.stream.events.retain(|told| told.subject != subject);
}

#[test]
fn one_version_told_in_two_states_is_found() {
    finds(I4, "was told of in two states", |world| {
        let mut other = told(world, SOLD, 1).clone();
        other.body["price"] = json!(20);
        world.stream.events.push(other);
    });
    finds(I4, "was told of in two states", |world| {
        let mut other = told(world, CANCELLED, 2).clone();
        other.subject = "order:created".to_owned();
        world.stream.events.push(other);
    });
}

#[test]
fn what_the_owner_does_not_stand_by_is_found() {
    finds(I4, "told of a later one", |world| {
        let mut later = told(world, SOLD, 1).clone();
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
        finds(I4, "told otherwise", |world| {
            told(world, entity, version).body[field] = value;
        });
    }
    finds(I4, "was told of and does not exist", |world| {
        world.snapshot.databases.tickets.remove(&FREE);
    });
    finds(I4, "is unreadable", |world| {
        told(world, SOLD, 1).body = Value::Null;
    });
}

#[test]
fn what_was_never_told_is_found() {
    finds(I3, "version 1 is not in the stream", |world| {
        let edited = told(world, FREE, 1).sequence;
        world.stream.events.retain(|told| told.sequence != edited);
    });
    finds(I3, "was made and the stream does not say so", |world| {
        forget(world, "order:created");
    });
    finds(
        I3,
        "was cancelled and the stream does not say so",
        |world| {
            forget(world, "order:cancelled");
        },
    );
    finds(I3, "expired and the stream does not say so", |world| {
        forget(world, "expiration:complete");
    });
    finds(I3, "by a payment:created", |world| {
        forget(world, "payment:created");
    });
    finds(I3, "by a payment:refunded", |world| {
        forget(world, "payment:refunded");
    });
}

#[test]
fn what_left_the_stream_by_its_age_is_not_missed() {
    let found = check(|world| {
        // All ids of the sample are from 1970.
        world.stream.reach = Reach::Since(world.snapshot.taken_at);
        world.stream.events.clear();
    });
    assert_eq!(found, []);
}

#[test]
fn what_another_slice_of_the_stream_tells_is_not_missed() {
    let found = check(|world| {
        world.stream.reach = Reach::Present;
        world.stream.slice = Slice {
            index: 0,
            of: 1_000,
        };
        world.stream.events.clear();
    });
    assert_eq!(found, []);
}

#[test]
fn a_stream_that_began_anew_needs_only_the_present() {
    let found = check(|world| {
        world.stream.reach = Reach::Present;
        let present = |told: &Told| {
            let version = told.body["version"].as_i64();
            told.subject == "order:created" || version.is_some_and(|version| version > 0)
        };
        world.stream.events.retain(present);
        let edited = told(world, FREE, 1).sequence;
        world.stream.events.retain(|told| told.sequence != edited);
    });
    assert_eq!(found, []);
}

#[test]
fn an_effect_that_came_twice_is_found() {
    finds(I3, "a second time in version 5", |world| {
        for (version, holder) in [(4, None), (5, Some(CANCELLED))] {
            let mut event = told(world, FREE, 3).clone();
            event.body["version"] = json!(version);
            if let Some(holder) = holder {
                event.body["orderId"] = json!(holder.to_hex());
            }
            world.stream.events.push(event);
        }
    });
}

#[test]
fn steps_that_are_none_of_a_tickets_are_found() {
    finds(I3, "was edited while it was held", |world| {
        told(world, FREE, 3).body["price"] = json!(5);
    });
    finds(I3, "went from one order to another", |world| {
        told(world, FREE, 3).body["orderId"] = json!(COMPLETE.to_hex());
    });
    finds(I3, "changed in nothing while it was held", |world| {
        told(world, FREE, 3).body["orderId"] = json!(CANCELLED.to_hex());
    });
    finds(I3, "changed its seller", |world| {
        told(world, FREE, 3).body["userId"] = json!(BUYER.to_hex());
    });
    finds(I3, "which in that version was", |world| {
        told(world, FREE, 0).body["price"] = json!(5);
    });
}

#[test]
fn accounts_that_were_lost_are_found() {
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
fn tickets_and_edits_that_were_lost_are_found() {
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
    finds(I8, "was told of as", |world| {
        told(world, FREE, 1).body["title"] = json!("Another");
    });
    finds(I8, "were acknowledged as version 1", |world| {
        let edit = sample::acknowledged().swap_remove(2);
        world.acknowledged.push(edit);
    });
}

#[test]
fn orders_and_payments_that_were_lost_are_found() {
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
        order.unwrap().status = crate::documents::Standing::Cancelled;
    });
}
