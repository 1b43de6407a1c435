//! The price that the buyer saw.

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
async fn an_order_at_a_price_other_than_the_tickets_is_refused() {
    let app = start().await;
    let (buyer, ticket) = (app.user(), ticket_for_sale(&app).await);
    assert_changed(&order_at(&buyer, &ticket, json!(19.98)).await);
    let placed = order_at(&buyer, &ticket, json!(19.99)).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(placed.json["ticket"]["price"], json!(19.99));
    // The same applies to a repeated request.
    assert_changed(&order_at(&buyer, &ticket, json!(20)).await);
    assert_eq!(
        order_at(&buyer, &ticket, json!(19.99)).await.id(),
        placed.id()
    );
    app.finish().await;
}

#[tokio::test]
async fn a_shown_price_that_the_replica_lacks_is_waited_for() {
    let app = start().await;
    let (buyer, mut ticket) = (app.user(), ticket_for_sale(&app).await);
    ticket.version = 1;
    ticket.price = Price::from_cents(2_500).unwrap();
    let publishing = async {
        // Late, but well within a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.publish(Event::TicketUpdated(ticket.clone())).await;
    };
    let (placed, ()) = tokio::join!(order_at(&buyer, &ticket, json!(25)), publishing);
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(placed.json["ticket"]["price"], json!(25));
    app.finish().await;
}

#[tokio::test]
async fn an_invalid_price_is_reported() {
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
