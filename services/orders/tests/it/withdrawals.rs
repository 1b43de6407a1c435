//! Withdrawals of tickets, and concurrent orders.

use common::events::TicketState;
use common::{Event, OrderStatus, Subject};
use serde_json::json;
use testkit::{TestApp, eventually};

use crate::{
    expiration_of, order, path, payment_of, published_cancellation, settled, show, start, ticket,
    ticket_for_sale, try_order, wait_for_status,
};

fn withdrawn(ticket: &TicketState) -> Event {
    Event::TicketUpdated(TicketState {
        version: ticket.version + 1,
        withdrawn: true,
        ..ticket.clone()
    })
}

/// Waits until the reservation keeps all orders from the ticket.
async fn wait_until_off_sale(app: &TestApp, ticket: &TicketState) {
    let id = mongo::object_id(ticket.id);
    let reservations = app.database().collection::<bson::Document>("reservations");
    eventually("the ticket is off sale", async || {
        let claim = bson::doc! { "_id": id, "order_id": id };
        reservations.find_one(claim).await.unwrap().map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_withdrawn_ticket_cannot_be_ordered() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    for _ in 0..2 {
        app.deliver_again(withdrawn(&ticket)).await;
    }
    wait_until_off_sale(&app, &ticket).await;
    let refused = try_order(&app.user(), ticket.id).await;
    assert_eq!((refused.status, refused.message()), (404, "Not Found"));
    // A late, older event changes nothing.
    app.deliver_again(Event::TicketCreated(ticket.clone()))
        .await;
    settled(&app).await;
    assert_eq!(try_order(&app.user(), ticket.id).await.status, 404);
    app.finish().await;
}

#[tokio::test]
async fn a_withdrawal_cancels_an_order_placed_before_it_arrived() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let order = order(&buyer, &ticket).await;
    app.publish(withdrawn(&ticket)).await;
    let cancelled = wait_for_status(&buyer, &order, OrderStatus::Cancelled).await;
    assert_eq!(cancelled.reason, None);
    let published = published_cancellation(&app, &order).await;
    assert_eq!((published.version, published.reason), (1, None));
    wait_until_off_sale(&app, &ticket).await;
    assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    app.publish(expiration_of(&order)).await;
    // The payments service refunds this charge.
    app.publish(payment_of(&order)).await;
    settled(&app).await;
    assert_eq!(show(&buyer, &order).await, cancelled);
    app.finish().await;
}

#[tokio::test]
async fn an_order_paid_before_the_withdrawal_stands_and_is_published_again() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let order = order(&buyer, &ticket).await;
    app.publish(payment_of(&order)).await;
    let complete = wait_for_status(&buyer, &order, OrderStatus::Complete).await;
    app.publish(withdrawn(&ticket)).await;
    let of_this = |event: &Event| {
        event.entity_id() == order.id.to_string() && event.version() == Some(complete.version)
    };
    let published = app.expect_event(Subject::OrderCreated, of_this).await;
    let Event::OrderCreated(state) = published else {
        panic!("{published:?}")
    };
    assert_eq!(state.status, OrderStatus::Complete);
    settled(&app).await;
    assert_eq!(show(&buyer, &order).await, complete);
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_whose_first_event_is_its_withdrawal_is_not_found() {
    let app = start().await;
    // Once this ticket is replicated, the consumer is running.
    ticket_for_sale(&app).await;
    let ticket = ticket();
    app.publish(withdrawn(&ticket)).await;
    wait_until_off_sale(&app, &ticket).await;
    assert_eq!(try_order(&app.user(), ticket.id).await.status, 404);
    app.finish().await;
}

#[tokio::test]
async fn no_order_concurrent_with_a_withdrawal_stays_active() {
    let app = start().await;
    for _ in 0..10 {
        let ticket = ticket_for_sale(&app).await;
        let buyers: Vec<_> = (0..4).map(|_| app.user()).collect();
        let orders = buyers.iter().map(|buyer| try_order(buyer, ticket.id));
        let orders = futures::future::join_all(orders);
        let (answers, ()) = tokio::join!(orders, app.publish(withdrawn(&ticket)));
        wait_until_off_sale(&app, &ticket).await;
        for (buyer, answer) in buyers.iter().zip(answers) {
            assert!([201, 400, 404].contains(&answer.status), "{answer:?}");
            if answer.status == 201 {
                let order = serde_json::from_value(answer.json).unwrap();
                wait_for_status(buyer, &order, OrderStatus::Cancelled).await;
            }
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn an_idempotency_key_gives_the_same_order_even_after_a_crash() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    let body = json!({ "ticketId": ticket.id });
    let place = async || buyer.post_once("/api/orders", "key", body.clone()).await;
    let first = place().await;
    assert_eq!(first.status, 201, "{first:?}");
    assert_eq!(place().await.text, first.text);
    // As after a crash before the result was stored.
    app.forget_results().await;
    assert_eq!(place().await.text, first.text);
    // Another user is refused.
    let another = app.user();
    let other = another.post_once("/api/orders", "key", body.clone()).await;
    assert_eq!(
        (other.status, other.message()),
        (400, "Ticket is already reserved")
    );
    // The refusal stays, even after the order is cancelled.
    let cancelled = buyer.delete(&format!("/api/orders/{}", first.id())).await;
    assert_eq!(cancelled.status, 204);
    let again = another.post_once("/api/orders", "key", body.clone()).await;
    assert_eq!(again.text, other.text);
    app.finish().await;
}
