//! Recovery after crashes, unreadable messages and data loss at the broker.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use common::events::PaymentState;
use common::{Event, OrderStatus, Price, Subject};
use futures::future::join_all;
use messaging::Outgoing;
use mongo::{new_id, object_id};
use serde_json::{Value, json};
use testkit::eventually_within;

use crate::{
    assert_reserved, order, path, payment_of, replica_version, settled, start, ticket,
    ticket_for_sale, wait_for_retry, wait_for_status,
};

#[tokio::test]
async fn an_event_that_a_crashed_process_left_in_an_outbox_is_published_after_the_restart() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    let published = app.expect_event(Subject::OrderCreated, |_| true).await;
    settled(&app).await;
    let Event::OrderCreated(mut left) = published else {
        panic!("{published:?}")
    };
    left.version = 7;
    let left = Event::OrderCreated(left);
    let entry = doc! {
        "id": "left-by-a-crashed-process",
        "subject": "order:created",
        "body": left.to_json(),
        "time": DateTime::now(),
    };
    let orders = app.database().collection::<Document>("orders");
    orders
        .update_one(
            doc! { "_id": object_id(order.id) },
            doc! { "$push": { "outbox": entry } },
        )
        .await
        .unwrap();
    let app = app.crash_and_restart().await;
    let found = app
        .expect_event(Subject::OrderCreated, |event| event.version() == Some(7))
        .await;
    assert_eq!(found, left);
    settled(&app).await;
    assert_eq!(app.published(Subject::OrderCreated).await.len(), 2);
    app.finish().await;
}

#[tokio::test]
async fn a_restart_loses_no_event() {
    let app = start().await;
    let buyer = app.user_with_id(new_id());
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(payment_of(&order)).await;
    let tickets: Vec<_> = (0..100).map(|_| ticket()).collect();
    let burst = tickets.iter().cloned().map(Event::TicketCreated);
    join_all(burst.map(|event| app.publish(event))).await;
    let app = app.restart().await;
    let buyer = app.user_with_id(buyer.user_id());
    wait_for_status(&buyer, &order, OrderStatus::Complete).await;
    for ticket in &tickets {
        // Sooner than the acknowledgement timeout of the broker.
        eventually_within(
            Duration::from_secs(4),
            "every ticket is replicated",
            async || replica_version(&app, ticket).await.is_some(),
        )
        .await;
    }
    app.finish().await;
}

#[tokio::test]
async fn an_unreadable_event_becomes_a_dead_letter_and_blocks_no_other() {
    let app = start().await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    let mut garbage = Outgoing::new("garbage".to_owned(), &payment_of(&order), app.clock().now());
    garbage.body = "garbage".to_owned();
    app.broker().publish(&garbage).await.unwrap();
    app.publish(payment_of(&order)).await;
    wait_for_status(&buyer, &order, OrderStatus::Complete).await;
    let letter = app.take_dead_letter().await;
    assert_eq!(letter.consumer, "orders-service");
    assert_eq!(letter.subject, "payment:created");
    assert_eq!(letter.body, b"garbage");
    assert!(letter.reason.contains("unreadable"), "{}", letter.reason);
    app.finish().await;
}

#[tokio::test]
async fn an_event_about_an_unknown_order_is_retried() {
    let app = start().await;
    let unknown = Event::PaymentCreated(PaymentState {
        id: new_id(),
        version: 1,
        order_id: new_id(),
        charge_id: "ch_1".to_owned(),
        price: Price::from_cents(1_999).unwrap(),
        refund_id: None,
    });
    app.publish(unknown).await;
    wait_for_retry(&app).await;
    let buyer = app.user();
    let order = order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(payment_of(&order)).await;
    wait_for_status(&buyer, &order, OrderStatus::Complete).await;
    app.finish().await;
}

#[tokio::test]
async fn re_emission_publishes_the_state_of_every_order() {
    let app = start().await;
    let buyer = app.user();
    let created = order(&buyer, &ticket_for_sale(&app).await).await;
    let complete = order(&buyer, &ticket_for_sale(&app).await).await;
    app.publish(payment_of(&complete)).await;
    wait_for_status(&buyer, &complete, OrderStatus::Complete).await;
    let cancelled = order(&buyer, &ticket_for_sale(&app).await).await;
    assert_eq!(buyer.delete(&path(&cancelled)).await.status, 204);
    settled(&app).await;
    let published = async |subject, id: &str| {
        let mut published = app.published(subject).await;
        published.retain(|event| event.entity_id() == id);
        published
    };
    let cancellations = published(Subject::OrderCancelled, &cancelled.id.to_string()).await;
    let answer = app.admin().post("/resync", Value::Null).await;
    assert_eq!((answer.status, answer.json), (200, json!({ "events": 3 })));
    for (order, status, version) in [
        (&created, OrderStatus::Created, 0),
        (&complete, OrderStatus::Complete, 1),
    ] {
        let creations = published(Subject::OrderCreated, &order.id.to_string()).await;
        let Some(Event::OrderCreated(last)) = creations.last() else {
            panic!("{creations:?}")
        };
        assert_eq!(creations.len(), 2);
        assert_eq!((last.status, last.version), (status, version));
    }
    let again = published(Subject::OrderCancelled, &cancelled.id.to_string()).await;
    assert_eq!(again, [cancellations.clone(), cancellations].concat());
    let creations = published(Subject::OrderCreated, &cancelled.id.to_string()).await;
    assert_eq!(creations.len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_placed_order_survives_a_crash() {
    let app = start().await;
    let unsold = ticket();
    app.publish(Event::TicketCreated(unsold.clone())).await;
    let buyer = app.user();
    let placed = order(&buyer, &unsold).await;
    let user = buyer.user_id();
    let app = app.crash_and_restart().await;
    let answer = app.user_with_id(user).get(&path(&placed)).await;
    assert_eq!((answer.status, answer.id()), (200, placed.id.to_string()));
    assert_reserved(&app.user(), &unsold).await;
    app.finish().await;
}
