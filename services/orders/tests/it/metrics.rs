//! Metrics of orders.

use std::time::Duration;

use common::events::TicketState;
use common::{Event, OrderStatus};
use testkit::eventually;

use crate::{
    expiration_of, order, path, payment_of, start, start_with_clock, ticket_for_sale, try_order,
    wait_for_status,
};

#[tokio::test]
async fn orders_are_counted_by_outcome() {
    let (app, clock) = start_with_clock().await;
    let buyer = app.user();
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(order(&buyer, &ticket_for_sale(&app).await).await);
    }
    let refused = try_order(&app.user(), orders[0].ticket.id).await;
    assert_eq!(refused.status, 400);
    assert_eq!(buyer.delete(&path(&orders[0])).await.status, 204);
    for _ in 0..2 {
        app.publish(payment_of(&orders[1])).await;
    }
    wait_for_status(&buyer, &orders[1], OrderStatus::Complete).await;
    clock.advance(Duration::from_secs(901));
    app.publish(expiration_of(&orders[2])).await;
    wait_for_status(&buyer, &orders[2], OrderStatus::Cancelled).await;
    let scrape = app.metrics().await;
    assert_eq!(scrape.count("ticketing_orders_placed_total", &[]), 3);
    assert_eq!(scrape.count("ticketing_orders_rejected_total", &[]), 1);
    for outcome in ["cancelled", "complete", "expired"] {
        let outcome = [("outcome", outcome)];
        assert_eq!(scrape.count("ticketing_orders_ended_total", &outcome), 1);
        assert_eq!(
            scrape.count("ticketing_ticket_hold_duration_seconds_count", &outcome),
            1
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn version_gaps_and_stale_events_are_counted() {
    let app = start().await;
    let ticket = ticket_for_sale(&app).await;
    let newer = TicketState {
        version: 3,
        ..ticket.clone()
    };
    for _ in 0..2 {
        app.publish(Event::TicketUpdated(newer.clone())).await;
    }
    let of = [("collection", "tickets")];
    eventually("both are counted", async || {
        let scrape = app.metrics().await;
        scrape.count("ticketing_replica_version_gaps_total", &of) == 1
            && scrape.count("ticketing_replica_stale_events_total", &of) == 1
    })
    .await;
    app.finish().await;
}
