//! A ticket has at most one live order, however many want it.

use std::time::{Duration, Instant};

use common::Event;
use futures::future::join_all;
use serde_json::json;
use testkit::eventually;

use crate::{order, path, start, ticket, ticket_for_sale};

#[tokio::test]
async fn of_a_hundred_shoppers_at_once_exactly_one_gets_the_ticket() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    let shoppers: Vec<_> = (0..100).map(|_| app.user()).collect();
    let body = json!({ "ticketId": ticket.id });
    let orders = shoppers
        .iter()
        .map(|shopper| shopper.post("/api/orders", body.clone()));
    let answers = join_all(orders).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 1);
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        // A slow machine tells some of such a crowd to come back.
        let shed = lost.status == 503 && lost.headers.contains_key("retry-after");
        let told = (lost.status, lost.message());
        assert!(
            shed || told == (400, "Ticket is already reserved"),
            "{lost:?}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn who_orders_at_the_same_time_as_others_loses_only_what_they_hold() {
    let app = start().await;
    let mut tickets = Vec::new();
    for _ in 0..20 {
        tickets.push(ticket_for_sale(&app).await);
    }
    let held = order(&app.user(), &tickets[0]).await;
    // Each ticket but the first is wanted twice, and all at once, so that some are placed together.
    let wanted: Vec<_> = tickets.iter().chain(&tickets[1..]).collect();
    let orders = wanted.iter().map(async |ticket| {
        let body = json!({ "ticketId": ticket.id });
        app.user().post("/api/orders", body).await.status
    });
    let answers = join_all(orders).await;
    assert_eq!(answers[0], 400, "it is held by {held:?}");
    let won = answers.iter().filter(|status| **status == 201).count();
    assert_eq!(won, 19, "{answers:?}");
    for (index, ticket) in tickets.iter().enumerate().skip(1) {
        let of_it = [answers[index], answers[index + 19]];
        assert!(
            of_it.contains(&201) && of_it.contains(&400),
            "{ticket:?}: {of_it:?}"
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn a_cancelled_ticket_can_be_ordered_again_at_once() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    for _ in 0..20 {
        let buyer = app.user();
        let order = order(&buyer, &ticket).await;
        assert_eq!(buyer.delete(&path(&order)).await.status, 204);
    }
    app.finish().await;
}

#[tokio::test]
async fn shoppers_who_order_and_cancel_at_once_never_hold_it_together() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    let body = json!({ "ticketId": ticket.id });
    let rounds = (0..8).map(async |_| {
        let shopper = app.user();
        for _ in 0..5 {
            let answer = shopper.post("/api/orders", body.clone()).await;
            if answer.status == 201 {
                let cancelled = shopper
                    .delete(&format!("/api/orders/{}", answer.id()))
                    .await;
                assert_eq!(cancelled.status, 204, "{cancelled:?}");
            } else {
                assert_eq!(answer.status, 400, "{answer:?}");
            }
        }
    });
    join_all(rounds).await;
    // Nobody holds it now, so it can be had.
    order(&app.user(), &ticket).await;
    let reservations = app.database().collection::<bson::Document>("reservations");
    assert_eq!(
        reservations.count_documents(bson::doc! {}).await.unwrap(),
        1
    );
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_told_of_within_the_second_is_found() {
    let app = start().await;
    // The consumer is at work once this one has arrived.
    ticket_for_sale(&app).await;
    let (buyer, ticket) = (app.user(), ticket());
    let ordering = order(&buyer, &ticket);
    let telling = async {
        // Late on purpose, and well within the second.
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.publish(Event::TicketCreated(ticket.clone())).await;
    };
    tokio::join!(ordering, telling);
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_that_nobody_tells_of_is_not_found_after_a_second() {
    let app = start().await;
    let asked = Instant::now();
    let answer = app
        .user()
        .post("/api/orders", json!({ "ticketId": ticket().id }))
        .await;
    assert_eq!(answer.status, 404);
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    app.finish().await;
}

#[tokio::test]
async fn the_price_is_the_one_that_was_ordered() {
    let app = start().await;
    let (buyer, mut ticket) = (app.user(), ticket_for_sale(&app).await);
    let order = order(&buyer, &ticket).await;
    ticket.version = 1;
    ticket.price = common::Price::from_cents(999_999).unwrap();
    app.publish(Event::TicketUpdated(ticket.clone())).await;
    let tickets = app.database().collection::<bson::Document>("tickets");
    eventually("the replica is updated", async || {
        let found = tickets.find_one(bson::doc! { "version": 1 }).await.unwrap();
        found.is_some()
    })
    .await;
    assert_eq!(
        crate::show(&buyer, &order).await.ticket.price.cents(),
        1_999
    );
    app.finish().await;
}

#[tokio::test]
async fn a_seller_may_order_their_own_ticket() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    let seller = app.user_with_id(ticket.user_id);
    order(&seller, &ticket).await;
    app.finish().await;
}

#[tokio::test]
async fn the_reservation_decides_whatever_the_replica_says() {
    let app = start().await;
    let held = common::events::TicketState {
        order_id: Some(mongo::new_id()),
        ..ticket()
    };
    app.publish(Event::TicketCreated(held.clone())).await;
    order(&app.user(), &held).await;
    app.finish().await;
}
