//! The list of the user's own tickets.

use common::Event;
use serde_json::json;
use testkit::eventually;

use crate::{order_of, sell, show, start};

#[tokio::test]
async fn own_tickets_are_listed_even_if_they_are_reserved() {
    let app = start().await;
    let (seller, other) = (app.user(), app.user());
    let mut own = Vec::new();
    for title in ["A", "B", "C"] {
        own.push(sell(&seller, title, json!(1)).await);
        sell(&other, "Not mine", json!(1)).await;
    }
    let reserved = &own[1];
    app.publish(Event::OrderCreated(order_of(reserved))).await;
    eventually("the ticket is reserved", async || {
        show(&other, reserved).await.order_id.is_some()
    })
    .await;
    let first = seller.get("/api/tickets/mine?limit=2").await;
    assert_eq!(first.status, 200);
    let rest = seller.get(&first.next_page().unwrap()).await;
    assert_eq!(rest.next_page(), None);
    let pages = [first.json, rest.json];
    let listed = pages.iter().flat_map(|page| page.as_array().unwrap());
    let listed: Vec<_> = listed.map(|ticket| ticket["id"].clone()).collect();
    let newest_first = own.iter().rev().map(|ticket| json!(ticket.id));
    assert_eq!(listed, newest_first.collect::<Vec<_>>());
    assert_eq!(app.user().get("/api/tickets/mine").await.json, json!([]));
    app.finish().await;
}

#[tokio::test]
async fn the_list_requires_a_session() {
    let app = start().await;
    let path = "/api/tickets/mine";
    let answer = app.anonymous().get(path).await;
    assert_eq!((answer.status, answer.message()), (401, "Not authorized"));
    let wrong = format!("{path}?limit=x");
    assert_eq!(app.anonymous().get(&wrong).await.status, 401);
    assert_eq!(app.user().get(&wrong).await.status, 400);
    app.finish().await;
}
