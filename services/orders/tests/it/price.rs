//! The price that the buyer was shown.

use std::time::Duration;

use common::{Event, Price};
use serde_json::{Value, json};
use testkit::{Answer, Api};

use crate::{start, ticket_for_sale};

async fn order_at(buyer: &Api, ticket: &common::events::TicketState, price: Value) -> Answer {
    let body = json!({ "ticketId": ticket.id, "price": price });
    buyer.post("/api/orders", body).await
}

fn assert_changed(answer: &Answer) {
    let errors = json!([{ "message": "Price has changed", "field": "price" }]);
    assert_eq!((answer.status, &answer.json["errors"]), (400, &errors));
}

#[tokio::test]
async fn an_order_at_another_price_than_the_tickets_is_refused() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    assert_changed(&order_at(&buyer, &ticket, json!(19.98)).await);
    let placed = order_at(&buyer, &ticket, json!(19.99)).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(placed.json["ticket"]["price"], json!(19.99));
    // The same of somebody who asks again.
    assert_changed(&order_at(&buyer, &ticket, json!(20)).await);
    assert_eq!(
        order_at(&buyer, &ticket, json!(19.99)).await.id(),
        placed.id()
    );
    app.finish().await;
}

#[tokio::test]
async fn a_price_that_was_shown_before_the_replica_has_it_is_waited_for() {
    let app = start().await;
    let (buyer, mut ticket) = (app.user(), ticket_for_sale(&app).await);
    ticket.version = 1;
    ticket.price = Price::from_cents(2_500).unwrap();
    let telling = async {
        // Late on purpose, and well within the second.
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.publish(Event::TicketUpdated(ticket.clone())).await;
    };
    let (placed, ()) = tokio::join!(order_at(&buyer, &ticket, json!(25)), telling);
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(placed.json["ticket"]["price"], json!(25));
    app.finish().await;
}

#[tokio::test]
async fn a_price_that_is_none_is_named() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    for price in [
        json!(true),
        json!({}),
        json!("much"),
        json!(0),
        json!(-1),
        json!(0.001),
    ] {
        let answer = order_at(&buyer, &ticket, price).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.json["errors"][0]["field"], "price", "{answer:?}");
    }
    app.finish().await;
}
