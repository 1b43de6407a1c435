//! Replicas of tickets, and reservations that confirm orders.

use common::events::TicketState;
use common::{Event, OrderStatus, Subject};
use testkit::eventually;

use crate::{
    order, path, published_cancellation, replica_version, settled, start, ticket, ticket_for_sale,
    wait_for_status,
};

fn reserved(ticket: &TicketState, order: common::Id<common::id::kind::Order>) -> Event {
    Event::TicketUpdated(TicketState {
        version: ticket.version + 1,
        order_id: Some(order),
        ..ticket.clone()
    })
}

#[tokio::test]
async fn an_older_event_does_not_change_a_replica() {
    let app = start().await;
    let ticket = ticket();
    let version = |version| TicketState {
        version,
        ..ticket.clone()
    };
    // First a version gap, then the older versions, twice.
    app.publish(Event::TicketUpdated(version(5))).await;
    for _ in 0..2 {
        app.publish(Event::TicketCreated(version(0))).await;
        app.publish(Event::TicketUpdated(version(3))).await;
        app.publish(Event::TicketUpdated(version(5))).await;
    }
    let marker = ticket_for_sale(&app).await;
    eventually("all events are applied", async || {
        replica_version(&app, &marker).await.is_some()
            && replica_version(&app, &ticket).await == Some(5)
    })
    .await;
    app.publish(Event::TicketUpdated(version(6))).await;
    eventually("the newer event is applied", async || {
        replica_version(&app, &ticket).await == Some(6)
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn a_reservation_confirms_its_order() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let order = order(&buyer, &ticket).await;
    for _ in 0..2 {
        app.deliver_again(reserved(&ticket, order.id)).await;
    }
    let confirmed = wait_for_status(&buyer, &order, OrderStatus::AwaitingPayment).await;
    assert_eq!(confirmed.version, 1);
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    assert_eq!(published_cancellation(&app, &order).await.version, 2);
    app.finish().await;
}

#[tokio::test]
async fn a_reservation_for_a_cancelled_order_makes_its_cancellation_be_published_again() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let order = order(&buyer, &ticket).await;
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    let first = published_cancellation(&app, &order).await;
    app.publish(reserved(&ticket, order.id)).await;
    let published = eventually("the cancellation is published again", async || {
        let published = app.published(Subject::OrderCancelled).await;
        (published.len() == 2).then_some(published)
    })
    .await;
    assert_eq!(published, vec![Event::OrderCancelled(first); 2]);
    app.finish().await;
}

#[tokio::test]
async fn an_old_reservation_for_a_cancelled_order_publishes_nothing() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let order = order(&buyer, &ticket).await;
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    let released = TicketState {
        version: 2,
        ..ticket.clone()
    };
    app.publish(Event::TicketUpdated(released)).await;
    settled(&app).await;
    app.publish(reserved(&ticket, order.id)).await;
    settled(&app).await;
    assert_eq!(app.published(Subject::OrderCancelled).await.len(), 1);
    assert_eq!(replica_version(&app, &ticket).await, Some(2));
    app.finish().await;
}

#[tokio::test]
async fn a_reservation_for_an_unknown_order_is_only_replicated() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    app.publish(reserved(&ticket, mongo::new_id())).await;
    eventually("the event is applied", async || {
        replica_version(&app, &ticket).await == Some(1)
    })
    .await;
    app.finish().await;
}
