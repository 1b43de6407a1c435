//! Placing orders: a ticket has at most one active or paid order.

use std::time::{Duration, Instant};

use common::Event;
use futures::future::join_all;
use testkit::eventually;

use crate::{order, path, start, ticket, ticket_for_sale, try_order};

#[tokio::test]
async fn exactly_one_of_a_hundred_concurrent_shoppers_gets_the_ticket() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    let shoppers: Vec<_> = (0..100).map(|_| app.user()).collect();
    let orders = shoppers.iter().map(|shopper| try_order(shopper, ticket.id));
    let answers = join_all(orders).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 1);
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        // A slow machine sheds some of the load.
        let shed = lost.status == 503 && lost.headers.contains_key("retry-after");
        let reserved = (lost.status, lost.message()) == (400, "Ticket is already reserved");
        assert!(shed || reserved, "{lost:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn concurrent_orders_fail_only_for_reserved_tickets() {
    let app = start().await;
    let mut tickets = Vec::new();
    for _ in 0..20 {
        tickets.push(ticket_for_sale(&app).await);
    }
    let held = order(&app.user(), &tickets[0]).await;
    // Each ticket but the first is ordered twice, and all concurrently, so that some orders share a batch.
    let wanted: Vec<_> = tickets.iter().chain(&tickets[1..]).collect();
    let orders = wanted
        .iter()
        .map(async |ticket| try_order(&app.user(), ticket.id).await.status);
    let answers = join_all(orders).await;
    assert_eq!(answers[0], 400, "the ticket is held by {held:?}");
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
async fn concurrent_orders_and_cancellations_never_give_a_ticket_two_orders() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    let rounds = (0..8).map(async |_| {
        let shopper = app.user();
        for _ in 0..5 {
            let answer = try_order(&shopper, ticket.id).await;
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
    // Nobody holds the ticket now, so it can be ordered.
    order(&app.user(), &ticket).await;
    let reservations = app.database().collection::<bson::Document>("reservations");
    assert_eq!(
        reservations.count_documents(bson::doc! {}).await.unwrap(),
        1
    );
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_that_is_replicated_within_a_second_is_found() {
    let app = start().await;
    // Once this ticket is replicated, the consumer is running.
    ticket_for_sale(&app).await;
    let (buyer, ticket) = (app.user(), ticket());
    let ordering = order(&buyer, &ticket);
    let publishing = async {
        // Late, but well within a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.publish(Event::TicketCreated(ticket.clone())).await;
    };
    tokio::join!(ordering, publishing);
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_ticket_is_not_found_after_a_second() {
    let app = start().await;
    let started = Instant::now();
    let answer = try_order(&app.user(), ticket().id).await;
    assert_eq!(answer.status, 404);
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_later_price_does_not_change_the_order() {
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
async fn sellers_may_order_their_own_tickets() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    let seller = app.user_with_id(ticket.user_id);
    order(&seller, &ticket).await;
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_without_a_reservation_can_be_ordered_even_if_its_replica_has_a_holder() {
    let app = start().await;
    let held = common::events::TicketState {
        order_id: Some(mongo::new_id()),
        ..ticket()
    };
    app.publish(Event::TicketCreated(held.clone())).await;
    order(&app.user(), &held).await;
    app.finish().await;
}
